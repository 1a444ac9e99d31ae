//go:build linux && !amd64 && !arm64

package grade

import "syscall"

// hasSeccomp reports that there is no list of system calls for this architecture.
func hasSeccomp() bool { return false }

func confineCalls() error { return syscall.ENOSYS }

func become(command, env []string) error { return syscall.Exec(command[0], command, env) }
