//go:build !unix

package cluster

import (
	"errors"
	"os"
	"syscall"
)

// ownGroup does nothing: there are no process groups here.
func ownGroup() *syscall.SysProcAttr { return nil }

// killGroup kills a process; what it started ends by itself.
func killGroup(p *os.Process) error { return p.Kill() }

// pause returns an error: processes cannot be paused here.
func pause(*os.Process) error { return errors.New("this system has no way to pause a process") }

// resume does nothing: processes cannot be paused here.
func resume(*os.Process) error { return nil }
