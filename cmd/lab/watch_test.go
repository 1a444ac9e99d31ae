//go:build unix

package main

import (
	"bufio"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/await"
)

// A labProcess is a lab that runs, as a terminal runs it.
type labProcess struct {
	t     *testing.T
	cmd   *exec.Cmd
	lines chan string // of standard output; closed at the end
	temp  string      // directory for temporary files
	read  []string
}

func startLab(t *testing.T, dir string, args ...string) *labProcess {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	p := &labProcess{t: t, cmd: await.Command(t, await.BuildLimit, self, args...), lines: make(chan string, 1000), temp: t.TempDir()}
	p.cmd.Dir = dir
	p.cmd.Env = append(os.Environ(), "LAB_MAIN=1", "PWD="+dir, "TMPDIR="+p.temp)
	p.cmd.Stderr = os.Stderr
	out, err := p.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, p.cmd.Start())
	go func() {
		defer close(p.lines)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			p.lines <- lines.Text()
		}
	}()
	return p
}

// until reads lines up to one, and returns all of them.
func (p *labProcess) until(last string) string {
	p.t.Helper()
	p.read = nil
	for {
		line, more := <-p.lines
		if !more {
			p.t.Fatalf("the output ends before %q: %s", last, strings.Join(p.read, "\n"))
		}
		p.read = append(p.read, line)
		if line == last {
			return strings.Join(p.read, "\n") + "\n"
		}
	}
}

// end sends a signal, and returns the exit code. Nothing may be left.
func (p *labProcess) end(signal os.Signal) int {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(signal))
	for range p.lines {
	}
	_ = p.cmd.Wait()
	left, err := os.ReadDir(p.temp)
	require.NoError(p.t, err)
	require.Empty(p.t, left, "temporary files")
	return p.cmd.ProcessState.ExitCode()
}

const waiting = "waiting for a file to be saved; Ctrl-C ends"

func TestWatchCommand(t *testing.T) {
	root := counting(t)
	p := startLab(t, root, "watch", "1")
	board := p.until(waiting)
	require.Contains(t, board, "2 of 2 passed")
	require.Contains(t, board, "\nscore 10/10\n2 passed, 0 failed, 0 skipped\n")

	edit(t, root, "counter/counter.go", "c.n++", "if c.n < 12 {\n\t\tc.n++\n\t}")
	said := p.until(waiting)
	require.Contains(t, said, "  saved: counter/counter.go\nnewly failed: TestAddSeeds1, seed 13\nas before: 1 of 2 tests\n\n--- FAIL: TestAddSeeds1   seed 13\n")
	require.Contains(t, said, "\nscore 7.5/10\n1 passed, 1 failed, 0 skipped\n")

	// A build error changes no verdict. The next save is noticed.
	edit(t, root, "counter/counter.go", "if c.n < 12 {", "if c.m < 12 {")
	said = p.until(waiting)
	require.Contains(t, said, "does not build:\n    counter/counter.go:")
	require.Contains(t, said, "c.m undefined")
	require.Contains(t, said, "\nscore 7.5/10\n")
	require.NotContains(t, said, "newly")

	// As editors save: another file takes the place of the old one.
	old, err := os.ReadFile(filepath.Join(root, "counter", "counter.go"))
	require.NoError(t, err)
	write(t, root, "counter/counter.go~", strings.Replace(string(old), "if c.m < 12 {", "if c.n < 100 {", 1))
	require.NoError(t, os.Rename(filepath.Join(root, "counter", "counter.go~"), filepath.Join(root, "counter", "counter.go")))
	require.Contains(t, p.until(waiting), "\nnewly passed: TestAddSeeds1\nas before: 1 of 2 tests\n\nscore 10/10\n")

	edit(t, root, "course.yaml", "points: 10", "points: ten")
	require.Contains(t, p.until(waiting), `"ten" does not belong here`)
	edit(t, root, "course.yaml", "points: ten", "points: 20")
	require.Contains(t, p.until(waiting), "as before: 2 of 2 tests\n\nscore 20/20\n")

	require.Equal(t, exitPassed, p.end(os.Interrupt))
}

// A save overtakes a run, whose tests then run with the rest.
func TestWatchOvertaken(t *testing.T) {
	root := counting(t)
	edit(t, root, "counter/counter.go", "c.n++", "for {\n\t}")
	edit(t, root, "counter/counter.go", "return c.n\n", "panic(\"unreachable\")\n")
	p := startLab(t, root, "watch", "1", "--quick", "--timeout", "10m")
	await.Until(t, "a test to run", func() bool { return len(p.temporary("run-*")) > 0 })
	edit(t, root, "counter/counter.go", "for {\n\t}", "c.n++")
	edit(t, root, "counter/counter.go", "panic(\"unreachable\")\n", "return c.n\n")
	said := p.until(waiting)
	require.Contains(t, said, "passed, 3 seeds")
	require.Contains(t, said, "\nquick run, not a grade: 3 seeds a test\n")
	require.Contains(t, said, "\nscore 10/10 (quick run, not a grade)\n2 passed, 0 failed, 0 skipped (quick run)\n")
	require.Equal(t, exitPassed, p.end(syscall.SIGHUP))
}

// Whatever ends a lab, no process and no file stays.
func TestSignals(t *testing.T) {
	root := counting(t)
	edit(t, root, "counter/counter.go", "c.n++", "for {\n\t}")
	ann := filepath.Join(t.TempDir(), "ann")
	require.NoError(t, os.CopyFS(filepath.Join(ann, "counter"), os.DirFS(filepath.Join(root, "counter"))))
	for _, test := range []struct {
		args   string
		signal os.Signal
	}{
		{"test 1", os.Interrupt},
		{"test 1", syscall.SIGTERM},
		{"test 1", syscall.SIGHUP},
		{"fuzz 1", syscall.SIGHUP},
		{"grade " + ann + " --stage 1 --unconfined", syscall.SIGHUP},
	} {
		p := startLab(t, root, strings.Fields(test.args+" --timeout 10m")...)
		// A test runs once it has a directory.
		var programs []string
		await.Until(t, "a test to run", func() bool {
			programs = p.temporary("*.test")
			return len(programs) > 0 && len(p.temporary("run-*")) > 0
		})
		require.Equal(t, exitHarness, p.end(test.signal), "%+v", test)
		for _, program := range programs {
			require.Empty(t, processesOf(t, program), "%+v", test)
		}
	}
}

// temporary returns the temporary files and directories whose names match a pattern.
func (p *labProcess) temporary(pattern string) []string {
	var found []string
	_ = filepath.WalkDir(p.temp, func(path string, _ fs.DirEntry, _ error) error { // some go away
		if ok, _ := filepath.Match(pattern, filepath.Base(path)); ok {
			found = append(found, path)
		}
		return nil
	})
	return found
}

// processesOf returns the processes that run a program, where there is a /proc.
func processesOf(t *testing.T, program string) []string {
	links, err := filepath.Glob("/proc/[0-9]*/exe")
	require.NoError(t, err)
	var found []string
	for _, link := range links {
		if target, err := os.Readlink(link); err == nil && strings.TrimSuffix(target, " (deleted)") == program {
			found = append(found, link)
		}
	}
	return found
}
