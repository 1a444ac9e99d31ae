package grade

import (
	"context"
	stderrors "errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

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
	// Confine also takes away all that a submission's tests do not need: files, the
	// network, other processes, and most system calls. It takes what it can; see
	// [Sandbox.Check]. Without it only memory, disk, processor time and such are limited.
	Confine bool
}

// limits bound what a process may use.
type limits struct {
	memory int64 // bytes of private memory
	cpu    int64 // seconds of processor time
}

// limitsOf returns the limits that go with a budget. The one on processor time is for the
// case that the grader does not come to watch it.
func limitsOf(b course.Budget) limits {
	return limits{memory: b.Memory, cpu: int64((b.Time + quitGrace).Seconds()) + 5}
}

// A cell is what SandboxMain is told to enter.
type cell struct {
	limits
	write   string   // the directory that may be written; only the program may be read
	user    int      // the user and group to become; 0: stay
	files   int      // how many descriptors after standard error the program gets
	threads int      // limit on the threads of its user in its namespace; 0: none
	command []string // program and arguments
}

const (
	maxFileSize  = 64 << 20
	maxOpenFiles = 256
	maxThreads   = 256
	maxDisk      = 256 << 20 // of all files of a process
	maxFiles     = 10_000    // and directories

	// outsider is the user and group that tests run as if the grader is root. It owns
	// nothing.
	outsider = 65533
)

// A fence is what can be confined on this machine, as tried out.
type fence struct {
	namespaces bool // of processes and of IPC, each process its own
	userspace  bool // a user namespace goes with them, so that root is not needed
	user       int  // whom processes run as; 0: the grader's user
	files      bool
	calls      bool
	missing    []string // why files or calls are not confined
}

// fences are what was found out, by the command line that leads to SandboxMain.
var fences sync.Map

// fence tries out what can be confined, once.
func (s Sandbox) fence() fence {
	if len(s.Self) == 0 || !s.Confine {
		return fence{}
	}
	try, _ := fences.LoadOrStore(strings.Join(s.Self, "\x00"), sync.OnceValue(s.tryFences))
	return try.(func() fence)()
}

// tryFences enters the best sandbox that works.
func (s Sandbox) tryFences() fence {
	var last error
	for _, f := range candidates() {
		found, err := s.tryFence(f)
		if err == nil {
			return found
		}
		last = err
	}
	reason := "this system has neither Landlock nor seccomp"
	if last != nil {
		reason = "the sandbox does not start: " + last.Error()
	}
	return fence{missing: []string{reason}}
}

func (s Sandbox) tryFence(f fence) (fence, error) {
	scratch, err := newScratch()
	if err != nil {
		return fence{}, err
	}
	defer scratch.remove()
	home, _, err := f.home(scratch.dir)
	if err != nil {
		return fence{}, err
	}
	budget := course.Budget{Time: quitGrace, Memory: 1 << 30}
	cmd := f.command(context.Background(), s.Self, budget, home, s.Self[0])
	// What is tried is told by a word in the place of a program.
	cmd.Args = append(cmd.Args[:len(cmd.Args)-1], tryWord)
	setProcessGroup(cmd)
	var out strings.Builder
	cmd.Stdout = &out
	if err := s.startConfined(cmd); err != nil {
		return fence{}, err
	}
	if err := cmd.Wait(); err != nil {
		return fence{}, err
	}
	for word := range strings.FieldsSeq(out.String()) {
		f.files = f.files || word == wordFiles
		f.calls = f.calls || word == wordCalls
	}
	if !f.files {
		f.missing = append(f.missing, "this kernel has no Landlock, so files cannot be confined (Linux 5.13 or later has it, if it is among the modules in /sys/kernel/security/lsm)")
	}
	if !f.calls {
		f.missing = append(f.missing, "system calls cannot be filtered here (seccomp, on amd64 and arm64)")
	}
	return f, nil
}

const (
	// tryWord in the place of a program makes SandboxMain say what it has confined.
	tryWord   = "-"
	wordFiles = "files"
	wordCalls = "calls"
)

// home makes a directory below scratch for a process that is confined so, and in it the
// one that it works in.
func (f fence) home(scratch string) (home, dir string, err error) {
	if home, err = os.MkdirTemp(scratch, "run-"); err != nil {
		return "", "", errors.Trace(err)
	}
	dir = filepath.Join(home, "dir")
	err = os.Mkdir(dir, 0o700)
	if err == nil && f.user != 0 {
		// Another user has to get there.
		err = stderrors.Join(os.Chmod(scratch, 0o711), os.Chown(home, f.user, f.user), os.Chown(dir, f.user, f.user))
	}
	return home, dir, errors.Trace(err)
}

// command returns the command that runs program within budget, able to write
// below home.
func (f fence) command(ctx context.Context, self []string, budget course.Budget, home, program string, args ...string) *exec.Cmd {
	l := limitsOf(budget)
	line := append([]string(nil), self[1:]...)
	line = append(line,
		"-memory="+strconv.FormatInt(l.memory, 10),
		"-cpu="+strconv.FormatInt(l.cpu, 10),
		"-write="+home,
	)
	if f.user != 0 {
		line = append(line, "-user="+strconv.Itoa(f.user))
	}
	if f.userspace {
		// Without a user namespace all processes of the user count.
		line = append(line, "-threads="+strconv.Itoa(maxThreads))
	}
	line = append(append(line, "--", program), args...)
	cmd := exec.CommandContext(ctx, self[0], line...)
	f.unshare(cmd)
	return cmd
}

// home makes a directory below scratch for a process, and in it the one that it works in.
func (s Sandbox) home(scratch string) (home, dir string, err error) { return s.fence().home(scratch) }

// command returns the command that runs program within budget, able to write
// below home.
func (s Sandbox) command(ctx context.Context, budget course.Budget, home, program string, args ...string) *exec.Cmd {
	if len(s.Self) == 0 || !s.Confine || !sandboxed {
		return exec.CommandContext(ctx, program, args...)
	}
	f := s.fence()
	if f.user != 0 {
		// What the linker made is the grader's. If this fails, so does the start.
		_ = os.Chmod(filepath.Dir(program), 0o711)
		_ = os.Chmod(program, 0o755)
	}
	return f.command(ctx, s.Self, budget, home, program, args...)
}

// start starts a command of s, with limits. What it makes below the directory and its
// descriptors are its own. An error says that the program did not start, or not as it
// should.
func (s Sandbox) start(cmd *exec.Cmd, budget course.Budget) error {
	if len(s.Self) > 0 && s.Confine && sandboxed {
		return s.startConfined(cmd)
	}
	if err := startMortal(cmd); err != nil || len(s.Self) == 0 {
		return err
	}
	if err := limitsOf(budget).impose(cmd.Process.Pid); err != nil {
		killGroup(cmd.Process)
		_ = cmd.Wait()
		return errors.Annotate(err, "limit test process")
	}
	return nil
}

// startConfined starts a command that leads to SandboxMain, and waits until it has become
// another program. Its standard input is a pipe over which it says why it has not.
func (s Sandbox) startConfined(cmd *exec.Cmd) error {
	// What the grader itself inherited is not for the program.
	cmd.Args = slices.Insert(cmd.Args, len(s.Self), "-files="+strconv.Itoa(len(cmd.ExtraFiles)))
	failed, input, err := os.Pipe()
	if err != nil {
		return errors.Trace(err)
	}
	defer failed.Close()
	cmd.Stdin = input
	err = startMortal(cmd)
	input.Close()
	if err != nil {
		return err
	}
	reason, err := io.ReadAll(io.LimitReader(failed, 1<<10))
	if err == nil && len(reason) == 0 {
		return nil
	}
	killGroup(cmd.Process)
	_ = cmd.Wait()
	if err == nil {
		err = errors.New(string(reason))
	}
	return err
}

// SandboxMain limits the current process as args say and turns it into the
// program that they name. It returns only if that failed, or was only tried out.
//
// Three words as the first argument lead to the other programs that a batch starts: build
// to the build of a submission, cache to its build cache, which serves the go command
// until that is done, and check to the type checker.
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
		case "check":
			if err := typeCheckMain(); err != nil {
				return err
			}
			os.Exit(0)
		}
	}
	report, err := takeReport()
	if err != nil {
		return errors.Annotate(err, "sandbox")
	}
	err = enterAs(args)
	if err != nil && report != nil {
		fmt.Fprint(report, err)
	}
	return err
}

func enterAs(args []string) error {
	var c cell
	flags := flag.NewFlagSet("sandbox", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Int64Var(&c.memory, "memory", 0, "bytes of memory")
	flags.Int64Var(&c.cpu, "cpu", 0, "seconds of processor time")
	flags.StringVar(&c.write, "write", "", "directory that may be written")
	flags.IntVar(&c.user, "user", 0, "user to become")
	flags.IntVar(&c.files, "files", 0, "number of inherited files")
	flags.IntVar(&c.threads, "threads", 0, "number of threads")
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
		enforced = append(enforced, s.fence().enforced()...)
	}
	return "limited: " + strings.Join(enforced, ", ")
}

func (f fence) enforced() []string {
	var parts []string
	if f.files {
		parts = append(parts, "files outside its folder")
	}
	if f.calls {
		parts = append(parts, "network", "system calls")
	}
	if f.user != 0 {
		parts = append(parts, "a user of its own")
	}
	if f.namespaces {
		parts = append(parts, "a process and an IPC namespace of its own")
	}
	return parts
}

// CannotConfine says that code that is not trusted should not run here.
type CannotConfine struct {
	Missing []string // sentences without a full stop
}

func (c *CannotConfine) Error() string {
	return "cannot confine submissions: " + strings.Join(c.Missing, "; ")
}

// Check returns a *CannotConfine unless processes can be confined as code needs that is
// not trusted.
func (s Sandbox) Check() error {
	var missing []string
	if !sandboxed {
		missing = append(missing, "only on Linux can processes be confined")
	} else {
		missing = append(missing, s.fence().missing...)
	}
	if root() {
		missing = append(missing, "the grader runs as root, so what it unpacks and compiles is read as root")
	}
	if len(missing) > 0 {
		return &CannotConfine{missing}
	}
	return nil
}
