//go:build unix

package main

import "golang.org/x/sys/unix"

// room returns the size of the disk that a directory is on, and what is free of it, in
// bytes.
func room(dir string) (capacity, available uint64, ok bool) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, 0, false
	}
	size := uint64(st.Bsize)
	return uint64(st.Blocks) * size, uint64(st.Bavail) * size, true
}
