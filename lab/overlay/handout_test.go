package overlay_test

import (
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"

	"github.com/labkv/labkv/lab/await"
	"github.com/labkv/labkv/lab/overlay"
)

const repository = course + `
-- .gitignore --
/out/
*.log
-- raft/private.go --
package raft

//lab:private
func secret() {}
-- scripts/run --
#!/bin/sh
-- lab/mutants/1/wrong.go --
package server
-- lab/testdata/raft.go --
package raft

//lab:implement 2AA
func example() {}
-- out/report --
Not part of the tree.
-- forced.log --
Ignored, but tracked.
-- ignored.log --
Ignored.
`

// writeRepository writes a tree, with one executable file.
func writeRepository(t *testing.T) *overlay.Tree {
	t.Helper()
	root := writeTree(t, txtar.Parse([]byte(repository)).Files, "")
	require.NoError(t, os.Chmod(filepath.Join(root, "scripts", "run"), 0o755))
	return &overlay.Tree{Root: root, Dirs: []string{"raft", "kv/server"}, Stages: stages}
}

// runGit runs git without the configuration of the user.
func runGit(t *testing.T, dir string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	cmd := await.Command(t, await.BuildLimit, "git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	return strings.TrimSpace(string(out))
}

func list(t *testing.T, dir string) []string {
	t.Helper()
	var names []string
	require.NoError(t, filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() == ".git" {
			return fs.SkipDir
		}
		if !d.IsDir() {
			rel, err := filepath.Rel(dir, p)
			require.NoError(t, err)
			names = append(names, filepath.ToSlash(rel))
		}
		return nil
	}))
	return names
}

var handedOut = []string{
	".gitignore", "forced.log", "kv/server/raw.go", "lab/testdata/raft.go",
	"raft/a.go", "raft/a_test.go", "raft/b.go", "scripts/run",
}

// What is laid over the tree takes the places of its files, excluded ones too, and
// joins them. Its directory is not handed out.
func TestHandoutFiles(t *testing.T) {
	tree := writeRepository(t)
	for name, text := range map[string]string{"README.md": "for students", "lab/mutants/README.md": "none", "scripts/run": "echo"} {
		name = filepath.Join(tree.Root, "front", filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
		require.NoError(t, os.WriteFile(name, []byte(text), 0o644))
	}
	dir := filepath.Join(t.TempDir(), "handout")
	h := &overlay.Handout{Tree: tree, Files: "front", Exclude: []string{"lab/mutants", "*.log", ".gitignore"}}
	_, err := h.Write(await.Context(t, "a handout"), dir)
	require.NoError(t, err)
	require.Equal(t, []string{
		"README.md", "kv/server/raw.go", "lab/mutants/README.md", "lab/testdata/raft.go",
		"raft/a.go", "raft/a_test.go", "raft/b.go", "scripts/run",
	}, list(t, dir))
	text, err := os.ReadFile(filepath.Join(dir, "scripts", "run"))
	require.NoError(t, err)
	require.Equal(t, "echo", string(text))
}

func TestHandoutOfARepository(t *testing.T) {
	tree := writeRepository(t)
	runGit(t, tree.Root, "init", "--quiet")
	runGit(t, tree.Root, "add", ".gitignore", "raft")
	runGit(t, tree.Root, "add", "--force", "forced.log")
	// A file that Git lists but that is not there, and a repository inside the tree.
	require.NoError(t, os.WriteFile(filepath.Join(tree.Root, "deleted"), nil, 0o644))
	runGit(t, tree.Root, "add", "deleted")
	require.NoError(t, os.Remove(filepath.Join(tree.Root, "deleted")))
	inner := filepath.Join(tree.Root, "earlier")

	h := &overlay.Handout{Tree: tree, Exclude: []string{"lab/mutants"}}
	first, err := h.Write(await.Context(t, "a handout"), inner)
	require.NoError(t, err)
	require.Equal(t, handedOut, list(t, inner))

	// The same tree gives the same commit, whatever the user's Git is told.
	t.Setenv("GIT_DIR", filepath.Join(tree.Root, ".git"))
	t.Setenv("GIT_AUTHOR_NAME", "somebody")
	t.Setenv("GIT_AUTHOR_DATE", "2020-02-02T02:02:02Z")
	dir := t.TempDir()
	second, err := h.Write(await.Context(t, "a handout"), dir)
	require.NoError(t, err)
	require.Equal(t, first, second)
	require.NoError(t, os.Unsetenv("GIT_DIR"))

	require.Equal(t, handedOut, list(t, dir))
	require.Equal(t, first, runGit(t, dir, "rev-parse", "HEAD"))
	require.Empty(t, runGit(t, dir, "status", "--porcelain"))
	require.Equal(t, strings.Join(handedOut, "\n"), runGit(t, dir, "ls-files"))
	info, err := os.Stat(filepath.Join(dir, "scripts", "run"))
	require.NoError(t, err)
	require.NotZero(t, info.Mode()&0o100, "an executable file stays one")
	content, err := os.ReadFile(filepath.Join(dir, "raft", "b.go"))
	require.NoError(t, err)
	require.Contains(t, string(content), `panic("TODO(2AA): implement (*Raft).becomeLeader")`)
	content, err = os.ReadFile(filepath.Join(dir, "lab", "testdata", "raft.go"))
	require.NoError(t, err)
	require.Contains(t, string(content), "func example() {}", "test data is not rewritten")

	require.NoError(t, os.WriteFile(filepath.Join(tree.Root, "raft", "new.go"), []byte("package raft\n"), 0o644))
	third, err := h.Write(await.Context(t, "a handout"), filepath.Join(t.TempDir(), "new"))
	require.NoError(t, err)
	require.NotEqual(t, first, third)
}

func TestHandoutOfADirectory(t *testing.T) {
	tree := writeRepository(t)
	dir := filepath.Join(t.TempDir(), "handout")
	_, err := (&overlay.Handout{Tree: tree, Exclude: []string{"lab/mutants", "**/*.log", ".gitignore", ".github"}}).Write(await.Context(t, "a handout"), dir)
	require.NoError(t, err)
	require.Equal(t, []string{"kv/server/raw.go", "lab/testdata/raft.go", "raft/a.go", "raft/a_test.go", "raft/b.go", "scripts/run"}, list(t, dir))
}

func TestHandoutMistakes(t *testing.T) {
	tests := []struct {
		name    string
		arrange func(t *testing.T, h *overlay.Handout, dir *string)
		want    string
	}{
		{"not empty", func(t *testing.T, h *overlay.Handout, dir *string) { *dir = h.Tree.Root },
			"is not empty (it has .gitignore); name a new or an empty directory"},
		{"a file", func(t *testing.T, h *overlay.Handout, dir *string) { *dir = filepath.Join(h.Tree.Root, ".gitignore") },
			".gitignore is not a directory that can be read; name a new or an empty one"},
		{"no parent", func(t *testing.T, h *overlay.Handout, dir *string) { *dir = filepath.Join(*dir, "a", "b") },
			"a/b: no such file or directory"},
		{"stale pattern", func(t *testing.T, h *overlay.Handout, dir *string) { h.Exclude = []string{"lab/mutants", "lab/mutant"} },
			`pattern "lab/mutant" excludes no file of the tree; correct or remove it`},
		{"wrong pattern", func(t *testing.T, h *overlay.Handout, dir *string) { h.Exclude = []string{"/lab"} },
			`pattern "/lab" is not a relative path`},
		{"no files to lay over", func(t *testing.T, h *overlay.Handout, dir *string) { h.Files = "front" },
			"there are no files in front, which are to be laid over the tree's"},
		{"a solution laid over", func(t *testing.T, h *overlay.Handout, dir *string) {
			h.Files = "lab/testdata"
			h.Tree.Dirs = append(h.Tree.Dirs, ".")
		},
			"lab/testdata/raft.go: would be handed out in the place of a file that students write; remove it"},
		{"wrong directive", func(t *testing.T, h *overlay.Handout, dir *string) { h.Tree.Stages = []string{"1", "2AB"} },
			`raft/b.go:7: unknown stage "2AA"; there are 1, 2AB`},
		{"forgotten directory", func(t *testing.T, h *overlay.Handout, dir *string) { h.Tree.Dirs = []string{"raft"} },
			"kv/server/raw.go:3: this directive has no effect, because kv/server is not among the directories that students edit (raft)"},
		{"symbolic link", func(t *testing.T, h *overlay.Handout, dir *string) {
			require.NoError(t, os.Symlink("/", filepath.Join(h.Tree.Root, "everything")))
		}, "everything: is not a plain file, and a handout holds only such; exclude it"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := &overlay.Handout{Tree: writeRepository(t)}
			dir := filepath.Join(t.TempDir(), "handout")
			test.arrange(t, h, &dir)
			before := list(t, h.Tree.Root)
			_, err := h.Write(await.Context(t, "a handout"), dir)
			require.ErrorContains(t, err, test.want)
			require.NotContains(t, err.Error(), "\n")
			require.Equal(t, before, list(t, h.Tree.Root))
			if strings.HasSuffix(dir, "handout") {
				require.NoDirExists(t, dir)
			}
		})
	}
}

// stopAfter is a context that ends once it has been asked n times.
type stopAfter struct {
	context.Context
	n int
}

func (c *stopAfter) Err() error {
	if c.n--; c.n < 0 {
		return context.Canceled
	}
	return nil
}

func TestHandoutIsRemovedOnFailure(t *testing.T) {
	tree := writeRepository(t)
	h := &overlay.Handout{Tree: tree}
	parent := t.TempDir()

	_, err := h.Write(&stopAfter{t.Context(), 3}, filepath.Join(parent, "new"))
	require.ErrorIs(t, err, context.Canceled)
	require.NoDirExists(t, filepath.Join(parent, "new"))

	existing := filepath.Join(parent, "existing")
	require.NoError(t, os.Mkdir(existing, 0o755))
	_, err = h.Write(&stopAfter{t.Context(), 3}, existing)
	require.ErrorIs(t, err, context.Canceled)
	entries, err := os.ReadDir(existing)
	require.NoError(t, err)
	require.Empty(t, entries, "a directory that was there stays, empty as it was")

	_, err = exec.LookPath("git")
	if err != nil {
		t.Skip("git is not installed")
	}
	// Git fails last, when all files are there.
	t.Setenv("PATH", fakeGit(t))
	_, err = h.Write(await.Context(t, "a handout"), filepath.Join(parent, "git"))
	require.ErrorContains(t, err, "out of luck")
	require.NoDirExists(t, filepath.Join(parent, "git"))
}

// fakeGit returns a directory with a git that fails.
func fakeGit(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	script := "#!/bin/sh\necho out of luck >&2\nexit 1\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "git"), []byte(script), 0o755))
	return dir
}

func TestHandoutWithoutGit(t *testing.T) {
	tree := writeRepository(t)
	t.Setenv("PATH", t.TempDir())
	dir := filepath.Join(t.TempDir(), "handout")
	commit, err := (&overlay.Handout{Tree: tree}).Write(await.Context(t, "a handout"), dir)
	require.NoError(t, err)
	require.Empty(t, commit)
	require.NotEmpty(t, list(t, dir))
	require.NoDirExists(t, filepath.Join(dir, ".git"))
}
