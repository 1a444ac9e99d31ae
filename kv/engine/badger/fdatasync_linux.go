//go:build cgo

package badger

import (
	"os"

	"golang.org/x/sys/unix"
)

// fdatasync makes the contents of f durable, without its modification time.
func fdatasync(f *os.File) error {
	for {
		if err := unix.Fdatasync(int(f.Fd())); err != unix.EINTR {
			return err
		}
	}
}
