//go:build !unix

package await

import (
	"os"
	"os/exec"
)

// ownGroup does nothing: there are no process groups here.
func ownGroup(*exec.Cmd) {}

// terminate kills a process; what it started ends by itself.
func terminate(leader *os.Process) error { return leader.Kill() }
