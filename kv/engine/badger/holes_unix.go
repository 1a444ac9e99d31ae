//go:build cgo && (linux || darwin || freebsd)

package badger

import (
	"os"

	"golang.org/x/sys/unix"
)

// endOfData returns where the last data of f end, which has that size. All that follows
// is zeros. A file system that knows nothing of holes has data everywhere.
func endOfData(f *os.File, size int64) (end int64, err error) {
	for end < size {
		begin, err := seek(f, end, unix.SEEK_DATA)
		switch {
		case err == unix.ENXIO: // there are no data after end
			return end, nil
		case err == unix.EINVAL: // the file system cannot tell
			return size, nil
		case err != nil:
			return 0, err
		}
		if end, err = seek(f, begin, unix.SEEK_HOLE); err != nil {
			return 0, err
		}
	}
	return size, nil
}

func seek(f *os.File, offset int64, whence int) (int64, error) {
	for {
		at, err := unix.Seek(int(f.Fd()), offset, whence)
		if err != unix.EINTR {
			return at, err
		}
	}
}
