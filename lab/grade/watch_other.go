//go:build !linux

package grade

import (
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"
)

const pollUsage = 200 * time.Millisecond

// usageOf returns what a process uses, as far as ps knows it.
func usageOf(pid int) (usage, bool) {
	if runtime.GOOS == "windows" {
		return usage{}, false
	}
	out, err := exec.Command("ps", "-o", "rss=,time=", "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		return usage{}, false
	}
	fields := strings.Fields(string(out))
	if len(fields) != 2 {
		return usage{}, false
	}
	kib, err := strconv.ParseInt(fields[0], 10, 64)
	if err != nil {
		return usage{}, false
	}
	return usage{memory: kib << 10, cpu: parseClock(fields[1])}, true
}

// parseClock reads a time of ps: [[days-]hours:]minutes:seconds, with or without a fraction.
// It is negative if it is none.
func parseClock(text string) time.Duration {
	days, clock, ok := strings.Cut(text, "-")
	if !ok {
		days, clock = "0", text
	}
	total, err := strconv.ParseFloat(days, 64)
	total *= 24
	parts := strings.Split(clock, ":")
	if err != nil || len(parts) < 2 || len(parts) > 3 {
		return -1
	}
	if len(parts) == 2 {
		parts = append([]string{"0"}, parts...)
	}
	for i, part := range parts {
		n, err := strconv.ParseFloat(part, 64)
		if err != nil {
			return -1
		}
		if i > 0 {
			total *= 60
		}
		total += n
	}
	return time.Duration(total * float64(time.Second))
}

// addUnnamed adds nothing: files without a name cannot be found here.
func (d *diskUse) addUnnamed(int) {}
