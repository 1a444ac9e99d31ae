package grade

import (
	"bytes"
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
}

// buildTimeout ends compilations that were made to take forever.
const buildTimeout = 10 * time.Minute

// diskFull is what the system calls a full disk, which is no fault of the sources.
const diskFull = "no space left on device"

// maxCompilerLines bounds what a score board repeats of a compiler's messages.
const maxCompilerLines = 10

// buildFailure is why a package's tests do not build, in the words of the compiler or
// of the go command, with paths relative to the course's root.
type buildFailure struct {
	lines []string
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
// left out: stack traces do not need them.
func (t Tree) build(ctx context.Context, dirs []string, into string) (*buildFailure, error) {
	// What the go command leaves behind when it is killed goes with this directory. In
	// the same file system it can put each binary into its place at once.
	scratch, err := os.MkdirTemp(into, "build-")
	if err != nil {
		return nil, errors.Trace(err)
	}
	defer removeScratch(scratch)
	ctx, cancel := context.WithTimeout(ctx, buildTimeout)
	defer cancel()
	args := []string{"test", "-c", "-ldflags=-w", "-o", into + string(filepath.Separator)}
	if t.Overlay != "" {
		args = append(args, "-overlay", t.Overlay)
	}
	for _, dir := range dirs {
		args = append(args, "./"+dir)
	}
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = t.Course.Root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "PWD="+t.Course.Root, "GOTMPDIR="+scratch)
	setProcessGroup(cmd)
	cmd.Cancel = func() error { return killGroup(cmd.Process) }
	cmd.WaitDelay = time.Second
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	err = cmd.Run()
	if err == nil {
		for _, dir := range dirs {
			if _, err := os.Stat(binaryOf(into, dir)); err != nil {
				return &buildFailure{lines: []string{dir + ": no test files"}}, nil
			}
		}
		return nil, nil
	}
	what := strings.Join(dirs, ", ")
	if ctx.Err() == context.DeadlineExceeded {
		return &buildFailure{lines: []string{fmt.Sprintf("%s: the compiler was not done after %v", what, buildTimeout)}}, nil
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
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
	return nil, errors.Errorf("go test -c ./%s: %v: %s", what, err, lastLine(text))
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
func printable(line string) string {
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
