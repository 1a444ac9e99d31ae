package grade_test

import (
	"context"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/grade"
)

func TestSandbox(t *testing.T) {
	c := counting(t)
	t.Setenv("LABKV_SECRET", "x")
	statuses := func(box grade.Sandbox) map[string]grade.Status {
		r := &grade.Runner{Sandbox: box}
		report, err := r.Run(context.Background(), grade.Tree{Course: c}, choose(t, c, "8"))
		require.NoError(t, err)
		got := map[string]grade.Status{}
		for _, result := range report.Results() {
			got[result.Test.Name] = result.Status
		}
		return got
	}
	confined, open := sandbox(t, true), sandbox(t, false)

	// What is denied in the sandbox is possible without it, so the tests do try.
	require.Equal(t, map[string]grade.Status{
		"TestWriteOutside8": grade.Failed,
		"TestReadOutside8":  grade.Failed,
		"TestListen8":       grade.Failed,
		"TestWriteInside8":  grade.Passed,
		"TestWriteMuch8":    grade.Failed,
		"TestEnvironment8":  grade.Passed,
	}, statuses(grade.Sandbox{}))
	if runtime.GOOS != "linux" {
		t.Skip("only Linux can confine processes")
	}
	require.Equal(t, "limited: real time, memory, processor time, file size, open files", open.Enforced())
	if strings.Contains(confined.Enforced(), "not ") {
		t.Skip("this kernel cannot: " + confined.Enforced())
	}
	require.Equal(t, open.Enforced()+", files outside its folder, network", confined.Enforced())
	require.Equal(t, map[string]grade.Status{
		"TestWriteOutside8": grade.Passed,
		"TestReadOutside8":  grade.Passed,
		"TestListen8":       grade.Passed,
		"TestWriteInside8":  grade.Passed,
		"TestWriteMuch8":    grade.Passed,
		"TestEnvironment8":  grade.Passed,
	}, statuses(confined))
	require.Equal(t, grade.Passed, statuses(open)["TestWriteMuch8"], "the size of files is limited for everyone")
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
