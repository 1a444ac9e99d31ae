package grade

import (
	"context"
	"encoding/json"
	stderrors "errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/lab/course"
)

// Tree is a state of the course's sources: the files of its root, seen through an
// overlay.
type Tree struct {
	Course *course.Course
	// Overlay is the argument of go build -overlay, or "" for the plain sources.
	Overlay string

	// laid are the files that the overlay has from memory, nil for those that it hides.
	laid map[string][]byte
	// builder, if not nil, builds the tree. With a cache, which is a directory, it does so
	// in a cell, as it must if files of the tree are a submission's.
	builder *builder
	cache   string
}

// source returns a file of the tree, whose path has slashes.
func (t Tree) source(name string) ([]byte, error) {
	if data, ok := t.laid[name]; ok {
		if data == nil {
			return nil, os.ErrNotExist
		}
		return data, nil
	}
	return os.ReadFile(filepath.Join(t.Course.Root, filepath.FromSlash(name)))
}

// editable returns the files of the tree that a student may edit, in order.
func (t Tree) editable() []string {
	names := map[string]bool{}
	for name, data := range t.laid {
		names[name] = data != nil
	}
	for _, dir := range t.Course.EditDirs() {
		entries, _ := os.ReadDir(filepath.Join(t.Course.Root, filepath.FromSlash(dir)))
		for _, e := range entries {
			name := path.Join(dir, e.Name())
			if _, laid := t.laid[name]; !laid {
				names[name] = true
			}
		}
	}
	maps.DeleteFunc(names, func(name string, is bool) bool { return !is || !t.Course.Editable(name) })
	return slices.Sorted(maps.Keys(names))
}

// buildTimeout ends a build that hangs. Those in a cell have less time.
const buildTimeout = 10 * time.Minute

// diskFull is what the system calls a full disk, which is no fault of the sources.
const diskFull = "no space left on device"

// maxCompilerLines bounds what a score board repeats of a compiler's messages.
const maxCompilerLines = 10

// buildFailure is why a package's tests do not build, in the words of the compiler or
// of the go command, with paths relative to the course's root.
type buildFailure struct {
	lines []string
	// limit says that a limit of the build is the reason, which is one for all packages
	// that were built with it.
	limit bool
}

func overLimit(reason string) *buildFailure {
	return &buildFailure{lines: []string{reason}, limit: true}
}

// binaryOf returns the file that build writes for a package, below directory into.
func binaryOf(into, dir string) string {
	return filepath.Join(into, path.Base(dir)+".test"+exeSuffix())
}

// build compiles the test binaries of the packages in dirs into the directory into, each
// as binaryOf has it. The error is about the harness; what the sources do wrong is in
// the buildFailure. Binaries that are there already, from the same sources, stay.
//
// cgo is off on purpose: what a student grades with needs only the Go
// toolchain. Optimization and paths are as in a plain "go test", so that both share
// the build cache. Tables for debuggers, which take a third of the linker's time, are
// left out: stack traces do not need them. Nor does it run vet, which would fail code for its
// style, and takes a tenth of the time.
func (t Tree) build(ctx context.Context, dirs []string, into string) (*buildFailure, error) {
	// What the go command leaves behind when it is killed goes with this directory. In
	// the same file system it can put each binary into its place at once.
	scratch, err := os.MkdirTemp(into, "build-")
	if err != nil {
		return nil, errors.Trace(err)
	}
	defer removeScratch(scratch)
	args := []string{"test", "-c", "-vet=off", "-ldflags=-w", "-o", into + string(filepath.Separator)}
	if t.Overlay != "" {
		args = append(args, "-overlay", t.Overlay)
	}
	for _, dir := range dirs {
		args = append(args, "./"+dir)
	}
	limits := buildLimits{time: buildTimeout}
	if t.builder != nil {
		limits = t.builder.limits
	}
	ctx, cancel := context.WithTimeout(ctx, limits.time)
	defer cancel()
	cmd, err := t.command(ctx, into, scratch, args)
	if err != nil {
		return nil, err
	}
	cmd.Dir = t.Course.Root
	setProcessGroup(cmd)
	cmd.Cancel = func() error { return killGroup(cmd.Process) }
	cmd.WaitDelay = time.Second
	output := newClippedOutput(outputHead, outputTail)
	cmd.Stdout, cmd.Stderr = output, output
	if err := cmd.Start(); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, errors.Annotate(err, "start the go command")
	}
	over := ""
	if t.cache == "" {
		err = cmd.Wait()
	} else {
		stop := watchBuild(cmd.Process, limits, into, t.cache)
		err = cmd.Wait()
		over = stop()
		killGroup(cmd.Process) // whatever the go command left running
	}
	if over != "" {
		return overLimit(over), nil
	}
	if err == nil {
		for _, dir := range dirs {
			if _, err := os.Stat(binaryOf(into, dir)); err != nil {
				return &buildFailure{lines: []string{dir + ": no test files"}}, nil
			}
		}
		return nil, nil
	}
	if ctx.Err() == context.DeadlineExceeded {
		return overLimit(limits.overTime()), nil
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if t.cache != "" {
		if reason := limits.explain(output.String()); reason != "" {
			return overLimit(reason), nil
		}
	}
	text, wrong := t.originalPaths(output.String())
	if wrong != nil {
		return nil, wrong
	}
	if exit := (*exec.ExitError)(nil); stderrors.As(err, &exit) && !strings.Contains(text, diskFull) {
		if lines := compilerLines(t.Course.Root, text); len(lines) > 0 {
			return &buildFailure{lines: lines}, nil
		}
		if lines := commandLines(t.Course.Root, text); len(lines) > 0 {
			return &buildFailure{lines: lines}, nil
		}
	}
	return nil, errors.Errorf("go test -c ./%s: %v: %s", strings.Join(dirs, ", "), err, lastLine(text))
}

// command returns the command that runs the go command with args, to write into the
// directory into and its subdirectory scratch.
func (t Tree) command(ctx context.Context, into, scratch string, args []string) (*exec.Cmd, error) {
	if t.builder != nil {
		return t.builder.command(ctx, t.cache, into, scratch, args)
	}
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "PWD="+t.Course.Root, "GOTMPDIR="+scratch)
	return cmd, nil
}

// originalPaths undoes in a compiler's messages what the overlay did to names.
func (t Tree) originalPaths(text string) (string, error) {
	if t.Overlay == "" {
		return text, nil
	}
	data, err := os.ReadFile(t.Overlay)
	if err != nil {
		return "", errors.Trace(err)
	}
	var overlay struct{ Replace map[string]string }
	if err := json.Unmarshal(data, &overlay); err != nil {
		return "", errors.Annotatef(err, "overlay %s", t.Overlay)
	}
	var pairs []string
	for _, original := range slices.Sorted(maps.Keys(overlay.Replace)) {
		replaced := overlay.Replace[original]
		if replaced == "" {
			continue
		}
		// The go command shortens names where that makes them relative to its directory.
		if short, err := filepath.Rel(t.Course.Root, replaced); err == nil {
			pairs = append(pairs, short, original)
		}
		pairs = append(pairs, replaced, original)
	}
	return strings.NewReplacer(pairs...).Replace(text), nil
}

var compilerLine = regexp.MustCompile(`^([^\s:]+\.go):\d+(:\d+)?: `)

// compilerLines returns what a compiler says about lines of Go files.
func compilerLines(root, output string) []string {
	prefix := root + string(filepath.Separator)
	var lines []string
	for line := range strings.SplitSeq(output, "\n") {
		line = strings.TrimRight(line, "\r")
		line = strings.TrimPrefix(strings.TrimPrefix(line, prefix), "./")
		if compilerLine.MatchString(line) || len(lines) > 0 && strings.HasPrefix(line, "\t") {
			lines = append(lines, filepath.ToSlash(line))
		}
	}
	return firstLines(lines)
}

// commandLines returns what the go command says of packages that it does not come to
// compile, or link, and in which files that is, as far as it says so.
func commandLines(root, output string) []string {
	root += string(filepath.Separator)
	var lines []string
	for line := range strings.SplitSeq(output, "\n") {
		line = strings.ReplaceAll(strings.TrimRight(line, "\r"), root, "")
		switch {
		case strings.TrimSpace(line) == "", strings.HasPrefix(line, "# "), strings.HasPrefix(line, "go: downloading "):
		case strings.HasPrefix(line, "\t") && len(lines) > 0: // it goes on with the line before
			lines[len(lines)-1] += " " + strings.TrimSpace(line)
		default:
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return firstLines(lines)
}

// firstLines returns the lines that a score board repeats, without what a terminal would
// take for a command.
func firstLines(lines []string) []string {
	if len(lines) > maxCompilerLines {
		more := len(lines) - maxCompilerLines
		lines = append(lines[:maxCompilerLines], fmt.Sprintf("and %d more lines", more))
	}
	for i, line := range lines {
		lines[i] = printable(line)
	}
	return lines
}

// printable returns a line of text of a student's with a replacement for each character that
// does not print: control characters, and those that change the direction of what follows.
// Of a very long line it returns the beginning and the end: names in Go have no bound, and
// messages repeat them.
func printable(line string) string {
	const longest, end = 2000, 500 // bytes
	if len(line) > longest {
		line = strings.ToValidUTF8(line[:longest-end], "") + " … " + strings.ToValidUTF8(line[len(line)-end:], "")
	}
	return strings.Map(func(r rune) rune {
		if r == '\t' || unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, line)
}

func lastLine(text string) string {
	text = strings.TrimSpace(text)
	return text[strings.LastIndexByte(text, '\n')+1:]
}
