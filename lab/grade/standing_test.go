package grade_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/await"
	"github.com/labkv/labkv/lab/course"
	"github.com/labkv/labkv/lab/grade"
	"github.com/labkv/labkv/lab/mutants"
	"github.com/labkv/labkv/lab/overlay"
)

// The tests in this file hold the whole tree to what must always be true of a
// course: that its solution passes, that its handout asks for what it should,
// that its stages build on each other in order, and that its tests notice
// mistakes. They need the complete tree, so handouts do not contain them.

// house reads the course of this tree.
func house(t *testing.T) *course.Course {
	if testing.Short() {
		t.Skip("builds and runs the whole course")
	}
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	return load(t, root)
}

// requireAll fails the test unless all results have a status. It shows the first few that do not.
func requireAll(t *testing.T, report *grade.Report, want grade.Status) {
	t.Helper()
	require.NotEmpty(t, report.Results())
	wrong := 0
	for _, r := range report.Results() {
		if r.Status == want {
			continue
		}
		if wrong++; wrong <= 3 {
			t.Errorf("%s: %s, want %s\n%s", r.Test.Name, r.Status, want, r.Failure())
		}
	}
	require.Zero(t, wrong, "tests are not %s", want)
}

// Every graded test passes on the tree when it is graded as a submission: what the
// solution imports is allowed, and it needs nothing that a sandbox denies.
//
// A tree with the stages up to S passes every test up to S: no stage leans on a later one.
// All seeds of a test run in the submission, and here the first one. The tests of stages
// before S have passed on less: they run only if they are compiled with something that
// students write in S. The others are the same. In a tree without any stage, every test
// ends as not implemented: none crashes, hangs or passes.
//
// With all stages, the same seed gives the same digest as in the submission, whatever else
// runs in the process and beside it.
func TestSolutionPassesWithItsStages(t *testing.T) {
	c := house(t)
	var first *grade.Report
	t.Run("as a submission", func(t *testing.T) {
		batch := grade.Batch{Course: c, Selection: choose(t, c), Runner: &grade.Runner{Sandbox: sandbox(t, true)}}
		grades, err := batch.Run(context.Background(), []string{c.Root})
		require.NoError(t, err)
		row := grades.Rows[0]
		require.Equal(t, grade.Graded, row.Status, row.Note)
		require.Empty(t, row.Note)
		first = row.Report
		requireAll(t, first, grade.Passed)
		require.True(t, first.Score().Full())
	})

	files, err := grade.Staged(c)
	require.NoError(t, err)
	arg, err := overlay.WriteOverlay(t.TempDir(), c.Root, files)
	require.NoError(t, err)
	r := &grade.Runner{Sandbox: sandbox(t, false), Jobs: 3, Seeds: seeds(1), Share: true}
	built, err := r.Build(context.Background(), grade.Tree{Course: c, Overlay: arg}, choose(t, c))
	require.NoError(t, err)
	defer built.Close()
	requireWith := func(t *testing.T, last *course.Stage, want grade.Status, selectors ...string) *grade.Report {
		r.Environ = []string{grade.Last(last)}
		report, err := r.RunBuilt(context.Background(), built, choose(t, c, selectors...))
		require.NoError(t, err)
		requireAll(t, report, want)
		return report
	}
	t.Run("none", func(t *testing.T) { requireWith(t, nil, grade.NotImplemented) })
	stages := c.Stages()
	last := len(stages) - 1
	for i, s := range stages[:last] {
		t.Run(s.ID, func(t *testing.T) {
			upTo := []string{s.ID}
			for _, e := range stages[:i] {
				if reaches(t, e, s) {
					upTo = append(upTo, e.ID)
				}
			}
			requireWith(t, s, grade.Passed, upTo...)
		})
	}
	t.Run("all", func(t *testing.T) {
		requireReplays(t, first, requireWith(t, stages[last], grade.Passed))
	})
}

// requireReplays fails the test unless second, which has only the first runs of each test,
// repeats what first has of them.
func requireReplays(t *testing.T, first, second *grade.Report) {
	t.Helper()
	require.NotNil(t, first, "there is nothing to compare with")
	digests := 0
	for i, r := range second.Results() {
		runs := first.Results()[i].Runs
		n := min(len(runs), len(r.Runs)) // a test may have fewer seeds
		require.Equal(t, runs[:n], r.Runs[:n], r.Test.Name)
		for _, run := range runs[:n] {
			if run.Digest != "" {
				digests++
			}
		}
	}
	require.NotZero(t, digests)
}

// seeds returns the seeds from 1 to n.
func seeds(n uint64) []uint64 {
	var all []uint64
	for s := uint64(1); s <= n; s++ {
		all = append(all, s)
	}
	return all
}

// The handout builds and vets, and asks for every function and every test that is not
// hidden. How its tests end, TestSolutionPassesWithItsStages sees.
func TestHandoutIsNotImplemented(t *testing.T) {
	c := house(t)
	dir := handOut(t, c)

	// Vetting type-checks everything, tests included.
	vet := await.Command(t, await.BuildLimit, "go", "vet", "./...")
	vet.Dir = dir
	vet.Env = append(os.Environ(), "CGO_ENABLED=0", "PWD="+dir)
	output, err := vet.CombinedOutput()
	require.NoError(t, err, string(output))

	handout := load(t, dir)
	funcs, err := grade.SourceTree(handout).Funcs()
	require.NoError(t, err)
	for _, f := range funcs {
		require.True(t, f.TODO, "%s is implemented in the handout", f.Name)
	}
	for _, s := range c.Stages() {
		for _, test := range s.Tests {
			_, shown := handout.Test(test.Name)
			require.Equal(t, !test.Hidden, shown, test.Name)
		}
	}
}

// reaches reports whether the tests of stage e are compiled with a package in which students
// write functions of stage s.
func reaches(t *testing.T, e, s *course.Stage) bool {
	t.Helper()
	return slices.ContainsFunc(e.Packages, func(dir string) bool {
		return slices.ContainsFunc(s.Edit, func(edit string) bool { return slices.Contains(dependencies(t, dir), edit) })
	})
}

// dependencies returns the directories of this tree whose packages the tests in dir are
// compiled with.
func dependencies(t *testing.T, dir string) []string {
	t.Helper()
	if dirs, ok := dependenciesOf[dir]; ok {
		return dirs
	}
	out, err := await.Command(t, await.BuildLimit, "go", "list", "-deps", "-test", "-f", "{{.ImportPath}}", "./../../"+dir).Output()
	require.NoError(t, err)
	var dirs []string
	for _, m := range regexp.MustCompile(`(?m)^github\.com/labkv/labkv/(\S+)`).FindAllSubmatch(out, -1) {
		dirs = append(dirs, string(m[1]))
	}
	dependenciesOf[dir] = dirs
	return dirs
}

var dependenciesOf = map[string][]string{} // what dependencies has returned

// What the graded tests say of solutions that are known to be wrong, and of others that are
// known to be right. To build them is a large part of the work, so one program has them all.
func TestVerdictsOnKnownSolutions(t *testing.T) {
	c := house(t)
	wrong, err := mutants.Load(c.Root, c.Directives())
	require.NoError(t, err)
	require.NotEmpty(t, wrong)
	right, err := mutants.LoadVariants(c.Root, c.Directives())
	require.NoError(t, err)
	require.NotEmpty(t, right)
	r := &grade.Runner{Sandbox: sandbox(t, false)}
	built, err := r.BuildWith(context.Background(), c, slices.Concat(wrong, right))
	require.NoError(t, err)
	defer built.Close()

	// Every mutant is killed by the graded tests of its own stage, and the table says of
	// which. The tests that it names run first.
	t.Run("mutants die", func(t *testing.T) {
		table, err := os.ReadFile(filepath.Join(c.Root, "doc", "what-the-tests-catch.md"))
		require.NoError(t, err)
		report, err := r.RunMutants(context.Background(), built, wrong, grade.KnownKillers(c, string(table)))
		require.NoError(t, err)
		var out bytes.Buffer
		if survivors := report.Kills.Survivors(); len(survivors) > 0 {
			require.NoError(t, survivors.WriteTable(&out, grade.TableOptions{}))
			t.Fatal("mutants survived:\n" + out.String())
		}

		clauses, err := grade.LoadClauses(c)
		require.NoError(t, err)
		require.NoError(t, report.WriteMarkdown(&out, clauses))
		require.True(t, bytes.Equal(out.Bytes(), table), "doc/what-the-tests-catch.md is not up to date: make mutants writes it")
	})

	// Every variant passes the graded tests of the stages that it names: they ask for
	// guarantees, and not for the reference's way of keeping them. A test that asks for too
	// much does so with any seed; make variants runs more of them.
	t.Run("variants pass", func(t *testing.T) {
		r := &grade.Runner{Sandbox: sandbox(t, false), Seeds: seeds(1)}
		trials, err := r.RunVariants(context.Background(), built, right)
		require.NoError(t, err)
		if !trials.Passed() {
			var out bytes.Buffer
			require.NoError(t, trials.WriteTable(&out, grade.TableOptions{Details: 3}))
			t.Fatal("right solutions fail:\n" + out.String())
		}
	})
}

var (
	testName    = regexp.MustCompile("`(Test[A-Za-z0-9]+)`")
	variantName = regexp.MustCompile("`([a-z]+(?:-[a-z]+)+)`")
)

// A store is graded on the solution's Raft, and a scheduler on the solution's stores:
// whatever else is in the submission, and if nothing is.
func TestStagesAreGradedOnReference(t *testing.T) {
	c := house(t)
	for _, test := range []struct{ stage, edits, other, test string }{
		{"3b", "kv/raftstore", "raft/raft.go", "TestClientsFollowSplits3B"},
		{"3c", "scheduler", "kv/raftstore/store.go", "TestClusterBecomesBalanced3C"},
	} {
		dir := t.TempDir()
		require.NoError(t, os.CopyFS(filepath.Join(dir, test.edits), os.DirFS(filepath.Join(c.Root, test.edits))))
		require.NoError(t, os.MkdirAll(filepath.Join(dir, filepath.Dir(test.other)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, test.other), []byte("package unfinished\n\nimport \"os\"\n"), 0o644))
		batch := grade.Batch{
			Course: c, Selection: choose(t, c, test.test), OnReference: true,
			Runner: &grade.Runner{Sandbox: sandbox(t, true), Seeds: seeds(1)},
		}
		grades, err := batch.Run(context.Background(), []string{dir, t.TempDir()})
		require.NoError(t, err)
		require.Equal(t, grade.Graded, grades.Rows[0].Status, grades.Rows[0].Note)
		requireAll(t, grades.Rows[0].Report, grade.Passed)
		require.Equal(t, grade.Rejected, grades.Rows[1].Status)

		require.NoError(t, os.RemoveAll(filepath.Join(dir, test.edits)))
		grades, err = batch.Run(context.Background(), []string{dir})
		require.NoError(t, err)
		require.Equal(t, grade.Rejected, grades.Rows[0].Status)
		require.Equal(t, "holds none of the files that are graded (Go files in "+test.edits+")", grades.Rows[0].Note)
	}
}

// The table of what is graded names tests that exist, and each variant.
func TestWhatIsGradedIsTrue(t *testing.T) {
	c := house(t)
	text, err := os.ReadFile(filepath.Join(c.Root, "doc", "what-is-graded.md"))
	require.NoError(t, err)
	for _, m := range testName.FindAllSubmatch(text, -1) {
		_, ok := c.Test(string(m[1]))
		require.True(t, ok, "there is no test %s", m[1])
	}
	var named []string
	for _, m := range variantName.FindAllSubmatch(text, -1) {
		named = append(named, string(m[1]))
	}
	variants, err := mutants.LoadVariants(c.Root, c.Directives())
	require.NoError(t, err)
	for _, v := range variants {
		require.Contains(t, named, v.Name, "a variant that the table does not mention")
		named = slices.DeleteFunc(named, func(name string) bool { return name == v.Name })
	}
	require.Empty(t, named, "there are no such variants")
}

var heading = regexp.MustCompile(`(?m)^#+ +(.*)$`)

// Every section that a failure report refers to exists.
func TestGuidesExist(t *testing.T) {
	c := house(t)
	for _, s := range c.Stages() {
		file, anchor, _ := strings.Cut(s.Guide, "#")
		text, err := os.ReadFile(filepath.Join(c.Root, filepath.FromSlash(file)))
		if err != nil {
			t.Errorf("stage %s: %v", s.ID, err)
			continue
		}
		var anchors []string
		for _, m := range heading.FindAllStringSubmatch(string(text), -1) {
			anchors = append(anchors, slug(m[1]))
		}
		if !slices.Contains(anchors, anchor) {
			t.Errorf("stage %s: %s has no section %q; it has %s", s.ID, file, anchor, strings.Join(anchors, ", "))
		}
	}
}

// slug is the anchor that Markdown viewers make from a heading.
func slug(heading string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(heading) {
		switch {
		case r == ' ' || r == '-':
			b.WriteByte('-')
		case unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_':
			b.WriteRune(r)
		}
	}
	return b.String()
}
