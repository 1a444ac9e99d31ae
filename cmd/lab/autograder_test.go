package main

import (
	"archive/zip"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAutograderCommand(t *testing.T) {
	root := counting(t)
	policy := filepath.Join(t.TempDir(), "policy.yaml")
	require.NoError(t, os.WriteFile(policy, []byte("regrade: best\n"), 0o644))
	var zips [][]byte
	for range 2 {
		dir := t.TempDir()
		code, stdout, stderr := lab(t, root, "autograder", dir, "--stage", "1", "--policy", policy)
		require.Equal(t, exitPassed, code, stderr)
		require.Contains(t, stdout, "grades version 2.1")
		data, err := os.ReadFile(filepath.Join(dir, "autograder.zip"))
		require.NoError(t, err)
		zips = append(zips, data)
	}
	require.Equal(t, zips[0], zips[1])

	z, err := zip.NewReader(strings.NewReader(string(zips[0])), int64(len(zips[0])))
	require.NoError(t, err)
	files := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		require.NoError(t, err)
		text, err := io.ReadAll(r)
		require.NoError(t, err)
		files[f.Name] = string(text)
		if f.Name == "setup.sh" || f.Name == "run_autograder" {
			require.Equal(t, os.FileMode(0o755), f.Mode())
			bash, err := exec.LookPath("bash")
			require.NoError(t, err)
			check := exec.Command(bash, "-n")
			check.Stdin = strings.NewReader(string(text))
			out, err := check.CombinedOutput()
			require.NoError(t, err, "%s", out)
			require.NotRegexp(t, `@[A-Z]+@`, string(text))
		}
	}
	require.Contains(t, files, "course/counter/counter.go")
	require.Contains(t, files, "course/course.yaml")
	require.Equal(t, "regrade: best\n", files["policy.yaml"])
	require.Contains(t, files["run_autograder"], `grade "$root/submission" --stage 1 --format`)
	require.Contains(t, files["setup.sh"], "https://go.dev/dl/go1.")

	require.NoError(t, os.WriteFile(policy, []byte("regrade: mean\n"), 0o644))
	code, _, stderr := lab(t, root, "autograder", t.TempDir(), "--policy", policy)
	require.Equal(t, exitUsage, code)
	require.Equal(t, "lab: "+policy+":1: regrade is \"mean\", and should be latest or best\n", stderr)
}

// What is known when the policy's time is over counts.
func TestGradeForGradescope(t *testing.T) {
	root := counting(t)
	policy, out := filepath.Join(t.TempDir(), "policy.yaml"), t.TempDir()
	read := func() (score float64, output string) {
		var results struct {
			Score  float64
			Output string
		}
		data, err := os.ReadFile(filepath.Join(out, "results.json"))
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(data, &results))
		return results.Score, results.Output
	}
	ann := filepath.Join(t.TempDir(), "ann")
	require.NoError(t, os.CopyFS(filepath.Join(ann, "counter"), os.DirFS(filepath.Join(root, "counter"))))
	code, stdout, stderr := lab(t, root, "grade", "--unconfined", ann, "--stage", "1", "--format", "table,gradescope,csv,html,github", "--out", out)
	require.Equal(t, exitPassed, code, stdout+stderr)
	score, _ := read()
	require.Equal(t, 10.0, score)
	for _, name := range []string{"grades.csv", "grades.html", "grades.github.txt"} {
		require.FileExists(t, filepath.Join(out, name))
	}

	require.NoError(t, os.WriteFile(policy, []byte("time: 1ms\n"), 0o644))
	code, _, stderr = lab(t, root, "grade", "--unconfined", ann, "--stage", "1", "--format", "gradescope", "--out", out, "--policy", policy)
	require.Equal(t, exitFailed, code)
	require.Contains(t, stderr, "the time of the policy, 1ms, is over")
	score, output := read()
	require.Zero(t, score)
	require.Contains(t, output, "was over before all tests had ended")

	edit(t, root, "counter/counter_test.go", "func TestAdd1(", "var broken = undefined\n\nfunc TestAdd1(")
	edit(t, ann, "counter/counter.go", "return sum", "return total")
	code, _, _ = lab(t, root, "grade", "--unconfined", ann, "--stage", "1", "--format", "gradescope", "--out", out)
	require.Equal(t, exitHarness, code)
	_, output = read()
	require.Contains(t, output, "The grader itself failed.")
}
