package grade_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/course"
	"github.com/labkv/labkv/lab/grade"
)

// TestMain is also what a test process is before it becomes one.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "sandbox" {
		fmt.Fprintln(os.Stderr, grade.SandboxMain(os.Args[2:]))
		os.Exit(3)
	}
	code := m.Run()
	if handout.dir != "" {
		os.RemoveAll(handout.dir)
	}
	os.Exit(code)
}

func sandbox(t testing.TB, confine bool) grade.Sandbox {
	self, err := os.Executable()
	require.NoError(t, err)
	return grade.Sandbox{Self: []string{self, "sandbox"}, Confine: confine}
}

// counting copies the course in testdata to a module of its own that takes the
// harness from this tree, and reads it.
func counting(t testing.TB) *course.Course {
	root := t.TempDir()
	require.NoError(t, os.CopyFS(root, os.DirFS("testdata/course")))
	house, err := filepath.Abs("../..")
	require.NoError(t, err)
	mod, err := os.ReadFile(filepath.Join(house, "go.mod"))
	require.NoError(t, err)
	text := regexp.MustCompile(`(?m)^module .*$`).ReplaceAllString(string(mod), "module example.com/counting")
	text += "\nrequire github.com/labkv/labkv v0.0.0\n\nreplace github.com/labkv/labkv => " + filepath.ToSlash(house) + "\n"
	require.NoError(t, os.WriteFile(filepath.Join(root, "go.mod"), []byte(text), 0o644))
	sum, err := os.ReadFile(filepath.Join(house, "go.sum"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(root, "go.sum"), sum, 0o644))
	return load(t, root)
}

func load(t testing.TB, root string) *course.Course {
	c, err := course.Load(root)
	require.NoError(t, err)
	c, err = c.Resolve()
	require.NoError(t, err)
	return c
}

func choose(t testing.TB, c *course.Course, selectors ...string) course.Selection {
	chosen, err := c.Select(selectors...)
	require.NoError(t, err)
	return chosen
}

// edit replaces text in a file of a course's tree.
func edit(t testing.TB, c *course.Course, name, old, new string) {
	path := filepath.Join(c.Root, filepath.FromSlash(name))
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Contains(t, string(data), old)
	require.NoError(t, os.WriteFile(path, []byte(strings.Replace(string(data), old, new, 1)), 0o644))
}

func run(t testing.TB, r *grade.Runner, c *course.Course, selectors ...string) *grade.Report {
	report, err := r.Run(context.Background(), grade.Tree{Course: c}, choose(t, c, selectors...))
	require.NoError(t, err)
	return report
}

// A place in a student's code is found whether or not programs have the directory of their
// sources in them.
func TestTrimpath(t *testing.T) {
	c := counting(t)
	r := &grade.Runner{Sandbox: sandbox(t, false)}
	for _, flags := range []string{"-trimpath", "-trimpath=false"} {
		t.Run(flags, func(t *testing.T) {
			t.Setenv("GOFLAGS", os.Getenv("GOFLAGS")+" "+flags)
			for _, result := range run(t, r, c, "TestPanics9", "TestPanicsInGoroutine9", "TestTODO9", "TestLocked9").Results() {
				require.Regexp(t, `^behave/behave.go:\d+$`, result.At, result.Test.Name)
				require.Contains(t, result.Found(), "behave/behave.go:", result.Test.Name)
			}
		})
	}
}

// On a machine that is very busy, the bound on real time comes before the one on
// processor time.
func TestVerdicts(t *testing.T) {
	c := counting(t)
	r := &grade.Runner{Sandbox: sandbox(t, false)}
	report := run(t, r, c, "9")
	results := map[string]*grade.Result{}
	for _, result := range report.Results() {
		results[result.Test.Name] = result
	}
	for _, want := range []struct {
		test   string
		status grade.Status
		found  string // regular expression
		seed   uint64
	}{
		{"TestPasses9", grade.Passed, `^$`, 0},
		{"TestWrong9", grade.Failed, `^two is 2$`, 0},
		{"TestPanics9", grade.Failed, `^panic: runtime error: index out of range \[3\] with length 3, in behave.Index \(behave/behave.go:\d+\)$`, 0},
		{"TestPanicsInGoroutine9", grade.Failed, `^panic: runtime error: index out of range \[0\] with length 0, in behave.Index \(behave/behave.go:\d+\)$`, 0},
		{"TestPanicsInSubtest9", grade.Failed, `^panic: assignment to entry in nil map, in behave.\(\*Table\).Set \(behave/behave.go:\d+\)$`, 0},
		{"TestPanicsInCleanup9", grade.Failed, `^panic: runtime error: index out of range \[1\] with length 1, in behave.Index \(behave/behave.go:\d+\)$`, 0},
		{"TestPanicsInBubble9", grade.Failed, `^panic: runtime error: index out of range \[2\] with length 2, in behave.Index \(behave/behave.go:\d+\)$`, 0},
		{"TestPanicsInSeed9", grade.Failed, `^panic: runtime error: index out of range \[2\] with length 2, in behave.Index \(behave/behave.go:\d+\)$`, 2},
		{"TestTODO9", grade.NotImplemented, `^TODO\(9\): implement Todo \(behave/behave.go:\d+\)$`, 0},
		{"TestGoexit9", grade.Failed, `^runtime.Goexit ends the test's goroutine, in behave.Goexit \(behave/behave.go:\d+\)$`, 0},
		{"TestLogFatal9", grade.Failed, `^ended without a verdict: the process exited with status 1, saying "behave.go:\d+: I give up"$`, 0},
		{"TestExitZero9", grade.Failed, `unexpected call to os.Exit\(0\) during test, in behave.ExitZero \(behave/behave.go:\d+\)$`, 0},
		{"TestForges9", grade.Failed, `^ended without a verdict: the process exited with status 1, saying "behave.go:\d+: PASS"$`, 0},
		{"TestRecovers9", grade.Failed, `^noticed$`, 0},
		{"TestDeadlock9", grade.TimedOut, `^no verdict within (5s of processor|25s of real) time: behave.Deadlock waits in a select without cases, which never ends \(behave/behave.go:\d+\)$`, 0},
		{"TestLocked9", grade.TimedOut, `^no verdict within (5s of processor|25s of real) time: behave.Locked waits in sync.Mutex.Lock \(behave/behave.go:\d+\)$`, 0},
		{"TestComputes9", grade.TimedOut, `^no verdict within (5s of processor|25s of real) time: behave.Compute does not come out of a loop \(behave/behave.go:\d+\)$`, 0},
		{"TestAsleep9", grade.Failed, `^fatal error: all goroutines are asleep - deadlock!, in behave.Asleep, which waits to receive from a channel \(behave/behave.go:\d+\)$`, 0},
		{"TestAsleepInBubble9", grade.Failed, `^panic: deadlock: .*, in behave.Asleep, which waits to receive from a channel \(behave/behave.go:\d+\)$`, 0},
		{"TestOverflow9", grade.Failed, `endless recursion: .*, in behave.Overflow \(behave/behave.go:\d+\)$`, 0},
		{"TestSkips9", grade.Skipped, `^not today$`, 0},
		{"TestCleanup9", grade.Failed, `^left something behind$`, 0},
		{"TestSilent9", grade.Failed, `^ended without a verdict$`, 0},
		{"TestLowestSeed9", grade.Failed, `^seed 11 is unlucky$`, 11},
		{"TestOtherSeeds9", grade.Failed, `^ended without a verdict$`, 3},
		{"TestReachesGoal9", grade.Passed, `^$`, 0},
		{"TestMissesGoal9", grade.Failed, `^the test never got to what it is about: in none of its 20 runs did this happen: it was thirty$`, 0},
	} {
		t.Run(want.test, func(t *testing.T) {
			result := results[want.test]
			require.Equal(t, want.status, result.Status, result.Output)
			require.Regexp(t, want.found, result.Found())
			require.Equal(t, want.seed, result.Seed)
		})
	}
	t.Run("TestGreedy9", func(t *testing.T) {
		if runtime.GOOS == "windows" {
			t.Skip("memory is not limited on Windows")
		}
		require.Equal(t, "needs more than 256 MiB of memory", results["TestGreedy9"].Found(), results["TestGreedy9"].Output)
	})

	require.Equal(t, "fate", results["TestWrong9"].Sections[0].Name)
	require.Equal(t, "000000000000000b", results["TestLowestSeed9"].Digest)
	require.Len(t, results["TestLowestSeed9"].Runs, 10)
	for test, block := range map[string]string{
		"TestDeadlock9":        `stuck in    behave.Deadlock waits in a select without cases, which never ends\n +behave/behave.go:\d+  behave.Deadlock\n +behave/behave_test.go:\d+  behave_test.TestDeadlock9`,
		"TestComputes9":        `stuck in    behave.Compute does not come out of a loop\n +behave/behave.go:\d+  behave.Compute\n +behave/behave_test.go:\d+  behave_test.TestComputes9`,
		"TestPanics9":          `stack       behave/behave.go:\d+  behave.Index\n +behave/behave_test.go:\d+  behave_test.TestPanics9`,
		"TestPanicsInSubtest9": `stack       behave/behave.go:\d+  behave.\(\*Table\).Set\n +behave/behave_test.go:\d+  behave_test.TestPanicsInSubtest9`,
		"TestOverflow9":        `stack       behave/behave.go:\d+  behave.Overflow\n +\(and these calls again and again\)\n +behave/behave_test.go:\d+  behave_test.TestOverflow9`,
		"TestLogFatal9":        `exits       behave/behave.go:\d+  log.Fatal\n +behave/behave.go:\d+  os.Exit\n`,
	} {
		require.Regexp(t, block, results[test].Failure().String())
	}
	require.Equal(t, "go run ./cmd/lab test TestMissesGoal9", results["TestMissesGoal9"].Failure().Replay())
	passed, failed, skipped := report.Counts()
	require.Equal(t, []int{2, 25, 1}, []int{passed, failed, skipped})
	require.Equal(t, "0.07/1", report.Score().String())
	require.False(t, report.Passed())
}
