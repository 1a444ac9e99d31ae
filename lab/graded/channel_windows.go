package graded

import (
	"os"
	"os/exec"
	"syscall"
)

// handOn lets cmd inherit files, and returns their handles, which are the same there.
func handOn(cmd *exec.Cmd, files []*os.File) []uintptr {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	var there []uintptr
	for _, f := range files {
		handle := syscall.Handle(f.Fd())
		_ = syscall.SetHandleInformation(handle, syscall.HANDLE_FLAG_INHERIT, syscall.HANDLE_FLAG_INHERIT)
		cmd.SysProcAttr.AdditionalInheritedHandles = append(cmd.SysProcAttr.AdditionalInheritedHandles, handle)
		there = append(there, uintptr(handle))
	}
	return there
}
