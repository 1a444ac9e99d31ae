package grade

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/lab/course"
)

// buildLimits bound the build of a submission. The compiler runs none of its code, but a
// few lines of Go can keep a compiler busy for hours, or fill memory and disk.
type buildLimits struct {
	time   time.Duration // real, of all of it
	cpu    time.Duration // of processor time, of each process
	memory int64         // resident bytes of all processes together, and allocated ones of each
	file   int64         // bytes in a file
	disk   int64         // bytes in all files that the build leaves or works with
	cache  int64         // bytes in the build cache of the submission
}

// defaultBuildLimits are far from what a solution needs: the largest package of a course
// takes its compiler seconds and some hundred megabytes.
var defaultBuildLimits = buildLimits{
	time: 5 * time.Minute, cpu: 2 * time.Minute,
	memory: 3 << 30, file: 1 << 30, disk: 2 << 30, cache: 512 << 20,
}

// A builder builds the trees of a batch: the pristine one with the user's build cache,
// and submissions in cells, each with a build cache that only reads the user's. All have
// the same settings, which none of the user's change, so that submissions find in
// the cache what the pristine tree has left there.
type builder struct {
	self     []string // leads to SandboxMain
	tool     string   // the go command
	shared   string   // the user's build cache
	settings []string // environment of every build
	online   []string // environment of builds that may download modules
	limits   buildLimits
}

// newBuilder returns a builder for trees of c. self is the command line that leads to
// SandboxMain.
func newBuilder(ctx context.Context, c *course.Course, self []string, limits buildLimits) (*builder, error) {
	online := []string{"GOPROXY", "GOPRIVATE", "GONOPROXY", "GOSUMDB", "GONOSUMDB", "GOINSECURE", "GOAUTH", "GOVCS"}
	cmd := exec.CommandContext(ctx, "go", append([]string{"env", "-json", "GOROOT", "GOPATH", "GOMODCACHE", "GOCACHE", "GOFLAGS"}, online...)...)
	cmd.Dir = c.Root
	cmd.Env = append(os.Environ(), "GOWORK=off", "PWD="+c.Root)
	out, err := cmd.Output()
	if err != nil {
		return nil, errors.Annotate(err, "go env")
	}
	var env map[string]string
	if err := json.Unmarshal(out, &env); err != nil {
		return nil, errors.Annotate(err, "go env")
	}
	// In the course's directory the go command already belongs to the toolchain which
	// the course asks for.
	tool := filepath.Join(env["GOROOT"], "bin", "go"+exeSuffix())
	if _, err := os.Stat(tool); err != nil {
		tool = "go"
	}
	b := &builder{self: self, tool: tool, shared: env["GOCACHE"], limits: limits}
	for _, name := range []string{"GOROOT", "GOPATH", "GOMODCACHE"} {
		b.settings = append(b.settings, name+"="+env[name])
	}
	b.settings = append(b.settings,
		"GOENV=off", "GOTOOLCHAIN=local", "GOWORK=off", "CGO_ENABLED=0",
		"GOFLAGS="+harmlessFlags(env["GOFLAGS"]), "PWD="+c.Root)
	for _, name := range online {
		b.online = append(b.online, name+"="+env[name])
	}
	return b, nil
}

// harmlessFlag is one of GOFLAGS that does not change what is built, or who builds it,
// such as -tags or -toolexec do.
var harmlessFlag = regexp.MustCompile(`^--?(p=\d+|trimpath(=(true|false))?|mod=(mod|readonly|vendor))$`)

func harmlessFlags(goflags string) string {
	var kept []string
	for _, f := range strings.Fields(goflags) {
		if harmlessFlag.MatchString(f) {
			kept = append(kept, f)
		}
	}
	return strings.Join(kept, " ")
}

// userEnviron is the environment of this process without settings of the go command.
func userEnviron() []string {
	var env []string
	for _, setting := range os.Environ() {
		if !strings.HasPrefix(setting, "GO") && !strings.HasPrefix(setting, "CGO_") {
			env = append(env, setting)
		}
	}
	return env
}

// command returns the command that runs the go command with args. Without a cache it
// uses the user's. With one, which is a directory, it is confined: it writes there and in
// into, and in scratch, which is below into.
func (b *builder) command(ctx context.Context, cache, into, scratch string, args []string) (*exec.Cmd, error) {
	temporary := []string{"GOTMPDIR=" + scratch, "TMPDIR=" + scratch, "TMP=" + scratch, "TEMP=" + scratch}
	if cache == "" {
		cmd := exec.CommandContext(ctx, b.tool, args...)
		cmd.Env = append(append(append(userEnviron(), b.settings...), b.online...), append(temporary, "GOCACHE="+b.shared)...)
		return cmd, nil
	}
	program, err := quoted(append(append([]string(nil), b.self...),
		"cache", "-shared="+b.shared, "-own="+cache, "-limit="+strconv.FormatInt(b.limits.cache, 10)))
	if err != nil {
		return nil, err
	}
	line := b.cell(append([]string{b.tool}, args...), cache, into)
	cmd := exec.CommandContext(ctx, line[0], line[1:]...)
	// There is no HOME: the go command would keep statistics there. It writes nothing into
	// GOCACHE if there is a GOCACHEPROG, but would lay out a directory that is new.
	cmd.Env = append(append([]string{"PATH=" + os.Getenv("PATH")}, b.settings...), temporary...)
	cmd.Env = append(cmd.Env, "GOPROXY=off", "GOVCS=*:off", "GOCACHE="+b.shared, "GOCACHEPROG="+program)
	return cmd, nil
}

// cell returns the command line that runs another one confined, able to write into some
// directories.
func (b *builder) cell(line []string, write ...string) []string {
	if !sandboxed {
		return line
	}
	cell := append(append([]string(nil), b.self...), "build",
		"-cpu="+strconv.Itoa(int(b.limits.cpu/time.Second)),
		"-memory="+strconv.FormatInt(b.limits.memory, 10),
		"-file="+strconv.FormatInt(b.limits.file, 10))
	for _, dir := range write {
		cell = append(cell, "-write="+dir)
	}
	return append(append(cell, "--"), line...)
}

// quoted writes a command line as the go command reads it from its environment.
func quoted(line []string) (string, error) {
	words := make([]string, len(line))
	for i, word := range line {
		switch {
		case !strings.ContainsAny(word, " \t\r\n'\""):
			words[i] = word
		case !strings.Contains(word, "'"):
			words[i] = "'" + word + "'"
		case !strings.Contains(word, `"`):
			words[i] = `"` + word + `"`
		default:
			return "", errors.Errorf("%s: a path with both kinds of quotes cannot be given to the go command", word)
		}
	}
	return strings.Join(words, " "), nil
}

// check builds a small package in a cell. If that cannot be done, it is not the fault
// of a submission.
func (b *builder) check(ctx context.Context, c *course.Course) error {
	scratch, err := newScratch()
	if err != nil {
		return err
	}
	defer scratch.remove()
	cmd, err := b.command(ctx, scratch.dir, scratch.dir, scratch.dir, []string{"build", "errors"})
	if err != nil {
		return err
	}
	cmd.Dir = c.Root
	if out, err := cmd.CombinedOutput(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return errors.Errorf("builds cannot be confined: %v: %s", err, lastLine(string(out)))
	}
	return nil
}

// warm downloads and builds what submissions may import from other modules, which the
// tests need not do. A package for which that fails fails a submission that imports it.
func (b *builder) warm(ctx context.Context, c *course.Course) error {
	args := []string{"build"}
	for _, pattern := range c.Imports {
		if first, _, _ := strings.Cut(pattern, "/"); strings.Contains(first, ".") && !strings.HasSuffix(pattern, "...") {
			args = append(args, pattern)
		}
	}
	if len(args) == 1 {
		return nil
	}
	scratch, err := newScratch()
	if err != nil {
		return err
	}
	defer scratch.remove()
	cmd, err := b.command(ctx, "", scratch.dir, scratch.dir, args)
	if err != nil {
		return err
	}
	cmd.Dir = c.Root
	setProcessGroup(cmd)
	cmd.Cancel = func() error { return killGroup(cmd.Process) }
	_ = cmd.Run()
	return ctx.Err()
}

// What compilers, linkers and the go command print at the limits of their processes.
// The lines of a submission's own mistakes begin with the names of files.
var (
	memoryRanOut = regexp.MustCompile(`(?m)^(fatal error: (runtime: )?(out of memory|cannot allocate)|runtime: (out of memory|cannot allocate))`)
	fileTooLarge = regexp.MustCompile(`(?m)^\S*(compile|link|asm|go)(\.exe)?: .*file too large$`)
	toolKilled   = regexp.MustCompile(`(?m)^\S*(compile|link|asm): signal: killed$`)
)

// explain says which limit a build that failed has met, as far as its output tells, or "".
func (l buildLimits) explain(output string) string {
	switch {
	case strings.Contains(output, cacheFull):
		return "the compiler's results take more than " + formatSize(l.cache)
	case memoryRanOut.MatchString(output):
		return l.overMemory()
	case fileTooLarge.MatchString(output):
		return "the compiler writes a file of more than " + formatSize(l.file)
	case toolKilled.MatchString(output):
		return "the compiler was killed, perhaps because this machine has too little memory"
	}
	return ""
}

func (l buildLimits) overMemory() string {
	return fmt.Sprintf("the compiler needs more than %s of memory", formatSize(l.memory))
}

func (l buildLimits) overCPU() string {
	return fmt.Sprintf("the compiler was not done after %s of processor time", formatBudget(l.cpu))
}

func (l buildLimits) overTime() string {
	return fmt.Sprintf("the compiler was not done after %s", formatBudget(l.time))
}

func (l buildLimits) overDisk() string {
	return fmt.Sprintf("the compiler writes more than %s", formatSize(l.disk))
}

// A buildCell is what the build of a submission enters.
type buildCell struct {
	cpu, memory, file int64 // seconds, bytes, bytes
	write             []string
	command           []string
}

// buildCellMain limits the current process as args say and turns it into the go command,
// whose children inherit the limits. It returns only if that failed.
func buildCellMain(args []string) error {
	var c buildCell
	flags := flag.NewFlagSet("build", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Int64Var(&c.cpu, "cpu", 0, "seconds of processor time of a process")
	flags.Int64Var(&c.memory, "memory", 0, "bytes of memory of a process")
	flags.Int64Var(&c.file, "file", 0, "bytes in a file")
	flags.Func("write", "directory that may be written", func(dir string) error {
		c.write = append(c.write, dir)
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return err
	}
	c.command = flags.Args()
	if len(c.command) == 0 || c.cpu <= 0 || c.memory <= 0 || c.file <= 0 || len(c.write) == 0 {
		return errors.New("build: -cpu, -memory, -file, -write and a program are required")
	}
	return errors.Annotate(c.enter(), "build")
}
