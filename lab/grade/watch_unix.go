//go:build unix

package grade

import (
	"os"
	"syscall"
)

// allocated returns how many bytes of the disk a file takes, which are fewer than its
// size if it has holes.
func allocated(info os.FileInfo) int64 {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return int64(stat.Blocks) * 512
	}
	return info.Size()
}

func inode(info os.FileInfo) uint64 {
	stat, _ := info.Sys().(*syscall.Stat_t)
	if stat == nil {
		return 0
	}
	return uint64(stat.Ino)
}
