//go:build amd64 || arm64

package grade

import (
	"os"
	"runtime"
	"unsafe"

	"github.com/pingcap/errors"
	"golang.org/x/sys/unix"
)

// A call is a system call that a test process may make, with arguments that meet all
// conditions. Several calls of one number are alternatives.
type call struct {
	name       string
	number     uint32
	conditions []condition
	why        string
}

// allowedCalls are all that a test process may do, the frequent ones first: what a Go
// program without cgo needs that computes, and that keeps files in its directory. Landlock
// says which files those are. Everything else fails with EPERM. That is the network,
// other processes, System V objects, mounts and namespaces, and also what Landlock does
// not watch, such as chmod, links, and times and attributes of files.
//
// Calls that work on a process by its number get only self. execve is allowed once, for
// the sandbox itself: nothing can be mapped at its argument's address afterwards.
func allowedCalls(self uint32) []call {
	const (
		futexPrivate = 128
		madvCollapse = 25
		setAnonName  = 0x53564d41 // PR_SET_VMA
	)
	own := is(0, self)
	current := is(0, 0) // this process or thread, in calls that know others by number
	return append([]call{
		{"futex", unix.SYS_FUTEX, []condition{is(1, 0, 1, futexPrivate, futexPrivate|1)}, "wait and wake; the other operations hold kernel memory"},
		{"getpid", unix.SYS_GETPID, nil, "preemption"},
		{"tgkill", unix.SYS_TGKILL, []condition{own}, "preemption: a signal to a thread of its own"},
		{"rt_sigreturn", unix.SYS_RT_SIGRETURN, nil, "signals"},
		{"madvise", unix.SYS_MADVISE, []condition{is(2,
			unix.MADV_NORMAL, unix.MADV_RANDOM, unix.MADV_SEQUENTIAL, unix.MADV_WILLNEED, unix.MADV_DONTNEED,
			unix.MADV_FREE, unix.MADV_HUGEPAGE, unix.MADV_NOHUGEPAGE, madvCollapse)}, "the collector; no sharing of equal pages"},
		{"nanosleep", unix.SYS_NANOSLEEP, nil, "the scheduler"},
		{"epoll_pwait", unix.SYS_EPOLL_PWAIT, nil, "the scheduler"},
		{"sched_yield", unix.SYS_SCHED_YIELD, nil, "the scheduler"},
		{"read", unix.SYS_READ, nil, "files"},
		{"write", unix.SYS_WRITE, nil, "files, output, the report"},
		{"pread64", unix.SYS_PREAD64, nil, "files"},
		{"pwrite64", unix.SYS_PWRITE64, nil, "files"},

		{"mmap", unix.SYS_MMAP, []condition{above(0, mapFloor), none(2, unix.PROT_EXEC),
			flags(3, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS, unix.MAP_FIXED|unix.MAP_NORESERVE)}, "memory of its own, which is counted"},
		{"mmap", unix.SYS_MMAP, []condition{above(0, mapFloor), none(2, unix.PROT_EXEC),
			flags(3, unix.MAP_SHARED, unix.MAP_FIXED)}, "an engine's files; shared memory without a file is not counted anywhere"},
		{"mmap", unix.SYS_MMAP, []condition{above(0, mapFloor), none(2, unix.PROT_EXEC),
			flags(3, unix.MAP_PRIVATE, unix.MAP_FIXED)}, "an engine's files"},
		{"mremap", unix.SYS_MREMAP, []condition{flags(3, 0, unix.MREMAP_MAYMOVE)}, "an engine's files that grow; never to a chosen address"},
		{"munmap", unix.SYS_MUNMAP, nil, "memory"},
		{"mprotect", unix.SYS_MPROTECT, []condition{none(2, unix.PROT_EXEC)}, "memory; no new code"},
		{"msync", unix.SYS_MSYNC, nil, "an engine's files"},
		{"prctl", unix.SYS_PRCTL, []condition{is(0, setAnonName)}, "the runtime names its memory"},

		{"clone", unix.SYS_CLONE, []condition{flags(0, unix.CLONE_VM|unix.CLONE_SIGHAND|unix.CLONE_THREAD,
			unix.CLONE_FS|unix.CLONE_FILES|unix.CLONE_SYSVSEM|unix.CLONE_SETTLS|unix.CLONE_PARENT_SETTID|
				unix.CLONE_CHILD_SETTID|unix.CLONE_CHILD_CLEARTID)}, "threads, never processes"},
		{"gettid", unix.SYS_GETTID, nil, "threads"},
		{"sched_getaffinity", unix.SYS_SCHED_GETAFFINITY, []condition{current}, "the number of processors"},
		{"exit", unix.SYS_EXIT, nil, "the end of a thread"},
		{"exit_group", unix.SYS_EXIT_GROUP, nil, "the end"},
		{"execve", unix.SYS_EXECVE, []condition{pointer(0, execPath)}, "the sandbox becomes the test"},
		{"prlimit64", unix.SYS_PRLIMIT64, []condition{current, pointer(2, 0)}, "asks for its own limits, and sets none"},
		{"kill", unix.SYS_KILL, []condition{own}, "ends itself"},
		{"rt_sigaction", unix.SYS_RT_SIGACTION, nil, "signals"},
		{"rt_sigprocmask", unix.SYS_RT_SIGPROCMASK, nil, "signals"},
		{"sigaltstack", unix.SYS_SIGALTSTACK, nil, "signals"},
		{"restart_syscall", unix.SYS_RESTART_SYSCALL, nil, "a call goes on after a stop"},
		{"clock_gettime", unix.SYS_CLOCK_GETTIME, nil, "time, where no page shows it"},
		{"gettimeofday", unix.SYS_GETTIMEOFDAY, nil, "time, where no page shows it"},
		{"getrandom", unix.SYS_GETRANDOM, nil, "randomness"},
		{"getuid", unix.SYS_GETUID, nil, "os.Getuid cannot fail"},
		{"geteuid", unix.SYS_GETEUID, nil, "os.Geteuid cannot fail"},
		{"getgid", unix.SYS_GETGID, nil, "os.Getgid cannot fail"},
		{"getegid", unix.SYS_GETEGID, nil, "os.Getegid cannot fail"},
		{"getppid", unix.SYS_GETPPID, nil, "os.Getppid cannot fail"},

		{"epoll_create1", unix.SYS_EPOLL_CREATE1, nil, "the runtime waits for its output"},
		{"epoll_ctl", unix.SYS_EPOLL_CTL, nil, "the runtime waits for its output"},
		{"eventfd2", unix.SYS_EVENTFD2, nil, "the runtime wakes itself"},
		{"pipe2", unix.SYS_PIPE2, []condition{flags(1, 0, unix.O_CLOEXEC|unix.O_NONBLOCK)}, "os.Pipe; pipes keep their size"},
		{"openat", unix.SYS_OPENAT, nil, "files"},
		{"close", unix.SYS_CLOSE, nil, "files"},
		{"fcntl", unix.SYS_FCNTL, []condition{is(1, unix.F_GETFD, unix.F_SETFD, unix.F_GETFL, unix.F_SETFL, unix.F_DUPFD_CLOEXEC)}, "files; no locks, which take kernel memory, and no signals"},
		{"fstat", unix.SYS_FSTAT, nil, "files"},
		{"lseek", unix.SYS_LSEEK, nil, "files"},
		{"getdents64", unix.SYS_GETDENTS64, nil, "directories"},
		{"mkdirat", unix.SYS_MKDIRAT, []condition{flags(2, 0o700, 0o077)}, "directories that the grader can list and remove"},
		{"unlinkat", unix.SYS_UNLINKAT, nil, "files and directories"},
		{"renameat", unix.SYS_RENAMEAT, nil, "files and directories"},
		{"ftruncate", unix.SYS_FTRUNCATE, nil, "files"},
		{"fallocate", unix.SYS_FALLOCATE, []condition{is(1, 0, unix.FALLOC_FL_KEEP_SIZE, unix.FALLOC_FL_KEEP_SIZE|unix.FALLOC_FL_PUNCH_HOLE)}, "an engine's files"},
		{"statfs", unix.SYS_STATFS, nil, "an engine asks what its file system can"},
		{"fsync", unix.SYS_FSYNC, nil, "files"},
		{"fdatasync", unix.SYS_FDATASYNC, nil, "files"},
		{"flock", unix.SYS_FLOCK, nil, "one lock for each open file"},
		{"readlinkat", unix.SYS_READLINKAT, nil, "os.Executable"},
		{"faccessat", unix.SYS_FACCESSAT, nil, "files"},
		{"getcwd", unix.SYS_GETCWD, nil, "the working directory"},
	}, allowedHere...)
}

const (
	// execPath is the address of the path in the one execve that is allowed, and mapFloor
	// the lowest address at which a test process maps anything: so nothing is at execPath
	// once that execve has emptied the address space. Left to itself the kernel comes
	// down here only after all else is full, which the limit on addresses prevents.
	execPath = 1 << 20
	mapFloor = 1 << 21
)

// A condition is what an argument of a call must be, as instructions that go on after
// their last one if it is met, and jump to mismatch if it is not.
type condition []unix.SockFilter

const (
	mismatch = 0xff // the place of a jump that is not known yet

	loadWord   = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
	and        = unix.BPF_ALU | unix.BPF_AND | unix.BPF_K
	ifEqual    = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
	ifAtLeast  = unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K
	ifAny      = unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K
	returnWith = unix.BPF_RET | unix.BPF_K

	// Offsets in the kernel's struct seccomp_data.
	numberOffset = 0
	archOffset   = 4
	argsOffset   = 16
)

// lowWord loads the half of an argument that the kernel looks at if the argument is an
// int. Both architectures have the low half first.
func lowWord(arg uint32) unix.SockFilter {
	return unix.SockFilter{Code: loadWord, K: argsOffset + 8*arg}
}

func highWord(arg uint32) unix.SockFilter {
	return unix.SockFilter{Code: loadWord, K: argsOffset + 8*arg + 4}
}

// is wants one of some values.
func is(arg uint32, values ...uint32) condition {
	c := condition{lowWord(arg)}
	for i, v := range values {
		test := unix.SockFilter{Code: ifEqual, K: v, Jt: uint8(len(values) - 1 - i)}
		if i == len(values)-1 {
			test.Jf = mismatch
		}
		c = append(c, test)
	}
	return c
}

// flags wants all bits of must, and no others than the bits of may.
func flags(arg, must, may uint32) condition {
	return condition{lowWord(arg), {Code: and, K: ^may}, {Code: ifEqual, K: must, Jf: mismatch}}
}

// none wants none of some bits.
func none(arg, bits uint32) condition {
	return condition{lowWord(arg), {Code: ifAny, K: bits, Jt: mismatch}}
}

// pointer wants an address below 4 GiB.
func pointer(arg, address uint32) condition {
	return condition{
		lowWord(arg), {Code: ifEqual, K: address, Jf: mismatch},
		highWord(arg), {Code: ifEqual, K: 0, Jf: mismatch},
	}
}

// above wants no address, or one that is not below floor.
func above(arg, floor uint32) condition {
	return condition{
		highWord(arg), {Code: ifEqual, K: 0, Jf: 3},
		lowWord(arg), {Code: ifEqual, K: 0, Jt: 1},
		{Code: ifAtLeast, K: floor, Jf: mismatch},
	}
}

// filter is the program that decides about system calls.
func filter(calls []call) []unix.SockFilter {
	program := []unix.SockFilter{
		{Code: loadWord, K: archOffset},
		{Code: ifEqual, K: seccompArch, Jt: 1},
		{Code: returnWith, K: unix.SECCOMP_RET_KILL_PROCESS},
	}
	for _, c := range calls {
		block := []unix.SockFilter{{Code: loadWord, K: numberOffset}, {Code: ifEqual, K: c.number, Jf: mismatch}}
		for _, condition := range c.conditions {
			block = append(block, condition...)
		}
		block = append(block, unix.SockFilter{Code: returnWith, K: unix.SECCOMP_RET_ALLOW})
		for i := range block {
			// To the next call.
			if block[i].Jt == mismatch {
				block[i].Jt = uint8(len(block) - 1 - i)
			}
			if block[i].Jf == mismatch {
				block[i].Jf = uint8(len(block) - 1 - i)
			}
		}
		program = append(program, block...)
	}
	return append(program,
		unix.SockFilter{Code: loadWord, K: numberOffset},
		// The arguments of clone3 are in memory, out of a filter's sight. Where it is
		// unknown, programs take clone.
		unix.SockFilter{Code: ifEqual, K: unix.SYS_CLONE3, Jf: 1},
		unix.SockFilter{Code: returnWith, K: unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)},
		unix.SockFilter{Code: returnWith, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)},
	)
}

// hasSeccomp reports whether confineCalls works here.
func hasSeccomp() bool {
	_, err := os.Stat("/proc/sys/kernel/seccomp/actions_avail")
	return err == nil && seccompArch != 0
}

// confineCalls leaves only allowedCalls to this thread and what it turns into, from now
// on and for good.
func confineCalls() error {
	instructions := filter(allowedCalls(uint32(os.Getpid())))
	program := unix.SockFprog{Len: uint16(len(instructions)), Filter: &instructions[0]}
	err := unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&program)), 0, 0)
	runtime.KeepAlive(instructions)
	return errors.Annotate(err, "seccomp")
}

// become turns this process into another program, by the only execve that is allowed
// after confineCalls, in the same thread.
func become(command, env []string) error {
	argv, err := pointers(command)
	if err != nil {
		return err
	}
	envp, err := pointers(env)
	if err != nil {
		return err
	}
	if err := placePath(command[0]); err != nil {
		return errors.Annotate(err, "place the path")
	}
	if err := confineCalls(); err != nil {
		return err
	}
	var errno unix.Errno
	for range 1000 {
		_, _, errno = unix.RawSyscall(unix.SYS_EXECVE, execPath, uintptr(unsafe.Pointer(&argv[0])), uintptr(unsafe.Pointer(&envp[0])))
		if errno != unix.EAGAIN { // EAGAIN: another thread is just being made
			break
		}
	}
	runtime.KeepAlive(argv)
	runtime.KeepAlive(envp)
	return errno
}

// placePath writes a path to execPath. That is not memory of Go's, so the kernel writes it.
func placePath(path string) error {
	size := uintptr(len(path) + 1)
	page, _, errno := unix.Syscall6(unix.SYS_MMAP, execPath, size, unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_FIXED_NOREPLACE, ^uintptr(0), 0)
	if errno != 0 {
		return errno
	}
	if page != execPath {
		return unix.EEXIST
	}
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	defer w.Close()
	if _, err := w.WriteString(path + "\x00"); err != nil {
		return err
	}
	if n, _, errno := unix.Syscall(unix.SYS_READ, r.Fd(), page, size); errno != 0 || n != size {
		return errors.Errorf("read %d of %d bytes: %v", n, size, errno)
	}
	return nil
}

func pointers(texts []string) ([]*byte, error) {
	list := make([]*byte, len(texts)+1)
	for i, text := range texts {
		var err error
		if list[i], err = unix.BytePtrFromString(text); err != nil {
			return nil, err
		}
	}
	return list, nil
}
