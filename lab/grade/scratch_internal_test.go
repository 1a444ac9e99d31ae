package grade

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// What a killed grader left behind goes, and what a grader uses, or others own, stays.
func TestSweep(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("directories cannot be locked on Windows")
	}
	t.Setenv("TMPDIR", t.TempDir())
	used, err := newScratch()
	require.NoError(t, err)
	left, err := newScratch()
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(filepath.Join(left.dir, "run-1", "dir"), 0o700))
	left.lock.Close() // as the end of its process does

	foreign := filepath.Join(os.TempDir(), "labkv-grade-mine")
	require.NoError(t, os.Mkdir(foreign, 0o700))
	target := t.TempDir()
	link := filepath.Join(os.TempDir(), "labkv-grade-1")
	require.NoError(t, os.Symlink(target, link))

	sweep(os.TempDir())
	require.NoDirExists(t, left.dir)
	require.DirExists(t, used.dir)
	require.DirExists(t, foreign)
	require.DirExists(t, target)
	_, err = os.Lstat(link)
	require.NoError(t, err)

	used.remove()
	require.NoDirExists(t, used.dir)
}
