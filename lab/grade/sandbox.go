package grade

import (
	"context"
	"flag"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/lab/course"
)

// Sandbox says how test processes are confined. Time is always limited.
//
// A submission's tests are confined before their first instruction. What does that is a
// second start of the grading program, which limits itself and becomes the test binary:
// it ends in [SandboxMain]. That costs as much time as a short test. Tests of one's
// own tree are started at once, and limited a moment later.
type Sandbox struct {
	// Self is the command line that leads to SandboxMain. Without it only time is
	// limited.
	Self []string
	// Confine also takes the file system and the network away, as a submission's
	// tests need. Without it only memory, CPU time and such are limited.
	Confine bool
}

// limits bound what a process may use.
type limits struct {
	memory int64 // bytes of private memory
	cpu    int64 // seconds of processor time
}

// limitsOf returns the limits that go with a budget.
func limitsOf(b course.Budget) limits {
	// The process runs Go code on one processor, but its collector may use another.
	return limits{memory: b.Memory, cpu: 2*int64(b.Time.Seconds()) + 5}
}

// A cell is what SandboxMain is told to enter.
type cell struct {
	limits
	write   string   // the directory that may be written; only the program may be read
	command []string // program and arguments
}

const (
	maxFileSize  = 64 << 20
	maxOpenFiles = 256
)

// command returns the command that runs program within budget, able to write
// below home.
func (s Sandbox) command(ctx context.Context, budget course.Budget, home, program string, args ...string) *exec.Cmd {
	if len(s.Self) == 0 || !s.Confine || !sandboxed {
		return exec.CommandContext(ctx, program, args...)
	}
	l := limitsOf(budget)
	line := append([]string(nil), s.Self[1:]...)
	line = append(line,
		"-memory="+strconv.FormatInt(l.memory, 10),
		"-cpu="+strconv.FormatInt(l.cpu, 10),
		"-write="+home,
	)
	line = append(append(line, "--", program), args...)
	return exec.CommandContext(ctx, s.Self[0], line...)
}

// limit puts limits on a process that has just been started, unless it has put them on
// itself.
func (s Sandbox) limit(p *os.Process, budget course.Budget) error {
	if len(s.Self) == 0 || s.Confine {
		return nil
	}
	return errors.Annotate(limitsOf(budget).impose(p.Pid), "limit test process")
}

// SandboxMain limits the current process as args say and turns it into the
// program that they name. It returns only if that failed.
//
// Two words as the first argument lead to the other programs that a batch starts: build
// to the build of a submission, and cache to its build cache, which serves the go
// command until that is done.
func SandboxMain(args []string) error {
	if len(args) > 0 {
		switch args[0] {
		case "build":
			return buildCellMain(args[1:])
		case "cache":
			if err := buildCacheMain(args[1:]); err != nil {
				return err
			}
			os.Exit(0)
		}
	}
	var c cell
	flags := flag.NewFlagSet("sandbox", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Int64Var(&c.memory, "memory", 0, "bytes of memory")
	flags.Int64Var(&c.cpu, "cpu", 0, "seconds of processor time")
	flags.StringVar(&c.write, "write", "", "directory that may be written")
	if err := flags.Parse(args); err != nil {
		return err
	}
	c.command = flags.Args()
	if len(c.command) == 0 || c.memory <= 0 || c.cpu <= 0 || c.write == "" {
		return errors.New("sandbox: -memory, -cpu, -write and a program are required")
	}
	return errors.Annotate(c.enter(), "sandbox")
}

// Enforced says in one line what is enforced on this machine.
func (s Sandbox) Enforced() string {
	enforced := []string{"real time"}
	if len(s.Self) > 0 {
		enforced = append(enforced, enforcedLimits()...)
		if s.Confine {
			enforced = append(enforced, enforcedConfinement()...)
		}
	}
	return "limited: " + strings.Join(enforced, ", ")
}

// watch kills the process's group once its resident memory is over a limit in
// bytes. The function it returns ends the watch and reports whether it killed.
func (s Sandbox) watch(p *os.Process, limit int64) func() bool {
	if len(s.Self) == 0 {
		return func() bool { return false }
	}
	var killed atomic.Bool
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(pollMemory)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
			}
			if memory, ok := residentMemory(p.Pid); ok && memory > limit {
				killed.Store(true)
				killGroup(p)
				return
			}
		}
	}()
	return func() bool {
		close(stop)
		<-stopped
		return killed.Load()
	}
}
