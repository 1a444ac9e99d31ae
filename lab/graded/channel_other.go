//go:build !unix && !windows

package graded

import (
	"os"
	"os/exec"
)

// handOn returns nothing: where this is built for, no process starts another.
func handOn(*exec.Cmd, []*os.File) []uintptr { return nil }
