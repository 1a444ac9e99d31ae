package graded

import (
	"os"
	"os/exec"
	"syscall"
)

// handOn lets cmd inherit files, and returns their handles, which are the same there.
func handOn(cmd *exec.Cmd, a, b *os.File) (uintptr, uintptr) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	for _, f := range []*os.File{a, b} {
		handle := syscall.Handle(f.Fd())
		_ = syscall.SetHandleInformation(handle, syscall.HANDLE_FLAG_INHERIT, syscall.HANDLE_FLAG_INHERIT)
		cmd.SysProcAttr.AdditionalInheritedHandles = append(cmd.SysProcAttr.AdditionalInheritedHandles, handle)
	}
	return a.Fd(), b.Fd()
}
