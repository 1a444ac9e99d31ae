package grade

import (
	"math"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"

	llsyscall "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"github.com/pingcap/errors"
	"golang.org/x/sys/unix"
)

// sandboxed says that processes can be limited here before they start.
const sandboxed = true

// candidates are the sandboxes that may work here, the best first.
func candidates() []fence {
	if root() {
		return []fence{{namespaces: true, user: outsider}, {user: outsider}, {namespaces: true}, {}}
	}
	return []fence{{namespaces: true, userspace: true}, {}}
}

func root() bool { return os.Geteuid() == 0 }

// unshare gives a command the namespaces of f. Users keep their numbers in it.
func (f fence) unshare(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	if f.namespaces {
		cmd.SysProcAttr.Cloneflags = unix.CLONE_NEWPID | unix.CLONE_NEWIPC
	}
	if f.userspace {
		cmd.SysProcAttr.Cloneflags |= unix.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: os.Geteuid(), HostID: os.Geteuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getegid(), HostID: os.Getegid(), Size: 1}}
	}
}

// takeReport returns the pipe that the standard input is, or nil if it is none, and leaves
// an empty input. What this process turns into does not have the pipe.
func takeReport() (*os.File, error) {
	var stat unix.Stat_t
	if unix.Fstat(0, &stat) != nil || stat.Mode&unix.S_IFMT != unix.S_IFIFO {
		return nil, nil
	}
	if mode, err := unix.FcntlInt(0, unix.F_GETFL, 0); err != nil || mode&unix.O_ACCMODE != unix.O_WRONLY {
		return nil, err
	}
	report, err := unix.FcntlInt(0, unix.F_DUPFD_CLOEXEC, 100)
	if err != nil {
		return nil, err
	}
	null, err := unix.Open(os.DevNull, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(null)
	return os.NewFile(uintptr(report), "report"), unix.Dup3(null, 0, 0)
}

func (c cell) enter() error {
	// The attributes of a thread, such as no_new_privs, survive exec only for the
	// thread that calls it.
	runtime.LockOSThread()
	closeOnExec(3 + c.files)
	if err := c.impose(0); err != nil {
		return err
	}
	if c.threads > 0 {
		if err := setLimit(0, unix.RLIMIT_NPROC, uint64(c.threads)); err != nil {
			return errors.Annotate(err, "threads")
		}
	}
	if c.user != 0 {
		if err := becomeUser(c.user); err != nil {
			return errors.Annotatef(err, "become user %d", c.user)
		}
	}
	if err := dieWithParent(); err != nil {
		return err
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return errors.Annotate(err, "no_new_privs")
	}
	if c.command[0] == tryWord {
		return c.try()
	}
	if err := c.fenceOff(); err != nil {
		return errors.Annotate(err, "landlock")
	}
	if !hasSeccomp() {
		return errors.Annotate(syscall.Exec(c.command[0], c.command, os.Environ()), c.command[0])
	}
	return errors.Annotate(become(c.command, os.Environ()), c.command[0])
}

// try confines this process and says how far that went.
func (c cell) try() error {
	if f, err := os.Create(c.write + "/try"); err != nil {
		return err
	} else if err := f.Close(); err != nil {
		return err
	}
	var words []string
	c.command = []string{os.DevNull}
	if err := c.fenceOff(); err != nil {
		return errors.Annotate(err, "landlock")
	}
	if abi, err := llsyscall.LandlockGetABIVersion(); err == nil && abi >= 1 {
		words = append(words, wordFiles)
	}
	if hasSeccomp() {
		if err := confineCalls(); err != nil {
			return err
		}
		words = append(words, wordCalls)
	}
	if _, err := os.Stdout.WriteString(strings.Join(words, " ")); err != nil {
		return err
	}
	os.Exit(0)
	return nil
}

// closeOnExec keeps the descriptors from first on from the program that this becomes.
func closeOnExec(first int) {
	if unix.CloseRange(uint(first), math.MaxInt32, unix.CLOSE_RANGE_CLOEXEC) == nil {
		return
	}
	for fd := first; fd < maxDescriptors; fd++ {
		unix.CloseOnExec(fd)
	}
}

// maxDescriptors is more than a grader has, on a kernel without close_range.
const maxDescriptors = 1 << 16

// becomeUser gives up root for good.
func becomeUser(user int) error {
	if err := unix.Setgroups(nil); err != nil {
		return err
	}
	if err := unix.Setresgid(user, user, user); err != nil {
		return err
	}
	return unix.Setresuid(user, user, user)
}

// dieWithParent ends this process when the grader ends, which may have happened already:
// then what is written to it is read by no process.
func dieWithParent() error {
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return errors.Annotate(err, "end with the grader")
	}
	output := []unix.PollFd{{Fd: 1, Events: unix.POLLOUT}}
	if _, err := unix.Poll(output, 0); err != nil && err != unix.EINTR {
		return errors.Annotate(err, "look for the grader")
	}
	if output[0].Revents&unix.POLLERR != 0 {
		return errors.New("the grader is gone")
	}
	return nil
}

// impose puts the limits on a process, or on this one if pid is 0. One that has ended
// needs none.
func (l limits) impose(pid int) error {
	for _, limit := range []struct {
		name     string
		resource int
		value    uint64
	}{
		{"core", unix.RLIMIT_CORE, 0},
		{"cpu", unix.RLIMIT_CPU, uint64(l.cpu)},
		{"file size", unix.RLIMIT_FSIZE, maxFileSize},
		{"open files", unix.RLIMIT_NOFILE, maxOpenFiles},
		// At this limit the Go runtime dies in ways that look like other failures,
		// so the budget itself is watched from outside, and this limit is for
		// allocations that are faster than the watch.
		{"memory", unix.RLIMIT_DATA, 2 * uint64(l.memory)},
		// The runtime reserves more addresses than it uses. This bounds the tables that
		// the kernel has of them, which are not counted as memory.
		{"addresses", unix.RLIMIT_AS, 2*uint64(l.memory) + maxReserved},
		{"locked memory", unix.RLIMIT_MEMLOCK, 0},
		{"message queues", unix.RLIMIT_MSGQUEUE, 0},
		{"pending signals", unix.RLIMIT_SIGPENDING, 64},
	} {
		if err := setLimit(pid, limit.resource, limit.value); err != nil && err != unix.ESRCH {
			return errors.Annotate(err, limit.name)
		}
	}
	return nil
}

// maxReserved bounds the addresses that a process reserves, beyond its memory.
const maxReserved = 8 << 30

func setLimit(pid, resource int, value uint64) error {
	return unix.Prlimit(pid, resource, &unix.Rlimit{Cur: value, Max: value}, nil)
}

// fenceOff leaves the program readable and one directory writable.
func (c cell) fenceOff() error {
	return landlock(
		allowance{path: c.command[0], access: mayRead},
		allowance{path: c.write, access: mayWrite},
		allowance{path: os.DevNull, access: mayWrite, optional: true},
		allowance{path: "/dev/urandom", access: mayRead, optional: true},
		allowance{path: "/sys/kernel/mm/transparent_hugepage/hpage_pmd_size", access: mayRead, optional: true},
	)
}

func enforcedLimits() []string {
	return []string{"processor time", "memory", "threads", "disk", "file size", "open files"}
}
