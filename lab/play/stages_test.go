package play_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/course"
	"github.com/labkv/labkv/lab/mutants"
	"github.com/labkv/labkv/lab/overlay"
)

// The playground is there from the first stage on. What is not written yet is skipped.
func TestEarlyStages(t *testing.T) {
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	c, err := course.Load(root)
	require.NoError(t, err)
	for _, stage := range []struct {
		keep    []string
		says    []string
		saysNot []string
	}{
		{[]string{"2AA"}, []string{"--- PASS: TestScripts/election", "--- SKIP: TestScripts/figure7", "not implemented: (*Log).FirstIndex"}, []string{"--- FAIL"}},
		{[]string{"2AA", "2AB"}, []string{"--- PASS: TestScripts/election", "--- PASS: TestScripts/figure7", "--- PASS: TestScripts/figure8e"}, []string{"--- FAIL", "--- SKIP"}},
	} {
		tree := overlay.Tree{Root: root, Dirs: []string{"raft"}, Stages: c.Directives()}
		files, err := tree.Skeleton(func(s string) bool { return slices.Contains(stage.keep, s) }, overlay.KeepPrivate)
		require.NoError(t, err)
		arg, err := overlay.WriteOverlay(t.TempDir(), root, files)
		require.NoError(t, err)
		cmd := exec.Command("go", "test", "-vet=off", "-overlay", arg, "-run", "^TestScripts$", "-v", "./raft")
		cmd.Dir, cmd.Env = root, append(os.Environ(), "CGO_ENABLED=0")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		for _, text := range stage.says {
			require.Contains(t, string(out), text)
		}
		for _, text := range stage.saysNot {
			require.NotContains(t, string(out), text)
		}
	}
}

// The stories and the scripts in raft/testdata are so on every right solution, whatever
// shape it has.
func TestVariants(t *testing.T) {
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	c, err := course.Load(root)
	require.NoError(t, err)
	variants, err := mutants.LoadVariants(root, c.Directives())
	require.NoError(t, err)
	variants = slices.DeleteFunc(variants, func(v mutants.Mutant) bool { return v.Dir != "raft" })
	require.NotEmpty(t, variants)
	files, err := mutants.Overlay(root, variants)
	require.NoError(t, err)
	scratch := t.TempDir()
	arg, err := overlay.WriteOverlay(scratch, root, files)
	require.NoError(t, err)
	program := filepath.Join(scratch, "raft.test")
	build := exec.Command("go", "test", "-c", "-vet=off", "-overlay", arg, "-o", program, "./raft")
	build.Dir, build.Env = root, append(os.Environ(), "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	for _, v := range variants {
		cmd := exec.Command(program, "-test.run", "^TestScripts$")
		cmd.Dir, cmd.Env = filepath.Join(root, "raft"), append(os.Environ(), mutants.Variable+"="+v.Name)
		out, err := cmd.CombinedOutput()
		assert.NoError(t, err, "%s: %s", v.Name, out)
	}
}
