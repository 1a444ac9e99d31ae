//go:build unix

package grade

import (
	"os"
	"os/exec"
	"syscall"
)

// setProcessGroup makes cmd the leader of a new process group, so that it can
// be ended with everything that it starts.
func setProcessGroup(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
}

func killGroup(p *os.Process) error {
	return syscall.Kill(-p.Pid, syscall.SIGKILL)
}

// quit asks a Go process to print its stacks and exit, and reports whether it
// could be asked. The thread that is asked prints the goroutine that it runs; what
// runs on other threads the runtime leaves out.
func quit(p *os.Process) bool {
	return signalRunning(p.Pid, syscall.SIGQUIT) || p.Signal(syscall.SIGQUIT) == nil
}
