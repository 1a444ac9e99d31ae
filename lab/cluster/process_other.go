//go:build !unix

package cluster

import (
	"os"
	"syscall"
)

// ownGroup does nothing: there are no process groups here.
func ownGroup() *syscall.SysProcAttr { return nil }

// killGroup kills a process; what it started ends by itself.
func killGroup(p *os.Process) error { return p.Kill() }

// resume does nothing: processes cannot be stopped here.
func resume(*os.Process) error { return nil }
