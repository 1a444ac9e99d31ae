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

	"github.com/labkv/labkv/lab/await"
	"github.com/labkv/labkv/lab/course"
	"github.com/labkv/labkv/lab/grade"
	"github.com/labkv/labkv/lab/mutants"
	"github.com/labkv/labkv/lab/overlay"
	"github.com/stretchr/testify/require"
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

// Every graded test passes on the tree, and the same seed gives the same digest,
// whatever else runs at the same time. The first time the tree is graded as a
// submission: what the solution imports is allowed, and it needs nothing that a
// sandbox denies.
func TestSolutionPassesAndReplays(t *testing.T) {
	c := house(t)
	batch := grade.Batch{Course: c, Selection: choose(t, c), Runner: &grade.Runner{Sandbox: sandbox(t, true)}}
	grades, err := batch.Run(context.Background(), []string{c.Root})
	require.NoError(t, err)
	row := grades.Rows[0]
	require.Equal(t, grade.Graded, row.Status, row.Note)
	require.Empty(t, row.Note)
	first := row.Report
	requireAll(t, first, grade.Passed)
	require.True(t, first.Score().Full())

	second := run(t, &grade.Runner{Sandbox: sandbox(t, false), Jobs: 3}, c)
	digests := 0
	for i, r := range first.Results() {
		require.Equal(t, r.Runs, second.Results()[i].Runs, r.Test.Name)
		for _, run := range r.Runs {
			if run.Digest != "" {
				digests++
			}
		}
	}
	require.NotZero(t, digests)
	require.Equal(t, timeless(t, first.WriteJSON), timeless(t, second.WriteJSON))
}

// The handout builds and vets, and every graded test on it ends as not
// implemented: none crashes, hangs or passes.
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
	report := run(t, &grade.Runner{Sandbox: sandbox(t, false)}, handout)
	requireAll(t, report, grade.NotImplemented)
	require.Zero(t, report.Score().Earned.Sign())
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

// A tree with the stages up to S passes every test up to S: no stage leans on a
// later one.
func TestStagesBuildOnEachOther(t *testing.T) {
	c := house(t)
	stages := c.Stages()
	for i, s := range stages[:len(stages)-1] { // with the last one, it is the whole tree
		t.Run(s.ID, func(t *testing.T) {
			files, err := grade.UpTo(c, s.ID)
			require.NoError(t, err)
			arg, err := overlay.WriteOverlay(t.TempDir(), c.Root, files)
			require.NoError(t, err)
			var selectors []string
			for _, up := range stages[:i+1] {
				selectors = append(selectors, up.ID)
			}
			r := &grade.Runner{Sandbox: sandbox(t, false)}
			report, err := r.Run(context.Background(), grade.Tree{Course: c, Overlay: arg}, choose(t, c, selectors...))
			require.NoError(t, err)
			requireAll(t, report, grade.Passed)
		})
	}
}

// Every mutant is killed by the graded tests of its own stage.
func TestMutantsDie(t *testing.T) {
	c := house(t)
	catalog, err := mutants.Load(c.Root, c.Directives())
	require.NoError(t, err)
	require.NotEmpty(t, catalog)
	r := &grade.Runner{Sandbox: sandbox(t, false)}
	kills, err := r.RunMutants(context.Background(), c, catalog)
	require.NoError(t, err)
	if len(kills.Survivors()) > 0 {
		var out bytes.Buffer
		require.NoError(t, kills.Survivors().WriteTable(&out, grade.TableOptions{}))
		t.Fatal("mutants survived:\n" + out.String())
	}
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
