package grade

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/landlock-lsm/go-landlock/landlock"
	llsyscall "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"github.com/pingcap/errors"
	"golang.org/x/sys/unix"
)

const (
	// sandboxed says that processes can be limited here before they start.
	sandboxed  = true
	pollMemory = 20 * time.Millisecond
)

func (c cell) enter() error {
	// The attributes of a thread, such as no_new_privs, survive exec only for the
	// thread that calls it.
	runtime.LockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return errors.Annotate(err, "no_new_privs")
	}
	if err := c.landlock(); err != nil {
		return errors.Annotate(err, "landlock")
	}
	if hasSeccomp() {
		if err := denySockets(); err != nil {
			return err
		}
	}
	if err := c.impose(0); err != nil {
		return err
	}
	return errors.Annotate(syscall.Exec(c.command[0], c.command, os.Environ()), c.command[0])
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
		// allocations that are faster than the watch. It does not bound the address
		// space, of which the runtime reserves more than it uses.
		{"memory", unix.RLIMIT_DATA, 2 * uint64(l.memory)},
	} {
		err := unix.Prlimit(pid, limit.resource, &unix.Rlimit{Cur: limit.value, Max: limit.value}, nil)
		if err != nil && err != unix.ESRCH {
			return errors.Annotate(err, limit.name)
		}
	}
	return nil
}

// landlock leaves the program readable and one directory writable, and forbids
// signals to processes outside. Kernels that know only some of it enforce that
// part.
func (c cell) landlock() error {
	return landlock.V6.BestEffort().Restrict(
		landlock.ROFiles(c.command[0]),
		landlock.RWDirs(c.write),
		landlock.RWFiles("/dev/null").IgnoreIfMissing(),
		landlock.ROFiles("/dev/urandom", "/sys/kernel/mm/transparent_hugepage/hpage_pmd_size").IgnoreIfMissing(),
	)
}

func enforcedLimits() []string {
	return []string{"memory", "processor time", "file size", "open files"}
}

func enforcedConfinement() []string {
	var parts []string
	if abi, err := llsyscall.LandlockGetABIVersion(); err == nil && abi >= 1 {
		parts = append(parts, "files outside its folder")
	} else {
		parts = append(parts, "not files (this kernel has no Landlock)")
	}
	if hasSeccomp() {
		return append(parts, "network")
	}
	return append(parts, "not the network (no seccomp here)")
}

// residentMemory returns the resident memory of a process in bytes.
func residentMemory(pid int) (int64, bool) {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/statm")
	if err != nil {
		return 0, false
	}
	fields := strings.Fields(string(data))
	if len(fields) < 2 {
		return 0, false
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize()), err == nil
}
