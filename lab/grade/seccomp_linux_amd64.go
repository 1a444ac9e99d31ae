package grade

import "golang.org/x/sys/unix"

// seccompArch is the architecture as the kernel reports it to filters.
const seccompArch = unix.AUDIT_ARCH_X86_64

// allowedHere are calls that other architectures do not have.
var allowedHere = []call{
	{"newfstatat", unix.SYS_NEWFSTATAT, nil, "files"},
	{"arch_prctl", unix.SYS_ARCH_PRCTL, nil, "the runtime's thread-local storage"},
}
