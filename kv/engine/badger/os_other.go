//go:build cgo && !unix

package badger

import (
	"math"
	"os"
)

// lock leaves the locking to badger, which locks the directory itself.
func lock(*os.File) error { return nil }

// freeSpace does not know.
func freeSpace(string) (uint64, error) { return math.MaxUint64, nil }

// syncDir does nothing: directories cannot be synced here.
func syncDir(string) error { return nil }
