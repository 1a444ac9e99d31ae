//go:build unix

package graded

import (
	"os"
	"os/exec"
)

// handOn lets cmd inherit files, and returns what their descriptors are there.
func handOn(cmd *exec.Cmd, a, b *os.File) (uintptr, uintptr) {
	cmd.ExtraFiles = []*os.File{a, b}
	return 3, 4 // after standard input, output and error
}
