package overlay_test

import (
	"bytes"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"

	"github.com/labkv/labkv/lab/overlay"
	"github.com/labkv/labkv/lab/overlay/source"
)

var rewrite = flag.Bool("rewrite", false, "write what the golden tests got into testdata")

var stages = []string{"1", "2AA", "2AB", "2C"}

// writeTree writes the files of an archive below prefix and returns their root.
func writeTree(t *testing.T, files []txtar.File, prefix string) (root string) {
	t.Helper()
	root = t.TempDir()
	for _, f := range files {
		name, ok := strings.CutPrefix(f.Name, prefix)
		if !ok {
			continue
		}
		p := filepath.Join(root, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(p), 0o755))
		require.NoError(t, os.WriteFile(p, f.Data, 0o644))
	}
	return root
}

func readTree(t *testing.T, src string) *overlay.Tree {
	t.Helper()
	return &overlay.Tree{
		Root:   writeTree(t, []txtar.File{{Name: "raft/raft.go", Data: []byte(src)}}, ""),
		Dirs:   []string{"raft"},
		Stages: stages,
	}
}

func none(string) bool { return false }
func all(string) bool  { return true }

// Each archive in testdata is a tree (in/) with the files that its skeleton
// changes (want/; one without content disappears). Lines "keep:" and "private:"
// before the first file say what differs from a handout.
func TestSkeletonGolden(t *testing.T) {
	archives, err := filepath.Glob("testdata/*.txtar")
	require.NoError(t, err)
	require.NotEmpty(t, archives)
	for _, name := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			require.NoError(t, err)
			keep, private := none, overlay.DropPrivate
			for line := range strings.Lines(string(archive.Comment)) {
				if list, ok := strings.CutPrefix(line, "keep: "); ok {
					keep = func(stage string) bool { return slices.Contains(strings.Fields(list), stage) }
				}
				if strings.TrimSpace(line) == "private: keep" {
					private = overlay.KeepPrivate
				}
			}
			tree := &overlay.Tree{Root: writeTree(t, archive.Files, "in/"), Dirs: []string{"raft"}, Stages: stages}
			got, err := tree.Skeleton(keep, private)
			require.NoError(t, err)

			if *rewrite {
				archive.Files = slices.DeleteFunc(archive.Files, func(f txtar.File) bool { return strings.HasPrefix(f.Name, "want/") })
				for _, path := range slices.Sorted(maps.Keys(got)) {
					archive.Files = append(archive.Files, txtar.File{Name: "want/" + path, Data: got[path]})
				}
				require.NoError(t, os.WriteFile(name, txtar.Format(archive), 0o644))
			}
			want := map[string]string{}
			for _, f := range archive.Files {
				if path, ok := strings.CutPrefix(f.Name, "want/"); ok {
					want[path] = string(f.Data)
				}
			}
			require.ElementsMatch(t, slices.Collect(maps.Keys(want)), slices.Collect(maps.Keys(got)))
			for path, content := range got {
				require.Equal(t, want[path], string(content), path)
				require.Equal(t, want[path] == "", content == nil, "%s: only a file that disappears has no content", path)
			}

			unchanged, err := tree.Skeleton(all, overlay.KeepPrivate)
			require.NoError(t, err)
			require.Empty(t, unchanged, "nothing changes if everything is kept")

			for path, content := range got {
				p := filepath.Join(tree.Root, path)
				if content == nil {
					require.NoError(t, os.Remove(p))
				} else {
					require.NoError(t, os.WriteFile(p, content, 0o644))
				}
			}
			again, err := tree.Skeleton(keep, private)
			require.NoError(t, err)
			require.Empty(t, again, "the skeleton of a skeleton is itself")
		})
	}
}

// Line endings of Windows are those of a checkout with core.autocrlf.
func TestSkeletonWithCarriageReturns(t *testing.T) {
	const unix = `package raft

import "fmt"

type t struct {
	a int // kept
	// gone
	//
	//lab:private
	b int // gone too
	c int //lab:private
}

//lab:private
const raw = ` + "`a\nb`" + ` // gone

//lab:implement 2AA
func f() {
	fmt.Print()
}
`
	want, err := readTree(t, unix).Skeleton(none, overlay.DropPrivate)
	require.NoError(t, err)
	got, err := readTree(t, strings.ReplaceAll(unix, "\n", "\r\n")).Skeleton(none, overlay.DropPrivate)
	require.NoError(t, err)
	require.Equal(t, string(want["raft/raft.go"]), string(bytes.ReplaceAll(got["raft/raft.go"], []byte("\r"), nil)))
	require.NotContains(t, string(want["raft/raft.go"]), "gone")
}

func TestSkeletonMistakes(t *testing.T) {
	tests := []struct {
		name, src, want string
	}{
		{"syntax", "package raft\n\nfunc f( {}", `raft/raft.go:3: expected ')', found '{'`},
		{"unknown word", "package raft\n\n//lab:implemented 2AA\nfunc f() {}", `raft/raft.go:3: unknown directive //lab:implemented; there are //lab:implement and //lab:private`},
		{"mutant", "package raft\n\n//lab:mutant 2AA raft\nfunc f() {}", `raft/raft.go:3: unknown directive //lab:mutant; there are`},
		{"no word", "package raft\n\n//lab:\nfunc f() {}", `raft/raft.go:3: unknown directive //lab:; there are`},
		{"no stage", "package raft\n\n//lab:implement\nfunc f() {}", `raft/raft.go:3: //lab:implement names no stage; add one of 1, 2AA, 2AB, 2C`},
		{"unknown stage", "package raft\n\n//lab:implement 2aa\nfunc f() {}", `raft/raft.go:3: unknown stage "2aa"; there are 1, 2AA, 2AB, 2C`},
		{"unknown option", "package raft\n\n//lab:implement 2AA loud\nfunc f() {}", `raft/raft.go:3: unknown option "loud" of //lab:implement; there is only "quiet"`},
		{"too many arguments", "package raft\n\n//lab:implement 2AA quiet // why\nfunc f() {}", `raft/raft.go:3: //lab:implement has too many arguments; remove "// why"`},
		{"argument of private", "package raft\n\n//lab:private because\nfunc f() {}", `raft/raft.go:3: //lab:private takes no argument; remove "because"`},
		{"implement twice", "package raft\n\n//lab:implement 2AA\n//lab:implement 2AB\nfunc f() {}", `raft/raft.go:4: //lab:implement stands here twice; remove one`},
		{"private twice", "package raft\n\n//lab:private\n//lab:private\nvar x int", `raft/raft.go:4: //lab:private stands here twice; remove one`},
		{"both", "package raft\n\n//lab:private\n//lab:implement 2AB\nfunc f() {}", `raft/raft.go:4: //lab:implement and //lab:private contradict each other`},
		{"implement a type", "package raft\n\n//lab:implement 2AB\ntype t int", `raft/raft.go:3: //lab:implement needs a function, and this is a type`},
		{"implement a variable", "package raft\n\n//lab:implement 2AB\nvar f = func() {}", `raft/raft.go:3: //lab:implement needs a function, and this is a variable`},
		{"implement a field", "package raft\n\ntype t struct {\n\t//lab:implement 2AB\n\tf func()\n}", `raft/raft.go:4: //lab:implement needs a function, and this is a field`},
		{"implement an interface method", "package raft\n\ntype t interface {\n\t//lab:implement 2AB\n\tf()\n}", `raft/raft.go:4: //lab:implement needs a function, and this is a method of an interface`},
		{"no body", "package raft\n\n//lab:implement 2AB\nfunc f()", `raft/raft.go:3: //lab:implement needs a function with a body, and f has none`},
		{"init", "package raft\n\n//lab:implement 2AB\nfunc init() {}", `raft/raft.go:3: init cannot be left to implement: it would panic before any test starts; use quiet`},
		{"import", "package raft\n\n//lab:private\nimport \"fmt\"\n\nvar _ = fmt.Print", `raft/raft.go:3: //lab:private is not for imports`},
		{"method of private type", "package raft\n\n//lab:private\ntype t int\n\n//lab:implement 1\nfunc (*t) m() {}", `raft/raft.go:7: (*t).m is to be implemented, but its type t is private; remove one of the directives`},
		{"iota", "package raft\n\nconst (\n\t//lab:private\n\ta = iota\n\tb\n)", `raft/raft.go:5: //lab:private here would change the value of b (line 6)`},
		{"later iota", "package raft\n\nconst (\n\ta = 1\n\tb = 2 //lab:private\n\tc = 3\n\td = 1 << iota\n)", `raft/raft.go:5: //lab:private here would change the value of d (line 7)`},
		{"repeated expression", "package raft\n\nconst (\n\ta = 1 //lab:private\n\tb\n)", `raft/raft.go:4: //lab:private here would change the value of b (line 5)`},
		{"orphan", "package raft\n\n//lab:private\n\nvar x int", `raft/raft.go:3: no declaration carries this directive`},
		{"package clause", "//lab:private\npackage raft", `raft/raft.go:1: no declaration carries this directive`},
		{"inside a body", "package raft\n\nfunc f() {\n\t//lab:private\n\tvar x int\n\t_ = x\n}", `raft/raft.go:4: no declaration carries this directive`},
		{"parameter", "package raft\n\nfunc f(\n\t//lab:private\n\tx int,\n) {\n}", `raft/raft.go:4: no declaration carries this directive`},
		{"behind a function", "package raft\n\nfunc f() {} //lab:private", `raft/raft.go:3: no declaration carries this directive`},
		{"end of file", "package raft\n\nvar x int\n\n//lab:private", `raft/raft.go:5: no declaration carries this directive`},
		{"space", "package raft\n\n// lab:private\nvar x int", `raft/raft.go:3: to Go this is an ordinary comment; write //lab:private, without a space`},
		{"block comment", "package raft\n\n/*\nlab:implement 2AA\n*/\nfunc f() {}", `raft/raft.go:3: to Go this is an ordinary comment; write //lab:implement`},
		{"dot import", "package raft\n\nimport . \"fmt\"\n\n//lab:implement 2AA\nfunc f() { Print() }", `raft/raft.go:3: cannot tell whether the dot import of "fmt" is still used once the file changes; import it under a name`},
		{"unguessable import", "package raft\n\nimport \"example.com/x\"\n\n//lab:implement 2AA\nfunc f() { other.Print() }", `raft/raft.go:3: cannot tell under which name the file uses "example.com/x"; give the import a name`},
		{"hidden result type", "package raft\n\ntype t [1]int\n\n//lab:implement 2AA quiet\nfunc f(t int) t { return t }", `raft/raft.go:6: the parameter t of f hides what its result type names`},
		{"nothing left", "package raft\n\n//lab:private\nvar x int", `raft: nothing would be left of this package; keep a file with its package comment`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			files, err := readTree(t, test.src).Skeleton(none, overlay.DropPrivate)
			require.Nil(t, files)
			require.ErrorContains(t, err, test.want)
			require.NotContains(t, err.Error(), "\n", "one mistake, one line")
			var mistake *source.Error
			require.ErrorAs(t, err, &mistake)
		})
	}
}

func TestSkeletonReportsAllMistakes(t *testing.T) {
	root := writeTree(t, []txtar.File{
		{Name: "raft/b.go", Data: []byte("package raft\n\n//lab:wrong\nvar x int\n\n//lab:worse\nvar y int\n")},
		{Name: "raft/a_test.go", Data: []byte("package raft\n\n//lab:private\nvar z int\n")},
		{Name: "raft/_ignored.go", Data: []byte("no Go at all")},
		{Name: "raft/sub/c.go", Data: []byte("package sub\n\n//lab:wrong\nvar x int\n")},
	}, "")
	tree := &overlay.Tree{Root: root, Dirs: []string{"raft", "kv", "../kv"}, Stages: stages}
	_, err := tree.Skeleton(none, overlay.DropPrivate)
	require.EqualError(t, err, strings.Join([]string{
		`../kv: is not a slash-separated path below the root`,
		`kv: cannot be read as a directory: no such file or directory`,
		`raft/a_test.go:3: directives do not work in test files, which are never rewritten; remove it`,
		`raft/b.go:3: unknown directive //lab:wrong; there are //lab:implement and //lab:private`,
		`raft/b.go:6: unknown directive //lab:worse; there are //lab:implement and //lab:private`,
	}, "\n"))
}
