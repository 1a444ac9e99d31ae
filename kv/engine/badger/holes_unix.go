//go:build cgo && (linux || darwin || freebsd)

package badger

import (
	"os"

	"golang.org/x/sys/unix"
)

// endOfData returns where the last data of f end, which has that size. All that follows
// is zeros. Where the file system cannot tell, all of f counts as data.
func endOfData(f *os.File, size int64) (end int64) {
	for end < size {
		begin, err := seek(f, end, unix.SEEK_DATA)
		if err == unix.ENXIO { // there are no data after end
			return end
		}
		if err == nil {
			end, err = seek(f, begin, unix.SEEK_HOLE)
		}
		if err != nil {
			return size
		}
	}
	return size
}

func seek(f *os.File, offset int64, whence int) (int64, error) {
	for {
		at, err := unix.Seek(int(f.Fd()), offset, whence)
		if err != unix.EINTR {
			return at, err
		}
	}
}
