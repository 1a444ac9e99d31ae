//go:build unix

package await

import (
	"os"
	"os/exec"
	"syscall"
	"time"
)

// ownGroup makes cmd the leader of a process group.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// terminate asks the processes of a group to end, and kills them if they do not.
func terminate(leader *os.Process) error {
	time.AfterFunc(grace, func() { _ = syscall.Kill(-leader.Pid, syscall.SIGKILL) })
	return syscall.Kill(-leader.Pid, syscall.SIGTERM)
}
