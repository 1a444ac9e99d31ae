//go:build cgo && !linux

package badger

import "os"

// fdatasync makes the contents of f durable.
func fdatasync(f *os.File) error { return f.Sync() }
