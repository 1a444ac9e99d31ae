package grade

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"time"
)

const pollUsage = 20 * time.Millisecond

// clockTick is the unit of times in /proc, on all architectures that Go knows.
const clockTick = 10 * time.Millisecond

// usageOf returns what a process uses.
func usageOf(pid int) (usage, bool) {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return usage{}, false
	}
	// The name of the program, in parentheses, may have spaces in it. Fields are counted
	// from the one after it.
	const userTime, systemTime, threads, residentPages = 11, 12, 17, 21
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) <= residentPages {
		return usage{}, false
	}
	number := func(field int) int64 {
		n, _ := strconv.ParseInt(fields[field], 10, 64)
		return n
	}
	return usage{
		memory:  number(residentPages) * int64(os.Getpagesize()),
		cpu:     time.Duration(number(userTime)+number(systemTime)) * clockTick,
		threads: int(number(threads)),
	}, true
}

// addUnnamed adds files that no directory lists: the ones that are open, and those that
// are only mapped, whose sizes cannot be known.
func (d *diskUse) addUnnamed(pid int) {
	proc := "/proc/" + strconv.Itoa(pid)
	counted := map[uint64]bool{}
	fds, err := os.ReadDir(proc + "/fd")
	if err != nil {
		return
	}
	for _, fd := range fds {
		name := proc + "/fd/" + fd.Name()
		if target, err := os.Readlink(name); err != nil || !strings.HasSuffix(target, " (deleted)") {
			continue
		}
		if info, err := os.Stat(name); err == nil && !counted[inode(info)] {
			counted[inode(info)] = true
			d.bytes += allocated(info)
		}
	}
	maps, err := os.ReadFile(proc + "/maps")
	if err != nil {
		return
	}
	for line := range bytes.Lines(maps) {
		if !bytes.HasSuffix(bytes.TrimSpace(line), []byte(" (deleted)")) {
			continue
		}
		const inodeField = 4
		n, err := strconv.ParseUint(string(bytes.Fields(line)[inodeField]), 10, 64)
		if err == nil && !counted[n] {
			counted[n] = true
			d.bytes += maxFileSize
		}
	}
}
