//go:build unix

package cluster

import (
	"os"
	"syscall"
)

// ownGroup makes a process the leader of a group of its own, which the terminal
// sends no signals to.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// killGroup kills a process that has a group of its own, and all that it started.
func killGroup(p *os.Process) error { return syscall.Kill(-p.Pid, syscall.SIGKILL) }

// pause makes a process stop where it is.
func pause(p *os.Process) error { return p.Signal(syscall.SIGSTOP) }

// resume makes a process go on that was paused.
func resume(p *os.Process) error { return p.Signal(syscall.SIGCONT) }
