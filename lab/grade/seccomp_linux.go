package grade

import (
	"os"
	"runtime"
	"unsafe"

	"github.com/pingcap/errors"
	"golang.org/x/sys/unix"
)

// seccompArch is the architecture as the kernel reports it to filters, 0 where
// there is no filter for it.
func seccompArch() uint32 {
	switch runtime.GOARCH {
	case "amd64":
		return unix.AUDIT_ARCH_X86_64
	case "arm64":
		return unix.AUDIT_ARCH_AARCH64
	}
	return 0
}

// hasSeccomp reports whether denySockets works here.
func hasSeccomp() bool {
	_, err := os.Stat("/proc/sys/kernel/seccomp/actions_avail")
	return err == nil && seccompArch() != 0
}

// deniedCalls are the system calls that lead to a network or into another
// process. io_uring is among them because it opens sockets by itself.
var deniedCalls = []uint32{
	unix.SYS_SOCKET,
	unix.SYS_IO_URING_SETUP,
	unix.SYS_PTRACE,
	unix.SYS_PROCESS_VM_READV,
	unix.SYS_PROCESS_VM_WRITEV,
}

// denySockets makes deniedCalls fail with EPERM, from now on and for good, in
// this thread and what it turns into. Landlock alone does not do it: it knows TCP
// and not UDP, and not TCP over MPTCP, which is what Go listens with.
func denySockets() error {
	const (
		number      = 0 // offsets in the kernel's struct seccomp_data
		arch        = 4
		otherABI    = 0x40000000 // system calls of amd64's x32 have this bit
		loadWord    = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
		jumpEqual   = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
		jumpAtLeast = unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K
		ret         = unix.BPF_RET | unix.BPF_K
	)
	filter := []unix.SockFilter{
		{Code: loadWord, K: arch},
		{Code: jumpEqual, K: seccompArch(), Jt: 1},
		{Code: ret, K: unix.SECCOMP_RET_KILL_PROCESS},
		{Code: loadWord, K: number},
		{Code: jumpAtLeast, K: otherABI, Jt: uint8(len(deniedCalls)) + 1},
	}
	for i, call := range deniedCalls {
		// To the last instruction, after the other comparisons and the one that allows.
		filter = append(filter, unix.SockFilter{Code: jumpEqual, K: call, Jt: uint8(len(deniedCalls) - i)})
	}
	filter = append(filter,
		unix.SockFilter{Code: ret, K: unix.SECCOMP_RET_ALLOW},
		unix.SockFilter{Code: ret, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)},
	)
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	err := unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&program)), 0, 0)
	runtime.KeepAlive(filter)
	return errors.Annotate(err, "seccomp")
}
