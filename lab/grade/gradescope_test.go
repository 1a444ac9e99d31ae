package grade_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/course"
	"github.com/labkv/labkv/lab/grade"
)

// scope is what the tests look at in a results.json.
type scope struct {
	Score            float64
	Output           string
	OutputFormat     string  `json:"output_format"`
	StdoutVisibility string  `json:"stdout_visibility"`
	ExecutionTime    float64 `json:"execution_time"`
	ExtraData        struct {
		Hidden bool
		Own    float64
	} `json:"extra_data"`
	Tests []struct {
		Score                                    float64
		MaxScore                                 float64 `json:"max_score"`
		Status, Name, Number, Output, Visibility string
		Tags                                     []string
		ExtraData                                map[string]any `json:"extra_data"`
	}
}

func readScope(t *testing.T, data []byte) (s scope) {
	require.NoError(t, json.Unmarshal(data, &s))
	return s
}

func gradescope(g *grade.Grades, p *grade.Platform) func(io.Writer) error {
	return func(w io.Writer) error { return g.WriteGradescope(w, p) }
}

func TestGradescope(t *testing.T) {
	g := classOf(t, "ann")
	g.Rows = g.Rows[:1]
	g.Rows[0].Note = "1 edited test ignored"
	g.Rows[0].Report.Results()[4].Test.Hidden = true
	s := readScope(t, written(t, gradescope(g, nil)))
	require.Equal(t, 7.5, s.Score)
	require.Equal(t, 2.0, s.ExecutionTime)
	require.Equal(t, "graded: 1 edited test ignored", s.Output)
	require.Equal(t, []string{"text", "hidden"}, []string{s.OutputFormat, s.StdoutVisibility})
	require.True(t, s.ExtraData.Hidden)
	require.Len(t, s.Tests, 5)
	require.Equal(t, []any{7.5, 7.5, "passed", "TestAdd1", "1.1", "visible"}, []any{s.Tests[0].Score, s.Tests[0].MaxScore, s.Tests[0].Status, s.Tests[0].Name, s.Tests[0].Number, s.Tests[0].Visibility})
	require.Equal(t, "failed", s.Tests[1].Status)
	require.Contains(t, s.Tests[1].Output, "make replay TEST=TestAddSeeds1 SEED=12")
	require.Equal(t, []string{"1"}, s.Tests[1].Tags)
	require.Equal(t, map[string]any{"status": "failed", "seed": 12.0, "digest": "00000000000000ff", "exact": "0"}, s.Tests[1].ExtraData)
	require.Equal(t, "after_due_date", s.Tests[4].Visibility)
	require.Equal(t, []string{"2a", "hidden"}, s.Tests[4].Tags)

	rejected := classOf(t)
	s = readScope(t, written(t, gradescope(rejected, nil)))
	require.Zero(t, s.Score)
	require.Contains(t, s.Output, `rejected: raft/log.go:4: imports "os"`)
	require.NotNil(t, s.Tests)

	require.ErrorContains(t, classOf(t, "ann").WriteGradescope(io.Discard, nil), "about one submission, and there are 2")
}

// earlier is a results.json of an earlier submission, with a hidden test that passed or not.
func earlier(t *testing.T, hidden bool, passed bool) string {
	g := classOf(t, "ann")
	g.Rows = g.Rows[:1]
	results := g.Rows[0].Report.Results()
	for _, r := range results {
		r.Status = grade.Passed
	}
	results[4].Test.Hidden = hidden
	if !passed {
		results[4].Status = grade.Failed
	}
	return string(written(t, gradescope(g, nil)))
}

func metadata(t *testing.T, created string, previous ...string) *grade.PlatformSubmission {
	text := `{"created_at": "` + created + `", "previous_submissions": [`
	for i, p := range previous {
		if i > 0 {
			text += ","
		}
		text += p
	}
	name := filepath.Join(t.TempDir(), "submission_metadata.json")
	require.NoError(t, os.WriteFile(name, []byte(text+"]}"), 0o644))
	s, err := grade.ReadPlatformSubmission(name)
	require.NoError(t, err)
	return s
}

func before(at, results string) string {
	return fmt.Sprintf(`{"submission_time": %q, "score": 1.0, "results": %s}`, at, results)
}

// Attempts at hidden tests are those of the time before the submission, whenever it is
// graded. When they are used up, the hidden tests do not run and the last results stay.
func TestHiddenAttempts(t *testing.T) {
	policy := course.DefaultPolicy()
	policy.Attempts, policy.Every, policy.Visibility = 2, 24*time.Hour, "after_published"
	two := []string{
		before("2026-03-01T10:00:00.5-07:00", earlier(t, true, true)),
		before("2026-03-01T12:00:00-07:00", earlier(t, true, false)),
		before("2026-03-01T13:00:00-07:00", earlier(t, false, true)),
		before("2026-03-01T13:30:00-07:00", `{"score": 3, "tests": []}`),
		before("2026-03-09T10:00:00-07:00", earlier(t, true, true)), // later than the one that is graded
	}
	for _, c := range []struct {
		created string
		runs    bool
	}{
		{"2026-03-01T11:00:00-07:00", true},
		{"2026-03-01T14:00:00-07:00", false},
		{"2026-03-02T10:01:00-07:00", true},
	} {
		g := classOf(t, "ann")
		g.Rows = g.Rows[:1]
		tests := g.Stages[1].Tests
		tests[2].Hidden = true
		p := &grade.Platform{Policy: policy, Submission: metadata(t, c.created, two...)}
		selected := p.Select(g.Stages)
		if c.runs {
			require.Len(t, selected.Tests(), 5, c.created)
			require.Contains(t, readScope(t, written(t, gradescope(g, p))).Output, "This was attempt 2.")
			continue
		}
		require.Len(t, selected.Tests(), 4, c.created)
		report := g.Rows[0].Report
		report.Stages[1].Results = report.Stages[1].Results[:2]
		g.Stages = selected
		s := readScope(t, written(t, gradescope(g, p)))
		require.Contains(t, s.Output, "2 attempts are used up. Hidden tests run with 2 submissions in 24h0m0s. Their results are those of 2026-03-01 19:00 UTC")
		require.False(t, s.ExtraData.Hidden, "it was no attempt")
		require.Equal(t, []any{"TestSumKeeps2A", "failed", "after_published"}, []any{s.Tests[4].Name, s.Tests[4].Status, s.Tests[4].Visibility})
		require.Equal(t, 7.5, s.Score)
	}
}

func TestBestCounts(t *testing.T) {
	policy := course.DefaultPolicy()
	g := classOf(t, "ann")
	g.Rows = g.Rows[:1]
	p := &grade.Platform{Policy: policy, Submission: metadata(t, "2026-03-02T10:00:00Z", before("2026-03-01T10:00:00Z", earlier(t, false, true)))}
	require.Equal(t, 7.5, readScope(t, written(t, gradescope(g, p))).Score)
	p.Policy.Best = true
	s := readScope(t, written(t, gradescope(g, p)))
	require.Equal(t, []float64{15, 7.5}, []float64{s.Score, s.ExtraData.Own})
	require.Contains(t, s.Output, "This submission has 7.5 points. What counts is the best, of 2026-03-01 10:00 UTC, with 15.")
}

// While tests end, results.json says what is known.
func TestPartialResults(t *testing.T) {
	g := classOf(t, "ann")
	p := grade.Partial{Path: filepath.Join(t.TempDir(), "results.json"), Course: g.Course, Selection: g.Stages}
	require.NoError(t, p.Begin())
	read := func() scope {
		data, err := os.ReadFile(p.Path)
		require.NoError(t, err)
		return readScope(t, data)
	}
	require.Zero(t, read().Score)
	require.Len(t, read().Tests, 5)
	require.Contains(t, read().Tests[0].Output, "had not ended")
	p.Add(g.Rows[0].Report.Results()[0])
	require.Equal(t, 7.5, read().Score)
	require.Equal(t, "passed", read().Tests[0].Status)
	require.NoError(t, p.Write("Time is over."))
	require.Contains(t, read().Output, "Time is over.")
	require.False(t, read().ExtraData.Hidden)
	files, err := os.ReadDir(filepath.Dir(p.Path))
	require.NoError(t, err)
	require.Len(t, files, 1, "nothing else is left")
}

// A runner says the verdict on each test once, as soon as there is one.
func TestFinished(t *testing.T) {
	c := counting(t)
	finished := make(chan *grade.Result, 100)
	report := run(t, &grade.Runner{Sandbox: sandbox(t, false), Finished: func(r *grade.Result) { finished <- r }}, c, "1", "2a")
	close(finished)
	var got []*grade.Result
	for r := range finished {
		got = append(got, r)
	}
	require.ElementsMatch(t, report.Results(), got)
}

func TestGitHub(t *testing.T) {
	type result struct {
		Version  int
		Status   string
		MaxScore float64 `json:"max_score"`
		Tests    []struct {
			Name, Status, Message string
			Score                 float64
			Line                  *int   `json:"line_no"`
			Code                  string `json:"test_code"`
		}
	}
	read := func(write func(io.Writer) error) (r result) {
		data, err := base64.StdEncoding.DecodeString(string(written(t, write)))
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(data, &r))
		return r
	}
	report := sample(t)
	r := read(report.WriteGitHub)
	require.Equal(t, []any{1, "fail", 15.0, 5}, []any{r.Version, r.Status, r.MaxScore, len(r.Tests)})
	require.Equal(t, "pass", r.Tests[0].Status)
	require.Equal(t, 0, *r.Tests[0].Line)
	require.Equal(t, "failed, seed 12: the count is 11\nmake replay TEST=TestAddSeeds1 SEED=12", r.Tests[1].Code)

	for _, result := range report.Results() {
		result.Status = grade.Passed
	}
	r = read(report.WriteGitHub)
	require.Equal(t, "pass", r.Status)
	sum := 0.0
	for _, test := range r.Tests {
		sum += test.Score
	}
	require.Equal(t, r.MaxScore, sum, "thirds of points add up")

	r = read(classOf(t).WriteGitHub)
	require.Equal(t, []any{"error", "error"}, []any{r.Status, r.Tests[0].Status})
	require.Contains(t, r.Tests[0].Message, "imports")
}
