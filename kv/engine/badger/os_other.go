//go:build cgo && !unix

package badger

import (
	"math"
	"os"
)

// lock does nothing: badger locks the directory itself.
func lock(*os.File) error { return nil }

// freeSpace returns the largest number: the free space is not known on this
// system.
func freeSpace(string) (uint64, error) { return math.MaxUint64, nil }

// syncDir does nothing: this system cannot sync a directory.
func syncDir(string) error { return nil }
