package watch_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/await"
	"github.com/labkv/labkv/lab/watch"
)

// A module has files on disk, and a watcher of the tests in a and b. The tests of b
// import c by way of b.
type module struct {
	t       *testing.T
	root    string
	watcher *watch.Watcher
}

func newModule(t *testing.T) *module {
	m := &module{t: t, root: t.TempDir()}
	m.write("go.mod", "module example.com/m\n\ngo 1.26\n")
	m.write("course.yaml", "title: A\n")
	m.write("a/a.go", "package a\n")
	m.write("a/a_test.go", "package a_test\n")
	m.write("b/b.go", "package b\n\nimport _ \"example.com/m/c\"\n")
	m.write("b/b_test.go", "package b_test\n\nimport _ \"example.com/m/b\"\nimport _ \"example.com/m/helper\"\n")
	m.write("c/c.go", "package c\n")
	m.write("helper/helper.go", "package helper\n")
	m.write("d/d.go", "package d\n")
	m.watcher = watch.New(m.root, []string{"a", "b"})
	m.refresh()
	return m
}

func (m *module) write(name, text string) {
	m.t.Helper()
	path := filepath.Join(m.root, filepath.FromSlash(name))
	require.NoError(m.t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(m.t, os.WriteFile(path, []byte(text), 0o644))
}

func (m *module) refresh() {
	m.t.Helper()
	require.NoError(m.t, m.watcher.Refresh(await.Context(m.t, "the go command")))
}

// next returns the next change.
func (m *module) next() watch.Change {
	m.t.Helper()
	c, err := m.watcher.Next(await.Context(m.t, "a change"))
	require.NoError(m.t, err)
	return c
}

func TestWhatASavedFileAffects(t *testing.T) {
	m := newModule(t)
	for _, test := range []struct {
		file string
		want []string
	}{
		{"a/a.go", []string{"a"}},
		{"b/b_test.go", []string{"b"}},
		{"c/c.go", []string{"b"}},
		{"helper/helper.go", []string{"b"}},
		{"c/new.go", []string{"b"}},
		{"go.mod", []string{"a", "b"}},
		{"course.yaml", []string{"a", "b"}},
	} {
		text, _ := os.ReadFile(filepath.Join(m.root, test.file))
		if len(text) == 0 {
			text = []byte("package c\n")
		}
		m.write(test.file, string(text)+"\n")
		require.Equal(t, watch.Change{Files: []string{test.file}, Packages: test.want}, m.next())
	}
	require.NoError(t, os.Remove(filepath.Join(m.root, "c", "new.go")))
	require.Equal(t, watch.Change{Files: []string{"c/new.go"}, Packages: []string{"b"}}, m.next())
}

// Editors write another file and rename it. Of what they leave beside it, and of
// files that no test is built from, nothing is reported.
func TestRenameAndOtherFiles(t *testing.T) {
	m := newModule(t)
	m.write("d/d.go", "package d // changed\n")
	m.write("a/.a.go.swp", "x")
	m.write("a/.#a.go", "x")
	m.write("a/notes.txt", "x")
	m.write("a/a.go~", "package a // new\n")
	require.NoError(t, os.Rename(filepath.Join(m.root, "a", "a.go~"), filepath.Join(m.root, "a", "a.go")))
	require.Equal(t, watch.Change{Files: []string{"a/a.go"}, Packages: []string{"a"}}, m.next())
}

// Several files saved together are one change.
func TestSavedTogether(t *testing.T) {
	m := newModule(t)
	m.write("c/c.go", "package c // changed\n")
	m.write("a/a.go", "package a // changed\n")
	require.Equal(t, watch.Change{Files: []string{"a/a.go", "c/c.go"}, Packages: []string{"a", "b"}}, m.next())
}

// Imports change what a file affects, also while a file that has them is broken.
func TestImportsChange(t *testing.T) {
	m := newModule(t)
	m.write("a/a.go", "package a\n\nimport _ \"example.com/m/d\"\n")
	require.Equal(t, []string{"a/a.go"}, m.next().Files)
	m.refresh()
	m.write("d/d.go", "package d // changed\n")
	require.Equal(t, watch.Change{Files: []string{"d/d.go"}, Packages: []string{"a"}}, m.next())

	m.write("b/b.go", "package b\n\nimport _ \"example.com/\n")
	require.Equal(t, []string{"b/b.go"}, m.next().Files)
	m.refresh()
	m.write("c/c.go", "package c // changed\n")
	require.Equal(t, watch.Change{Files: []string{"c/c.go"}, Packages: []string{"b"}}, m.next())

	m.write("b/b.go", "package b\n")
	require.Equal(t, []string{"b/b.go"}, m.next().Files)
	m.refresh()
	m.write("c/c.go", "package c // changed again\n")
	m.write("b/b.go", "package b // changed\n")
	require.Equal(t, watch.Change{Files: []string{"b/b.go"}, Packages: []string{"b"}}, m.next())
}

func TestNextEndsWithContext(t *testing.T) {
	m := newModule(t)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(time.Millisecond, cancel)
	_, err := m.watcher.Next(ctx)
	require.ErrorIs(t, err, context.Canceled)
}
