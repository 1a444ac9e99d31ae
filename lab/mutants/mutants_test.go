package mutants_test

import (
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"

	"github.com/labkv/labkv/lab/await"
	"github.com/labkv/labkv/lab/mutants"
	"github.com/labkv/labkv/lab/overlay"
	"github.com/labkv/labkv/lab/overlay/source"
)

var rewrite = flag.Bool("rewrite", false, "write what the golden test got into testdata")

var stages = []string{"1", "2AA", "2AB"}

func writeTree(t *testing.T, files []txtar.File) (root string) {
	t.Helper()
	root = t.TempDir()
	for _, f := range files {
		p := filepath.Join(root, filepath.FromSlash(f.Name))
		require.NoError(t, os.MkdirAll(filepath.Dir(p), 0o755))
		require.NoError(t, os.WriteFile(p, f.Data, 0o644))
	}
	return root
}

func readArchive(t *testing.T, name string) (root string) {
	t.Helper()
	archive, err := txtar.ParseFile(name)
	require.NoError(t, err)
	return writeTree(t, archive.Files)
}

func names(ms []mutants.Mutant) []string {
	var names []string
	for _, m := range ms {
		names = append(names, m.Name)
	}
	return names
}

func TestLoad(t *testing.T) {
	root := readArchive(t, "testdata/course.txtar")
	all, err := mutants.Load(root, stages)
	require.NoError(t, err)
	require.Equal(t, []string{"1/forgets", "2aa/generic", "2aa/linux", "2aa/own-types", "2aa/vote-twice", "2ab/off-by-one"}, names(all))

	m := all[4]
	require.Equal(t, "2AA", m.Stage)
	require.Equal(t, "raft", m.Dir)
	require.Equal(t, "lab/mutants/2aa/vote-twice.go", m.File)
	require.Equal(t, []string{"(*Raft).Vote", "Quorum"}, m.Funcs)
	require.Equal(t, "A server that grants its vote to everyone who asks, because it forgets\nwhom it voted for.", m.Doc)

	some, err := mutants.Load(root, stages, "2AB", "1")
	require.NoError(t, err)
	require.Equal(t, []string{"1/forgets", "2ab/off-by-one"}, names(some), "in the order of the course")
}

// All mutants of a package are in one program, and each does its harm only if chosen.
func TestOverlayRuns(t *testing.T) {
	root := readArchive(t, "testdata/course.txtar")
	all, err := mutants.Load(root, stages)
	require.NoError(t, err)
	files, err := mutants.Overlay(root, all)
	require.NoError(t, err)
	arg, err := overlay.WriteOverlay(t.TempDir(), root, files)
	require.NoError(t, err)

	run := func(env string, name string, args ...string) (string, error) {
		cmd := await.Command(t, await.BuildLimit, name, args...)
		cmd.Dir = root
		cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off", env)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	binaries := map[string]string{}
	for _, dir := range []string{"raft", "store"} {
		binaries[dir] = filepath.Join(t.TempDir(), dir+".test")
		out, err := run("", "go", "test", "-c", "-overlay", arg, "-o", binaries[dir], "./"+dir)
		require.NoError(t, err, out)
	}

	// What the tests of the little course print when they fail.
	tests := []struct {
		dir, mutant, want string
	}{
		{"raft", "", ""},
		{"raft", "2aa/vote-twice", "two votes"},
		{"raft", "2aa/generic", "wrong maximum"},
		{"raft", "2aa/linux", "wrong sum 0"},
		{"raft", "2aa/own-types", "wrong term 7"},
		{"raft", "2ab/off-by-one", "wrong last index 4"},
		{"raft", "1/forgets", ""}, // of a package that this program does not contain
		{"store", "", ""},
		{"store", "1/forgets", "forgotten"},
		{"store", "2ab/off-by-one", "last index 4"}, // in a package that it imports
		{"store", "2aa/unheard-of", "panic: LABKV_MUTANT=2aa/unheard-of: this program has no such mutant"},
	}
	for _, test := range tests {
		t.Run(test.dir+" "+test.mutant, func(t *testing.T) {
			out, err := run(mutants.Variable+"="+test.mutant, binaries[test.dir])
			if test.want == "" {
				require.NoError(t, err, out)
				return
			}
			require.Error(t, err)
			require.Contains(t, out, test.want)
		})
	}

	t.Run("positions", func(t *testing.T) {
		line := func(file, text string) string {
			src, err := os.ReadFile(filepath.Join(root, file))
			require.NoError(t, err)
			for i, l := range strings.Split(string(src), "\n") {
				if strings.Contains(l, text) {
					return filepath.Join(root, file) + ":" + strconv.Itoa(i+1)
				}
			}
			t.Fatal(text, "is not in", file)
			return ""
		}
		out, err := run("CRASH=1", binaries["raft"], "-test.run", "TestCrash")
		require.Error(t, err)
		require.Contains(t, out, line("raft/raft.go", "panic(\"crash of the original\")"))
		require.Contains(t, out, line("raft/raft.go", "func Quorum("), "the dispatcher has the original's place")

		cmd := await.Command(t, await.BuildLimit, binaries["raft"], "-test.run", "TestCrash")
		cmd.Env = append(os.Environ(), "CRASH=1", mutants.Variable+"=2aa/vote-twice")
		trace, err := cmd.CombinedOutput()
		require.Error(t, err)
		require.Contains(t, string(trace), line("lab/mutants/2aa/vote-twice.go", "panic(\"crash of the mutant\")"))
		require.Contains(t, string(trace), "raft.Quorum_2aa_vote_twice(")
	})

	// A mutant that does not compile is shown where its author wrote it.
	broken := filepath.Join(root, "lab", "mutants", "2ab", "off-by-one.go")
	src, err := os.ReadFile(broken)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(broken, []byte(strings.Replace(string(src), "+ 1", "+ undeclared", 1)), 0o644))
	all, err = mutants.Load(root, stages, "2AB")
	require.NoError(t, err)
	files, err = mutants.Overlay(root, all)
	require.NoError(t, err)
	arg, err = overlay.WriteOverlay(t.TempDir(), root, files)
	require.NoError(t, err)
	out, err := run("", "go", "build", "-overlay", arg, "./raft")
	require.Error(t, err)
	require.Contains(t, filepath.ToSlash(out), "lab/mutants/2ab/off-by-one.go:8:")
	require.Contains(t, out, "undefined: undeclared")
}

// The overlay of the little course, as a whole, to be read.
func TestOverlayGolden(t *testing.T) {
	const golden = "testdata/overlay.txtar"
	root := readArchive(t, "testdata/course.txtar")
	all, err := mutants.Load(root, stages)
	require.NoError(t, err)
	files, err := mutants.Overlay(root, all)
	require.NoError(t, err)
	got := &txtar.Archive{Comment: []byte("What mutants.Overlay makes of course.txtar. $ROOT is the root of the tree.\n\n")}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		content := strings.ReplaceAll(string(files[name]), root, "$ROOT")
		got.Files = append(got.Files, txtar.File{Name: name, Data: []byte(content)})
	}
	if *rewrite {
		require.NoError(t, os.WriteFile(golden, txtar.Format(got), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), string(txtar.Format(got)))
}

func TestOverlayMistakes(t *testing.T) {
	root := readArchive(t, "testdata/course.txtar")
	all, err := mutants.Load(root, stages)
	require.NoError(t, err)
	_, err = mutants.Overlay(root, append(all, all[0]))
	require.EqualError(t, err, "mutant 1/forgets is in the list twice")

	// The solution changed since the mutants were loaded.
	require.NoError(t, os.WriteFile(filepath.Join(root, "store", "store.go"), []byte("package store\n"), 0o644))
	_, err = mutants.Overlay(root, all)
	require.ErrorContains(t, err, "lab/mutants/1/forgets.go:13: store has no (*Store).Get")
}

func TestLoadMistakes(t *testing.T) {
	const raft = `package raft

import (
	"flag"
	"fmt"
	pb "example.com/eraftpb"
)

type Raft struct{}
type Tree[K comparable, V any] struct{}

const limit = 1

func (r *Raft) Step(m *pb.Message, n, k int) error { return nil }
func (r *Raft) Tick()                               { fmt.Print() }
func (t *Tree[K, V]) Get(k K) V                     { panic("x") }
func Quorum(n ...int) (quorum int)                  { return 1 }
func guard()                                        { recover() }
func assembly()
func Map[_, U any](u U)                             { panic("map") }
`
	const header = "//go:build mutant\n\n// A mistake.\n//\n//lab:mutant 2AA raft\npackage raft\n\n"
	tests := []struct {
		name, src, want string
	}{
		{"syntax", "package", "lab/mutants/2aa/m.go:1: expected 'IDENT'"},
		{"no constraint", "// A mistake.\n//\n//lab:mutant 2AA raft\npackage raft\n\nfunc (r *Raft) Tick() {}", "m.go:1: the file must begin with //go:build mutant"},
		{"another constraint", strings.Replace(header, "mutant\n", "!mutant\n", 1) + "func (r *Raft) Tick() {}", "m.go:1: the file must begin with //go:build mutant"},
		{"no description", "//go:build mutant\n\n//lab:mutant 2AA raft\npackage raft\n\nfunc (r *Raft) Tick() {}", "m.go:4: describe the mutant in a comment above the package clause"},
		{"no directive", "//go:build mutant\n\n// A mistake.\npackage raft\n\nfunc (r *Raft) Tick() {}", "m.go:4: the comment above the package clause must end with a line like //lab:mutant 2AA raft"},
		{"directive elsewhere", "//go:build mutant\n\n// A mistake.\npackage raft\n\n//lab:mutant 2AA raft\nfunc (r *Raft) Tick() {}", "m.go:6: //lab:mutant belongs in the comment directly above the package clause"},
		{"directive twice", strings.Replace(header, "raft\n", "raft\n//lab:mutant 2AA raft\n", 1) + "func (r *Raft) Tick() {}", "m.go:6: //lab:mutant stands here twice"},
		{"another word", strings.Replace(header, "lab:mutant", "lab:private", 1), "m.go:5: unknown directive //lab:private; a mutant has one line like //lab:mutant 2AA raft"},
		{"no target", strings.Replace(header, "2AA raft", "2AA", 1), "m.go:5: //lab:mutant takes a stage and a directory"},
		{"another stage", strings.Replace(header, "2AA raft", "2AB raft", 1), "m.go:5: this is the directory of stage 2AA, and the mutant says 2AB; move the file or correct the line"},
		{"not a path", strings.Replace(header, "2AA raft", "2AA ../raft", 1), "m.go:5: ../raft is not a slash-separated path below the root"},
		{"no package", strings.Replace(header, "2AA raft", "2AA kv", 1), "kv: cannot be read as a directory"},
		{"no Go", strings.Replace(header, "2AA raft", "2AA lab", 1), "lab: holds no Go package for a mutant to change"},
		{"another package", strings.Replace(header, "package raft", "package kv", 1), "m.go:6: the package in raft is raft, not kv"},
		{"cgo", header + "import \"C\"\n\nfunc (r *Raft) Tick() {}", "m.go: a mutant cannot import C"},
		{"nothing", header, "m.go:6: replaces no function of raft"},
		{"unknown method", header + "func (r *Raft) Tock() {}", "m.go:8: raft has no (*Raft).Tock; a mutant replaces functions, and may add methods only to types of its own"},
		{"unknown type", header + "func (r *raft) Tick() {}", "m.go:8: raft has no (*raft).Tick"},
		{"unknown function", header + "func (r *Raft) Tick() {}\n\nfunc tock() {}", "m.go:10: raft has no function tock, and nothing here uses it"},
		{"no body", header + "func (r *Raft) Tick()", "m.go:8: (*Raft).Tick has no body"},
		{"twice", header + "func (r *Raft) Tick() {}\n\nfunc (r *Raft) Tick() {}", "m.go:10: (*Raft).Tick is declared twice"},
		{"init", header + "func (r *Raft) Tick() {}\n\nfunc init() {}", "m.go:10: a mutant cannot have a function init"},
		{"value receiver", header + "func (r Raft) Tick() {}", "m.go:8: Raft.Tick has another signature than raft/raft.go:15, which is func (r *Raft) Tick()"},
		{"results", header + "func (r *Raft) Tick() error { return nil }", "m.go:8: (*Raft).Tick has another signature than raft/raft.go:15"},
		{"parameters", header + "import pb \"example.com/eraftpb\"\n\nfunc (r *Raft) Step(m *pb.Message, n int) error { return nil }", "m.go:10: (*Raft).Step has another signature than raft/raft.go:14, which is func (r *Raft) Step(m *pb.Message, n, k int) error"},
		{"import", header + "import pb \"example.com/otherpb\"\n\nfunc (r *Raft) Step(m *pb.Message, n, k int) error { panic(1) }", "m.go:10: (*Raft).Step has another signature"},
		{"type parameters", header + "func (t *Tree[V, K]) Get(k V) K { panic(1) }", "m.go:8: (*Tree).Get has another signature than raft/raft.go:16, which is func (t *Tree[K, V]) Get(k K) V"},
		{"not variadic", header + "func Quorum(n []int) int { return 0 }", "m.go:8: Quorum has another signature than raft/raft.go:17"},
		{"same body", header + "import \"fmt\"\n\nfunc (x *Raft) Tick() {\n\t// Comments do not count.\n\tfmt.Print()\n}", "m.go:10: (*Raft).Tick has the same body as raft/raft.go:15; that is not a mistake"},
		{"recover", header + "func guard() {}", "m.go:8: guard calls recover, which works only when deferred directly, so it cannot be replaced"},
		{"assembly", header + "func assembly() {}", "m.go:8: assembly has no Go body (raft/raft.go:19), so it cannot be replaced"},
		{"unnamed type parameter", header + "func Map[_, U any](u U) {}", "m.go:8: Map has a type parameter without a name, so it cannot be replaced"},
		{"twice in the package", header + "func onUnix() bool { return false }", "m.go:8: onUnix exists more than once (raft/unix.go:5, raft/windows.go:5), so it cannot be replaced"},
		{"type", header + "type Raft int\n\nfunc Quorum(n ...int) int { return 0 }", "m.go:8: Raft is declared in raft; a mutant replaces only functions"},
		{"constant", header + "func (r *Raft) Tick() {}\n\nfunc limit() {}", "m.go:10: limit is declared in raft, and not as a function; a mutant replaces only functions"},
		{"field or helper", header + "func name() string { return \"\" }\n\nfunc (r *Raft) Tick() { _ = struct{ name string }{name: name()} }", "m.go:10: name can be a field here, or what this file declares under that name; rename the second one"},
		{"another original", header + "func (r *Raft) Tick() { Quorum_original() }", "m.go:8: Quorum_original exists only if this mutant replaces Quorum"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			root := writeTree(t, []txtar.File{
				{Name: "raft/raft.go", Data: []byte(raft)},
				{Name: "raft/unix.go", Data: []byte("//go:build unix\n\npackage raft\n\nfunc onUnix() bool { return true }\n")},
				{Name: "raft/windows.go", Data: []byte("//go:build windows\n\npackage raft\n\nfunc onUnix() bool { return false }\n")},
				{Name: "lab/mutants/2aa/m.go", Data: []byte(test.src)},
			})
			ms, err := mutants.Load(root, stages)
			require.Nil(t, ms)
			require.ErrorContains(t, err, test.want)
			require.NotContains(t, err.Error(), "\n", "one mistake, one line")
			var mistake *source.Error
			require.ErrorAs(t, err, &mistake)
		})
	}
}

func TestLoadMistakesOfTheCatalog(t *testing.T) {
	const mutant = "//go:build mutant\n\n// A mistake.\n//\n//lab:mutant 1 raft\npackage raft\n\nfunc f() { println(1) }\n"
	root := writeTree(t, []txtar.File{
		{Name: "raft/raft.go", Data: []byte("package raft\n\nfunc f() {}\n")},
		{Name: "lab/mutants/1/one.go", Data: []byte(mutant)},
		{Name: "lab/mutants/1/two.go", Data: []byte(strings.Replace(mutant, "A mistake", "Another one", 1))},
		{Name: "lab/mutants/1/Three_3.go", Data: []byte(mutant)},
		{Name: "lab/mutants/2AA/four.go", Data: []byte(mutant)},
		{Name: "lab/mutants/README.md"},
	})
	_, err := mutants.Load(root, stages, "1", "7")
	require.EqualError(t, err, strings.Join([]string{
		`lab/mutants: unknown stage "7"; there are 1, 2AA, 2AB`,
		`lab/mutants/1/Three_3.go: is not named like a mutant; call it something like vote-twice.go`,
		`lab/mutants/1/two.go: has the same code as lab/mutants/1/one.go; remove one`,
		`lab/mutants/2AA: is not named for a stage; there are 1, 2aa, 2ab`,
	}, "\n"))

	_, err = mutants.Load(t.TempDir(), stages)
	require.EqualError(t, err, "lab/mutants: the tree has no catalog of mutants that can be read")
}

// Every mutant of this tree is in order, and compiles together with all others.
func TestCatalogCompiles(t *testing.T) {
	root, err := filepath.Abs(filepath.Join("..", ".."))
	require.NoError(t, err)
	entries, err := os.ReadDir(".")
	require.NoError(t, err)
	var stages []string
	for _, e := range entries {
		if e.IsDir() && e.Name() != "testdata" {
			stages = append(stages, strings.ToUpper(e.Name()))
		}
	}
	all, err := mutants.Load(root, stages)
	require.NoError(t, err)
	files, err := mutants.Overlay(root, all)
	require.NoError(t, err)
	arg, err := overlay.WriteOverlay(t.TempDir(), root, files)
	require.NoError(t, err)
	args := []string{"build", "-overlay", arg}
	for _, m := range all {
		if dir := "./" + m.Dir; !slices.Contains(args, dir) {
			args = append(args, dir)
		}
	}
	if len(all) == 0 {
		t.Skip("the catalog is empty, as in a handout")
	}
	cmd := await.Command(t, await.BuildLimit, "go", args...)
	cmd.Dir = root
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
}
