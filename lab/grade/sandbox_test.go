package grade_test

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/course"
	"github.com/labkv/labkv/lab/grade"
)

// escapes are the tests that pass if something is denied.
func escapes(c *course.Course) []*course.Test {
	stage, _ := c.Stage("8")
	var tests []*course.Test
	for _, test := range stage.Tests {
		if test.Name != "TestWriteInside8" && test.Name != "TestEnvironment8" {
			tests = append(tests, test)
		}
	}
	return tests
}

func TestSandbox(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux can confine processes")
	}
	useMemory(t)
	c := counting(t)
	t.Setenv("LABKV_SECRET", "x")
	leak(t)
	built, err := (&grade.Runner{}).Build(context.Background(), grade.Tree{Course: c}, choose(t, c, "8"))
	require.NoError(t, err)
	defer built.Close()
	found := func(box grade.Sandbox, what string) map[string]*grade.Result {
		r := &grade.Runner{Sandbox: box}
		report, err := r.RunBuilt(context.Background(), built, choose(t, c, what))
		require.NoError(t, err)
		got := map[string]*grade.Result{}
		for _, result := range report.Results() {
			got[result.Test.Name] = result
		}
		return got
	}
	confined, open := sandbox(t, true), sandbox(t, false)
	require.Equal(t, "limited: real time, processor time, memory, threads, disk, file size, open files", open.Enforced())
	require.True(t, strings.HasPrefix(confined.Enforced(), open.Enforced()))

	// What is denied in the sandbox is possible without it, so the tests do try.
	without := found(grade.Sandbox{}, "8")
	for _, test := range escapes(c) {
		require.Equal(t, grade.Failed, without[test.Name].Status, test.Name)
	}
	require.Equal(t, grade.Passed, without["TestWriteInside8"].Status)
	require.Equal(t, grade.Passed, without["TestEnvironment8"].Status)
	require.Equal(t, grade.Passed, found(open, "TestWriteMuch8")["TestWriteMuch8"].Status, "the size of files is limited for everyone")

	if enforced := confined.Enforced(); !strings.Contains(enforced, "files outside its folder, network, system calls") {
		t.Skip("this machine cannot: " + enforced)
	}
	within := found(confined, "8")
	for _, test := range append(escapes(c), within["TestWriteInside8"].Test, within["TestEnvironment8"].Test) {
		result := within[test.Name]
		switch test.Name {
		case "TestManyFiles8":
			require.Equal(t, "made more than 10000 files", result.Found())
		case "TestUnnamed8":
			require.Equal(t, "wrote more than 256 MiB", result.Found())
		default:
			require.Equal(t, grade.Passed, result.Status, "%s: %s", test.Name, result.Found())
		}
	}
}

// Code that is not trusted does not run as root, and not where it cannot be confined.
func TestCheck(t *testing.T) {
	err := sandbox(t, true).Check()
	if os.Geteuid() != 0 && err == nil {
		require.Contains(t, sandbox(t, true).Enforced(), "files outside its folder, network, system calls")
		return
	}
	var cannot *grade.CannotConfine
	require.ErrorAs(t, err, &cannot)
	require.NotEmpty(t, cannot.Missing)
	if os.Geteuid() == 0 {
		require.Contains(t, cannot.Missing, "the grader runs as root, so what it unpacks and compiles is read as root")
	}
}

func TestSandboxUsage(t *testing.T) {
	for _, args := range [][]string{
		nil,
		{"--", "/bin/true"},
		{"-memory=1", "-cpu=1", "-write=/tmp"},
		{"-memory=0", "-cpu=1", "-write=/tmp", "--", "/bin/true"},
		{"-bogus"},
	} {
		require.Error(t, grade.SandboxMain(args))
	}
}

// A sandbox that cannot be entered fails the harness; it never passes a test.
func TestSandboxMissing(t *testing.T) {
	c := counting(t)
	r := &grade.Runner{Sandbox: grade.Sandbox{Self: []string{filepath.Join(t.TempDir(), "missing")}, Confine: true}}
	_, err := r.Run(context.Background(), grade.Tree{Course: c}, choose(t, c, "TestAdd1"))
	if runtime.GOOS == "linux" {
		require.ErrorContains(t, err, "start test process")
	}
}
