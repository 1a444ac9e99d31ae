package grade

import (
	"os/exec"
	"runtime"
	"sync"
	"syscall"
)

// starts is served by one thread that never ends: what the kernel calls the parent of a
// process is the thread that started it.
var starts = sync.OnceValue(func() chan func() {
	work := make(chan func())
	go func() {
		runtime.LockOSThread()
		for f := range work {
			f()
		}
	}()
	return work
})

// startMortal starts a process that does not outlive this one, not even if this one is
// killed.
func startMortal(cmd *exec.Cmd) error {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	done := make(chan error)
	starts() <- func() { done <- cmd.Start() }
	return <-done
}
