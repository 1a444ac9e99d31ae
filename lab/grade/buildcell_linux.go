package grade

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"github.com/pingcap/errors"
	"golang.org/x/sys/unix"
)

// cpuGrace is how many seconds of processor time the kernel grants over the limit: what
// watches from outside says more clearly why it ended a process.
const cpuGrace = 5

func (c buildCell) enter() error {
	runtime.LockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return errors.Annotate(err, "no_new_privs")
	}
	allowances := []allowance{{path: "/", access: mayRead}, {path: os.DevNull, access: mayWrite}}
	for _, dir := range c.write {
		// The go command moves results into their place.
		allowances = append(allowances, allowance{path: dir, access: mayWrite | ll.AccessFSRefer})
	}
	err := landlock(allowances...)
	if err != nil {
		return errors.Annotate(err, "landlock")
	}
	for _, limit := range []struct {
		name     string
		resource int
		value    uint64
	}{
		{"core", unix.RLIMIT_CORE, 0},
		{"cpu", unix.RLIMIT_CPU, uint64(c.cpu) + cpuGrace},
		{"file size", unix.RLIMIT_FSIZE, uint64(c.file)},
		// What is resident is watched from outside. This is for a process that is faster
		// than the watch.
		{"memory", unix.RLIMIT_DATA, uint64(c.memory) + uint64(c.memory)/4},
	} {
		if err := unix.Setrlimit(limit.resource, &unix.Rlimit{Cur: limit.value, Max: limit.value}); err != nil {
			return errors.Annotate(err, limit.name)
		}
	}
	return errors.Annotate(syscall.Exec(c.command[0], c.command, os.Environ()), c.command[0])
}

// watchBuild kills the process group of a build once it is over a limit. The function
// that it returns ends the watch and returns which limit that was, or "".
func watchBuild(leader *os.Process, l buildLimits, dirs ...string) (stop func() string) {
	const (
		period    = 200 * time.Millisecond
		diskEvery = 5 // periods
	)
	over := ""
	stopping, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(period)
		defer tick.Stop()
		for n := 1; ; n++ {
			select {
			case <-stopping:
				return
			case <-tick.C:
			}
			memory, cpu := groupUse(leader.Pid)
			switch {
			case memory > l.memory:
				over = l.overMemory()
			case cpu > l.cpu:
				over = l.overCPU()
			case n%diskEvery == 0:
				if size, err := sizeOf(dirs...); err == nil && size > l.disk {
					over = l.overDisk()
				}
			}
			if over != "" {
				killGroup(leader)
				return
			}
		}
	}()
	return func() string {
		close(stopping)
		<-stopped
		return over
	}
}

// groupUse returns the resident memory of all processes in a group, in bytes, and the
// processor time of the one that has used most.
func groupUse(group int) (memory int64, cpu time.Duration) {
	const tick = time.Second / 100 // USER_HZ, which the kernel keeps the same for all programs
	proc, err := os.Open("/proc")
	if err != nil {
		return 0, 0
	}
	defer proc.Close()
	names, _ := proc.Readdirnames(-1)
	for _, name := range names {
		if name[0] < '1' || name[0] > '9' {
			continue
		}
		data, err := os.ReadFile("/proc/" + name + "/stat")
		if err != nil {
			continue // it has ended
		}
		// The name of the program, in parentheses, may hold anything.
		text := string(data)
		fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
		number := func(i int) int64 { // as proc_pid_stat(5) counts
			n, _ := strconv.ParseInt(fields[i-3], 10, 64)
			return n
		}
		if len(fields) < 22 || number(5) != int64(group) {
			continue
		}
		memory += number(24) * int64(os.Getpagesize())
		cpu = max(cpu, time.Duration(number(14)+number(15))*tick)
	}
	return memory, cpu
}
