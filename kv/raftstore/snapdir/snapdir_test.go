package snapdir_test

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/raftstore/snapdir"
)

func open(t *testing.T, path string) *snapdir.Dir {
	t.Helper()
	d, err := snapdir.Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	return d
}

func write(t *testing.T, d *snapdir.Dir, name, content string) {
	t.Helper()
	f, err := d.Create(name)
	require.NoError(t, err)
	_, err = io.WriteString(f, content)
	require.NoError(t, err)
	require.NoError(t, f.Sync())
	require.NoError(t, f.Close())
}

func read(t *testing.T, d *snapdir.Dir, name string) string {
	t.Helper()
	f, err := d.Open(name)
	require.NoError(t, err)
	defer f.Close()
	content, err := io.ReadAll(f)
	require.NoError(t, err)
	return string(content)
}

func TestFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "not", "there", "yet")
	d := open(t, path)
	names, err := d.List()
	require.NoError(t, err)
	require.Empty(t, names)

	write(t, d, "1-5-20.snap", "twenty")
	write(t, d, "1-5-10.snap", "a long text that is replaced")
	write(t, d, "1-5-10.snap", "ten")
	require.NoError(t, os.Mkdir(filepath.Join(path, "directory"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(path, ".hidden"), nil, 0o644))
	d = open(t, path)
	names, err = d.List()
	require.NoError(t, err)
	require.Equal(t, []string{"1-5-10.snap", "1-5-20.snap"}, names)
	require.Equal(t, "ten", read(t, d, "1-5-10.snap"))

	require.NoError(t, d.Rename("1-5-10.snap", "1-5-20.snap"))
	require.Equal(t, "ten", read(t, d, "1-5-20.snap"))
	_, err = d.Open("1-5-10.snap")
	require.ErrorContains(t, err, "1-5-10.snap")

	require.NoError(t, d.Remove("1-5-20.snap"))
	require.NoError(t, d.Remove("1-5-20.snap"), "it is not an error to remove a file that is not there")
	names, err = d.List()
	require.NoError(t, err)
	require.Empty(t, names)
}

// A file that is being read keeps its content, whatever happens to its name.
func TestReadersKeepTheirFile(t *testing.T) {
	d := open(t, t.TempDir())
	write(t, d, "old", "old content")
	write(t, d, "new", "new content")
	f, err := d.Open("old")
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, d.Rename("new", "old"))
	content, err := io.ReadAll(f)
	require.NoError(t, err)
	require.Equal(t, "old content", string(content))
}

func TestOnlyPlainNames(t *testing.T) {
	outside := t.TempDir()
	precious := filepath.Join(outside, "precious")
	require.NoError(t, os.WriteFile(precious, []byte("content"), 0o644))
	d := open(t, filepath.Join(outside, "inside"))
	write(t, d, "good", "x")
	for _, name := range []string{
		"", ".", "..", "../precious", precious, "a/b", `a\b`, ".hidden", "-flag", "nul\x00", "Größe", strings.Repeat("a", 129),
	} {
		_, err := d.Create(name)
		require.ErrorContains(t, err, "is not the name of a snapshot file", "create %q", name)
		_, err = d.Open(name)
		require.ErrorContains(t, err, "is not the name of a snapshot file", "open %q", name)
		require.ErrorContains(t, d.Remove(name), "is not the name of a snapshot file", "remove %q", name)
		require.ErrorContains(t, d.Rename("good", name), "is not the name of a snapshot file", "rename to %q", name)
		require.ErrorContains(t, d.Rename(name, "good"), "is not the name of a snapshot file", "rename %q", name)
	}
	content, err := os.ReadFile(precious)
	require.NoError(t, err)
	require.Equal(t, "content", string(content))
}

func TestPathIsAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, nil, 0o644))
	_, err := snapdir.Open(path)
	require.ErrorContains(t, err, "cannot create the directory for snapshots")
}
