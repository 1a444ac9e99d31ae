//go:build cgo && unix

package badger

import (
	"os"

	"github.com/pingcap/errors"
	"golang.org/x/sys/unix"

	"github.com/labkv/labkv/kv/engine"
)

// lock locks f until it is closed, or returns engine.ErrInUse.
func lock(f *os.File) error {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Cause(err) == unix.EWOULDBLOCK {
		return engine.ErrInUse
	}
	return err
}

// freeSpace returns the number of bytes by which the files in dir can still
// grow.
func freeSpace(dir string) (uint64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return uint64(st.Bavail) * uint64(st.Bsize), nil
}

// syncDir makes the creation and renaming of files in dir durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if closeErr := d.Close(); err == nil {
		err = closeErr
	}
	return err
}
