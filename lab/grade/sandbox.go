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

	"github.com/labkv/labkv/lab/course"
	"github.com/pingcap/errors"
)

// Sandbox says how test processes are confined. Time is always limited.
//
// Limits that a process has to put on itself before it becomes the test binary
// are set by a second start of the grading program, which ends in
// [SandboxMain].
type Sandbox struct {
	// Self is the command line that leads to SandboxMain. Without it only time is
	// limited.
	Self []string
	// Confine also takes the file system and the network away, as a submission's
	// tests need. Without it only memory, CPU time and such are limited.
	Confine bool
}

// limits are what SandboxMain is told to set.
type limits struct {
	memory  int64    // bytes of private memory
	cpu     int64    // seconds of processor time
	confine bool     // read only what the program is, write only below write
	write   string   // directory
	command []string // program and arguments
}

const (
	maxFileSize  = 64 << 20
	maxOpenFiles = 256
)

// command returns the command that runs program within budget, able to write
// below home.
func (s Sandbox) command(ctx context.Context, budget course.Budget, home, program string, args ...string) *exec.Cmd {
	if len(s.Self) == 0 || !sandboxed {
		return exec.CommandContext(ctx, program, args...)
	}
	line := append([]string(nil), s.Self[1:]...)
	line = append(line,
		"-memory="+strconv.FormatInt(budget.Memory, 10),
		// The process runs Go code on one processor, but its collector may use another.
		"-cpu="+strconv.FormatInt(2*int64(budget.Time.Seconds())+5, 10),
		"-write="+home,
	)
	if s.Confine {
		line = append(line, "-confine")
	}
	line = append(append(line, "--", program), args...)
	return exec.CommandContext(ctx, s.Self[0], line...)
}

// SandboxMain limits the current process as args say and turns it into the
// program that they name. It returns only if that failed.
func SandboxMain(args []string) error {
	var l limits
	flags := flag.NewFlagSet("sandbox", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Int64Var(&l.memory, "memory", 0, "bytes of memory")
	flags.Int64Var(&l.cpu, "cpu", 0, "seconds of processor time")
	flags.StringVar(&l.write, "write", "", "directory that may be written")
	flags.BoolVar(&l.confine, "confine", false, "take away the file system and the network")
	if err := flags.Parse(args); err != nil {
		return err
	}
	l.command = flags.Args()
	if len(l.command) == 0 || l.memory <= 0 || l.cpu <= 0 || l.write == "" {
		return errors.New("sandbox: -memory, -cpu, -write and a program are required")
	}
	return errors.Annotate(l.enter(), "sandbox")
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
