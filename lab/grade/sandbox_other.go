//go:build !linux

package grade

import (
	"os"
	"os/exec"
	"runtime"

	"github.com/pingcap/errors"
)

const sandboxed = false

func candidates() []fence { return nil }

func root() bool { return os.Geteuid() == 0 }

func (f fence) unshare(*exec.Cmd) {}

func takeReport() (*os.File, error) { return nil, nil }

func (c cell) enter() error {
	return errors.Errorf("not available on %s", runtime.GOOS)
}

func (l limits) impose(int) error { return nil }

func enforcedLimits() []string {
	if runtime.GOOS == "windows" {
		return nil
	}
	return []string{"processor time", "memory", "disk"}
}
