//go:build !linux

package grade

import (
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/pingcap/errors"
)

const (
	sandboxed  = false
	pollMemory = 200 * time.Millisecond
)

func (c cell) enter() error {
	return errors.Errorf("not available on %s", runtime.GOOS)
}

func (l limits) impose(int) error { return nil }

func enforcedLimits() []string {
	if runtime.GOOS == "windows" {
		return []string{"nothing else (on Windows)"}
	}
	return []string{"memory (polled)"}
}

func enforcedConfinement() []string {
	return []string{"not files or network (only Linux can)"}
}

// residentMemory returns the resident memory of a process in bytes, as far as ps
// knows it.
func residentMemory(pid int) (int64, bool) {
	if runtime.GOOS == "windows" {
		return 0, false
	}
	out, err := exec.Command("ps", "-o", "rss=", "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		return 0, false
	}
	kib, err := strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
	return kib << 10, err == nil
}
