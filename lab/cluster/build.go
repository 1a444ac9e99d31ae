package cluster

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/pingcap/errors"
)

// Build builds programs, given as packages, of the module that dir is in ("" for the
// working directory), and puts them into the directory out. It needs a C compiler,
// for the engine on disk.
func Build(ctx context.Context, dir, out string, packages ...string) error {
	// What an interrupted build leaves behind is removed with this.
	temporary, err := os.MkdirTemp("", "labkv-build-")
	if err != nil {
		return errors.Trace(err)
	}
	defer os.RemoveAll(temporary)
	build := exec.CommandContext(ctx, "go", append([]string{"build", "-o", out + string(filepath.Separator)}, packages...)...)
	build.Dir = dir
	build.Env = append(os.Environ(), "CGO_ENABLED=1", "TMPDIR="+temporary, "GOTMPDIR="+temporary)
	var says bytes.Buffer
	build.Stdout, build.Stderr = &says, &says
	build.SysProcAttr = ownGroup()
	build.Cancel = func() error { return killGroup(build.Process) }
	build.WaitDelay = 5 * time.Second
	if err := build.Run(); err != nil {
		if ctx.Err() != nil {
			return errors.Trace(ctx.Err())
		}
		return errors.Annotatef(err, "cannot build %s\n%s", strings.Join(packages, ", "), &says)
	}
	return nil
}
