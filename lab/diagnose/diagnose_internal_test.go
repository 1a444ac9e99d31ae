package diagnose

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/course"
	"github.com/labkv/labkv/lab/grade"
	"github.com/labkv/labkv/lab/mutants"
)

func load(t *testing.T, root string) *course.Course {
	t.Helper()
	c, err := course.Load(root)
	require.NoError(t, err)
	c, err = c.Resolve()
	require.NoError(t, err)
	return c
}

// house reads the course of this tree.
func house(t *testing.T) *course.Course {
	t.Helper()
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	return load(t, root)
}

func catalogOf(t *testing.T, c *course.Course) []mutants.Mutant {
	t.Helper()
	catalog, err := mutants.Load(c.Root, c.Directives())
	require.NoError(t, err)
	return catalog
}

// counting is the small course of package grade, in a module of its own.
func counting(t *testing.T) *course.Course {
	t.Helper()
	root := t.TempDir()
	require.NoError(t, os.CopyFS(root, os.DirFS("../grade/testdata/course")))
	tree, err := filepath.Abs("../..")
	require.NoError(t, err)
	mod, err := os.ReadFile(filepath.Join(tree, "go.mod"))
	require.NoError(t, err)
	text := regexp.MustCompile(`(?m)^module .*$`).ReplaceAllString(string(mod), "module example.com/counting") +
		"\nrequire github.com/labkv/labkv v0.0.0\n\nreplace github.com/labkv/labkv => " + filepath.ToSlash(tree) + "\n"
	require.NoError(t, os.WriteFile(filepath.Join(root, "go.mod"), []byte(text), 0o644))
	sum, err := os.ReadFile(filepath.Join(tree, "go.sum"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(root, "go.sum"), sum, 0o644))
	return load(t, root)
}

// signature makes up a signature: each of fails is a test and what it says, with a colon
// between them.
func signature(t *testing.T, c *course.Course, fails ...string) *grade.Signature {
	t.Helper()
	s := &grade.Signature{}
	for _, stage := range c.Stages() {
		s.Ran = append(s.Ran, stage.Tests...)
	}
	for _, text := range fails {
		name, reason, _ := strings.Cut(text, ": ")
		test, ok := c.Test(name)
		require.True(t, ok, name)
		s.Findings = append(s.Findings, grade.Finding{Test: test, Status: grade.Failed, Reason: reason})
	}
	return s
}

// made makes up a catalog whose mutants fail in the given ways. They are all of stage 1.
func made(t *testing.T, c *course.Course, fails map[string][]string) *Catalog {
	t.Helper()
	themes, err := LoadThemes(c)
	require.NoError(t, err)
	all := Signatures{}
	var catalog []mutants.Mutant
	for _, name := range slices.Sorted(maps.Keys(fails)) {
		m := mutants.Mutant{Name: name, Stage: "1", Dir: "kv/storage/standalone", Doc: "It is " + name + "."}
		if strings.HasPrefix(fails[name][0], "TestRaw") {
			m.Dir = "kv/server"
		}
		catalog = append(catalog, m)
		all.Put(m, signature(t, c, fails[name]...))
	}
	return newCatalog(c, themes, nil, catalog, all)
}

func themesOf(d *Diagnosis) []string {
	var all []string
	for _, c := range d.Candidates {
		all = append(all, c.Theme.Name)
	}
	return all
}

func TestNearest(t *testing.T) {
	c := house(t)
	k := made(t, c, map[string][]string{
		"1/never-synced":   {"TestAcknowledgedWritesSurviveCrash1: 3 keys are lost", "TestCrashIsAllOrNothing1: batch 7 is lost"},
		"1/one-by-one":     {"TestBatchIsAtomic1: 2 of 5 writes are there", "TestCrashIsAllOrNothing1: batch 2 is there in part"},
		"1/empty-is-none":  {"TestEmptyValueIsPresent1: the key is not there", "TestRawEmptyValue1: not found"},
		"1/scan-too-far":   {"TestRawScanLimit1: 4 pairs instead of 3"},
		"1/scan-not-far":   {"TestRawScanLimit1: no pair", "TestRawScanStart1: no pair"},
		"1/nothing-starts": {"TestReadYourWrites1: it does not start", "TestStartTwice1: it does not start"},
	})

	// Numbers differ, and what is said is the same.
	d := k.Diagnose(signature(t, c, "TestAcknowledgedWritesSurviveCrash1: 5 keys are lost", "TestCrashIsAllOrNothing1: batch 9 is lost"))
	require.Equal(t, "durability of a write", d.Candidates[0].Theme.Name)
	require.Equal(t, "1/never-synced", d.Candidates[0].Near[0].Mutant.Name)
	require.Greater(t, d.Candidates[0].Near[0].Similarity, 0.5)
	require.Equal(t, Question, d.Candidates[0].Steps())

	// The same test says something else: the mutant that says this is nearer.
	d = k.Diagnose(signature(t, c, "TestRawScanLimit1: 9 pairs instead of 3"))
	require.Equal(t, []string{"pages of a raw scan"}, themesOf(d))
	require.Equal(t, "1/scan-too-far", d.Candidates[0].Near[0].Mutant.Name)

	// A mutant that is left out has a relative.
	d = k.diagnose(signature(t, c, "TestRawScanLimit1: 4 pairs instead of 3"), "1/scan-too-far")
	require.Equal(t, "1/scan-not-far", d.Candidates[0].Near[0].Mutant.Name)

	// Later stages do not drown the first one.
	d = k.Diagnose(signature(t, c, "TestRawScanLimit1: 4 pairs instead of 3", "TestScanLimit4C: 4 pairs", "TestScanOrder4C: a pair comes twice"))
	require.Equal(t, "1", d.Stage.ID)
	require.Equal(t, "pages of a raw scan", d.Candidates[0].Theme.Name)

	require.Equal(t, d, k.Diagnose(signature(t, c, "TestRawScanLimit1: 4 pairs instead of 3", "TestScanLimit4C: 4 pairs", "TestScanOrder4C: a pair comes twice")))
}

func TestSilence(t *testing.T) {
	c := house(t)
	k := made(t, c, map[string][]string{
		"1/scan-too-far":  {"TestRawScanLimit1: 4 pairs instead of 3"},
		"1/empty-is-none": {"TestEmptyValueIsPresent1: the key is not there"},
	})
	for want, s := range map[string]*grade.Signature{
		"nothing fails": signature(t, c),
		// A test that anything can fail.
		"nothing in the catalog is near": signature(t, c, "TestRawConcurrentClients1: a value is wrong"),
		"nothing that is written fails":  {Unwritten: c.Stages()[0].Tests},
	} {
		d := k.Diagnose(s)
		require.Empty(t, d.Candidates, want)
		require.Equal(t, want, d.Silence())
		var out bytes.Buffer
		require.NoError(t, k.WriteText(&out, d, Mistake))
		require.Contains(t, out.String(), want+"\n")
		require.NotContains(t, out.String(), "mistake")
	}

	// Everything fails: that points everywhere.
	var fails []string
	for _, test := range c.Stages()[0].Tests {
		fails = append(fails, test.Name+": it panics")
	}
	require.Empty(t, k.Diagnose(signature(t, c, fails...)).Candidates)
}

func TestLadder(t *testing.T) {
	c := house(t)
	k := made(t, c, map[string][]string{"1/scan-too-far": {"TestRawScanLimit1: 4 pairs instead of 3"}})
	s := signature(t, c, "TestRawScanLimit1: 9 pairs instead of 3")
	s.Findings[0].Claim.Text, s.Findings[0].Claim.Source = "at most limit pairs", "the contract"
	d := k.Diagnose(s)
	question := d.Candidates[0].Theme.Question
	lines := []string{"at most limit pairs (the contract)", "doc/project1-standalone-kv.md#tasks", question, "It is 1/scan-too-far."}
	for steps := Guarantee; steps <= Mistake; steps++ {
		var text, object bytes.Buffer
		require.NoError(t, k.WriteText(&text, d, steps))
		require.NoError(t, k.WriteJSON(&object, d, steps))
		for i, line := range lines {
			if i < steps {
				require.Contains(t, text.String(), line)
				continue
			}
			require.NotContains(t, text.String(), line)
			require.NotContains(t, object.String(), line)
		}
	}

	var text, object bytes.Buffer
	require.NoError(t, k.WriteText(&text, d, 0))
	require.Contains(t, text.String(), question)
	require.NotContains(t, text.String(), "scan-too-far", "the mistake itself is only for those who ask for it")
	require.NoError(t, k.WriteJSON(&object, d, 0))
	var j jsonDiagnosis
	require.NoError(t, json.Unmarshal(object.Bytes(), &j))
	require.Equal(t, Schema, j.Schema)
	require.Equal(t, "1", j.Stage)
	require.Equal(t, "1/scan-too-far", j.Candidates[0].Mistakes[0].Mutant)
}

func TestSignaturesFile(t *testing.T) {
	c := counting(t)
	catalog := catalogOf(t, c)
	all := Signatures{}
	for _, m := range catalog {
		all.Put(m, signature(t, c))
	}
	s := signature(t, c, "TestAdd1: the count is 0 after adding 1 times", "TestSum2A: one and one is 0")
	s.Findings[0].In, s.Findings[1].Broken = "counter.Sum", "a rule"
	all.Put(catalog[0], s)
	var file bytes.Buffer
	require.NoError(t, all.Write(&file, c, catalog))
	read, err := parseSignatures(bytes.NewReader(file.Bytes()))
	require.NoError(t, err)
	require.NoError(t, read.Check(c, catalog))
	require.Equal(t, all[catalog[0].Name], read[catalog[0].Name])
	var again bytes.Buffer
	require.NoError(t, read.Write(&again, c, catalog))
	require.Equal(t, file.String(), again.String())

	for _, malformed := range []struct{ old, new, want string }{
		{"1/never-counts 0:", "1/never-counts 7:", "is not a mark"},
		{"1/never-counts 0:", "1/never-counts x:", "is not a mark"},
		{"1/never-counts 0:", "1/never-counts 0:::::", "is not a mark"},
		{"1/stops-at-nine", "1/never-counts", "line 5: 1/never-counts stands here twice"},
		{"1/stops-at-nine", "1/stops-at-ten", "the signature of 1/stops-at-nine is missing"},
		{"2a/counts-negative", "2a/counts-negative\n2a/counts-twice", "there is no mutant 2a/counts-twice"},
		{"test TestAdd1", "test TestAdd3", "names TestAdd3, and there is no such test"},
	} {
		require.Contains(t, file.String(), malformed.old)
		read, err := parseSignatures(strings.NewReader(strings.Replace(file.String(), malformed.old, malformed.new, 1)))
		if err == nil {
			err = read.Check(c, catalog)
		}
		require.ErrorContains(t, err, malformed.want)
	}
	none, err := ReadSignatures(filepath.Join(t.TempDir(), "none"))
	require.NoError(t, err)
	require.Empty(t, none)
}

func TestThemesFile(t *testing.T) {
	c := counting(t)
	data, err := os.ReadFile(filepath.Join(c.Root, filepath.FromSlash(QuestionsFile)))
	require.NoError(t, err)
	_, err = parseThemes(c, data)
	require.NoError(t, err)
	for _, malformed := range []struct{ old, new, want string }{
		{"question: What do", "answer: What do", "answer"},
		{"  question: What do you add up?\n", "", `theme "sums" needs a name, a question and tests`},
		{"theme: sums", "theme: the count", `there are two themes "the count"`},
		{"TestSum2A", "TestSum3A", "there is no test TestSum3A"},
		{"TestSum2A", "TestAdd1", "TestAdd1 stands here twice"},
		{"TestSum2A, ", "", "TestSum2A is in no theme, and not among the broad tests"},
	} {
		_, err := parseThemes(c, bytes.Replace(data, []byte(malformed.old), []byte(malformed.new), 1))
		require.ErrorContains(t, err, malformed.want)
	}
}

// The questions and the signatures are in step with the course and its catalog, and every
// mutant has a question.
func TestCatalogIsComplete(t *testing.T) {
	k, err := Load(house(t))
	require.NoError(t, err)
	for _, e := range k.entries {
		require.NotEmpty(t, e.marks, "%s fails nothing", e.mutant.Name)
		require.True(t, e.theme != nil || len(e.marks) > 0 && k.themes.of[e.marks[0].test] == nil, e.mutant.Name)
	}
	for _, theme := range k.themes.All {
		require.True(t, strings.HasSuffix(theme.Question, "?") || strings.Contains(theme.Question, "? "), "%s: %s", theme.Name, theme.Question)
	}
}

// Each mutant in turn is left out and diagnosed with the others, as if a student had
// made that mistake. Its theme is among the first three for most of them.
func TestLeaveOneOut(t *testing.T) {
	k, err := Load(house(t))
	require.NoError(t, err)
	var all, right, wrong, hard, hardRight int
	for _, e := range k.entries {
		first, _ := k.course.Test(e.marks[0].test)
		candidates := k.candidates(e.marks, grade.SignatureTests(k.course, e.mutant), first.Stage, e.mutant.Name)
		found := slices.ContainsFunc(candidates, func(c *Candidate) bool { return c.Theme == e.theme })
		all++
		switch {
		case found:
			right++
		case len(candidates) > 0:
			wrong++
		}
		if k.themes.takes[e.mutant.Name] != nil {
			hard++
			if found {
				hardRight++
			}
		}
	}
	t.Logf("%d mutants: %d right, %d wrong, %d silent; of %d whose tests point elsewhere, %d right", all, right, wrong, all-right-wrong, hard, hardRight)
	require.GreaterOrEqual(t, right*100, all*85)
	require.LessOrEqual(t, wrong*100, all*10)
	require.GreaterOrEqual(t, hardRight*100, hard*70)
}

// A submission is diagnosed from end to end, and mutants as themselves.
func TestSubmission(t *testing.T) {
	c := counting(t)
	catalog := catalogOf(t, c)
	themes, err := LoadThemes(c)
	require.NoError(t, err)
	runner := &grade.Runner{Timeout: 5 * time.Second}
	built, err := runner.BuildWith(context.Background(), c, catalog)
	require.NoError(t, err)
	defer built.Close()
	found, err := runner.Signatures(context.Background(), built, catalog, themes.Broad)
	require.NoError(t, err)
	all := Signatures{}
	for i, m := range catalog {
		all.Put(m, found[i])
	}
	k := newCatalog(c, themes, nil, catalog, all)
	for i, m := range catalog[:2] {
		d := k.Diagnose(found[i])
		require.Equal(t, m.Name, d.Candidates[0].Near[0].Mutant.Name)
		require.InDelta(t, 1, d.Candidates[0].Near[0].Similarity, 1e-9)
	}
	require.EqualValues(t, 10, found[1].Findings[0].Seed, "no earlier seed shows it")
	require.Empty(t, found[4].Findings, "no test looks at it")

	stages, err := c.Select("1", "2a")
	require.NoError(t, err)
	batch := grade.Batch{Course: c, Selection: stages, Runner: runner}
	submit := func(old, new string) (*grade.Signature, error) {
		dir := t.TempDir()
		source, err := os.ReadFile(filepath.Join(c.Root, "counter", "counter.go"))
		require.NoError(t, err)
		require.Contains(t, string(source), old)
		require.NoError(t, os.Mkdir(filepath.Join(dir, "counter"), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "counter", "counter.go"), []byte(strings.Replace(string(source), old, new, 1)), 0o644))
		return batch.Signature(context.Background(), dir, k.Broad)
	}
	s, err := submit("\tc.n++\n", "")
	require.NoError(t, err)
	d := k.Diagnose(s)
	require.Equal(t, "1", d.Stage.ID)
	require.Equal(t, []string{"the count"}, themesOf(d))
	require.Equal(t, "1/never-counts", d.Candidates[0].Near[0].Mutant.Name)

	s, err = submit("sum := 0", "sum := 1")
	require.NoError(t, err)
	require.Equal(t, []string{"sums"}, themesOf(k.Diagnose(s)))

	_, err = submit("sum := 0", "sum := ")
	var rejection *grade.Rejection
	require.ErrorAs(t, err, &rejection)
	_, err = submit("sum := 0", "sum := none")
	require.ErrorAs(t, err, &rejection)
	require.Contains(t, err.Error(), "does not build")
}
