package grade_test

import (
	"bytes"
	"encoding/json"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/course"
	"github.com/labkv/labkv/lab/grade"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/lab/mutants"
	"github.com/labkv/labkv/lab/overlay"
)

// sample is a report with one test of each status.
func sample(t *testing.T) *grade.Report {
	c, err := course.Load(counting(t).Root)
	require.NoError(t, err)
	claim := graded.Claim{Text: "Sum adds up | exactly", Source: "the <counter> contract"}
	results := map[string]grade.Result{
		"TestAdd1":        {Status: grade.Passed, Runs: []grade.Run{{}}, Elapsed: 120 * time.Millisecond},
		"TestAddSeeds1":   {Status: grade.Failed, Reason: "the count is 11", At: "counter/counter.go:15", Seed: 12, Digest: "00000000000000ff", Runs: make([]grade.Run, 11), Claim: claim, Sections: []graded.Section{{Name: "fate", Text: "```\nlost"}}, Elapsed: 1500 * time.Millisecond},
		"TestSum2A":       {Status: grade.NotImplemented, Reason: "TODO(2A): implement counter.Sum", At: "counter/counter.go:22", Claim: claim},
		"TestSumOfNone2A": {Status: grade.Skipped, Reason: "not today"},
		"TestSumKeeps2A":  {Status: grade.TimedOut, Reason: "no verdict within 1m", Claim: claim},
	}
	report := &grade.Report{Course: c, Elapsed: 2 * time.Second}
	for _, st := range choose(t, c, "1", "2a") {
		s := &grade.StageReport{Stage: st.Stage}
		for _, test := range st.Tests {
			r := results[test.Name]
			r.Test = test
			s.Results = append(s.Results, &r)
		}
		report.Stages = append(report.Stages, s)
	}
	return report
}

func TestReportTable(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, sample(t).WriteTable(&out, grade.TableOptions{Details: 1}))
	require.Equal(t, `╭───────┬─────────────────┬──────────────────────────────────┬────────┬────────╮
│ stage │ test            │ result                           │ points │   time │
├───────┼─────────────────┼──────────────────────────────────┼────────┼────────┤
│ 1     │ one counter     │ 1 of 2 passed                    │ 7.5/10 │ 1.62 s │
│       │ TestAdd1        │ passed                           │        │ 0.12 s │
│       │ TestAddSeeds1   │ failed, seed 12: the count is 11 │        │ 1.50 s │
├───────┼─────────────────┼──────────────────────────────────┼────────┼────────┤
│ 2a    │ many counters   │ 0 of 3 passed                    │    0/5 │ 0.00 s │
│       │ TestSum2A       │ not implemented: counter.Sum     │        │ 0.00 s │
│       │ TestSumOfNone2A │ skipped: not today               │        │ 0.00 s │
│       │ TestSumKeeps2A  │ timed out: no verdict within 1m  │        │ 0.00 s │
╰───────┴─────────────────┴──────────────────────────────────┴────────┴────────╯

--- FAIL: TestAddSeeds1   seed 12
    guarantee   Sum adds up | exactly
    source      the <counter> contract
    found       the count is 11 (counter/counter.go:15)
    fate        `+"```"+`
                lost
    replay      make replay TEST=TestAddSeeds1 SEED=12
    read        doc/counting.md#one

… and 1 more like these; name a TEST to see its own, or use --format markdown for all.

score 7.5/15
1 passed, 3 failed, 1 skipped
`, out.String())

	out.Reset()
	require.NoError(t, sample(t).WriteTable(&out, grade.TableOptions{Color: true}))
	require.Contains(t, out.String(), "\x1b[32mpassed\x1b[0m")
}

// A function that is not written and does nothing is named below the board, where a test
// of its stage fails.
func TestReportNamesWhatIsSilent(t *testing.T) {
	report := sample(t)
	report.Silent = []overlay.Func{{Name: "(*Counter).reset", Stage: "2A"}, {Name: "audit", Stage: "2A"}, {Name: "later", Stage: "9"}}
	var out bytes.Buffer
	require.NoError(t, report.WriteTable(&out, grade.TableOptions{}))
	require.Contains(t, out.String(), "╯\nnot written yet, and without effect: (*Counter).reset, audit\n\n… and 2 more")
	out.Reset()
	require.NoError(t, report.WriteTable(&out, grade.TableOptions{Width: 40}))
	require.Contains(t, out.String(), "\nnot written yet, and without effect:\n(*Counter).reset, audit\n")

	for _, s := range report.Stages {
		for _, result := range s.Results {
			result.Status = grade.Passed
		}
	}
	out.Reset()
	require.NoError(t, report.WriteTable(&out, grade.TableOptions{}))
	require.NotContains(t, out.String(), "not written")
}

// On a terminal the board is no wider than that, and shows as much as it can.
func TestReportTableFits(t *testing.T) {
	for width, want := range map[int]string{
		80: `╭───────┬─────────────────┬──────────────────────────────────┬────────┬────────╮
│ stage │ test            │ result                           │ points │   time │
├───────┼─────────────────┼──────────────────────────────────┼────────┼────────┤
│ 1     │ one counter     │ 1 of 2 passed                    │ 7.5/10 │ 1.62 s │
│       │ TestAdd1        │ passed                           │        │ 0.12 s │
│       │ TestAddSeeds1   │ failed, seed 12: the count is 11 │        │ 1.50 s │
├───────┼─────────────────┼──────────────────────────────────┼────────┼────────┤
│ 2a    │ many counters   │ 0 of 3 passed                    │    0/5 │ 0.00 s │
│       │ TestSum2A       │ not implemented: counter.Sum     │        │ 0.00 s │
│       │ TestSumOfNone2A │ skipped: not today               │        │ 0.00 s │
│       │ TestSumKeeps2A  │ timed out: no verdict within 1m  │        │ 0.00 s │
╰───────┴─────────────────┴──────────────────────────────────┴────────┴────────╯
`,
		60: `╭──────────────────┬──────────────────────────────┬────────╮
│ test             │ result                       │ points │
├──────────────────┼──────────────────────────────┼────────┤
│ 1 one counter    │ 1 of 2 passed                │ 7.5/10 │
│ TestAdd1         │ passed                       │        │
│ TestAddSeeds1    │ failed, seed 12: the count … │        │
├──────────────────┼──────────────────────────────┼────────┤
│ 2a many counters │ 0 of 3 passed                │    0/5 │
│ TestSum2A        │ not implemented: counter.Sum │        │
│ TestSumOfNone2A  │ skipped: not today           │        │
│ TestSumKeeps2A   │ timed out: no verdict withi… │        │
╰──────────────────┴──────────────────────────────┴────────╯
`,
		40: `1 one counter
  1 of 2 passed, 7.5/10 points
TestAdd1 passed
TestAddSeeds1
  failed, seed 12: the count is 11

2a many counters
  0 of 3 passed, 0/5 points
TestSum2A not implemented: counter.Sum
TestSumOfNone2A skipped: not today
TestSumKeeps2A
  timed out: no verdict within 1m
`,
	} {
		for _, color := range []bool{false, true} {
			var out bytes.Buffer
			require.NoError(t, sample(t).WriteTable(&out, grade.TableOptions{Color: color, Width: width}))
			board, _, _ := strings.Cut(out.String(), "\n\n…")
			if !color {
				require.Equal(t, want, board+"\n", width)
			}
			requireFits(t, board, width)
		}
	}
}

// requireFits fails if a line is wider than a terminal.
func requireFits(t *testing.T, board string, width int) {
	t.Helper()
	for line := range strings.Lines(board) {
		require.LessOrEqual(t, text.StringWidthWithoutEscSequences(strings.TrimRight(line, "\n")), width, "%s", line)
	}
}

func TestStatusAndOtherTablesFit(t *testing.T) {
	for _, width := range []int{80, 60, 40} {
		var out bytes.Buffer
		require.NoError(t, sample(t).WriteStatus(&out, nil, grade.TableOptions{Width: width}))
		requireFits(t, out.String(), width)
		require.Contains(t, out.String(), "7.5/15")

		out.Reset()
		claim := graded.Claim{Text: "a sum is the sum of all counters, and of nothing else, however many there are"}
		kills := grade.Kills{
			{Mutant: mutants.Mutant{Name: "2a/first-counter-twice"}, Killer: &grade.Result{Test: &course.Test{Name: "TestSum2A"}, Claim: claim}},
		}
		require.NoError(t, kills.WriteTable(&out, grade.TableOptions{Width: width}))
		requireFits(t, out.String(), width)

		out.Reset()
		grades := grade.Grades{Course: sample(t).Course, Rows: []*grade.Row{{Name: "somebody-with-a-name.zip", Status: grade.Rejected, Note: "there is no such file or directory, neither here nor there nor anywhere"}}}
		require.NoError(t, grades.WriteTable(&out, grade.TableOptions{Width: width}))
		requireFits(t, out.String(), width)
		require.Contains(t, out.String(), "rejected")
	}
}

// A quick run does not look like a grade, in any format.
func TestQuickReport(t *testing.T) {
	report := sample(t)
	report.Quick = true
	var out bytes.Buffer
	require.NoError(t, report.WriteTable(&out, grade.TableOptions{}))
	require.Contains(t, out.String(), "╯\nquick run, not a grade: 3 seeds a test\n")
	require.True(t, strings.HasSuffix(out.String(), "\nscore 7.5/15 (quick run, not a grade)\n1 passed, 3 failed, 1 skipped (quick run)\n"), out.String())
	require.Contains(t, string(written(t, report.WriteJSON)), `"quick": true`)
	require.NotContains(t, string(written(t, sample(t).WriteJSON)), `"quick"`)
	require.Contains(t, string(written(t, report.WriteJUnit)), `<property name="quick" value="true">`)
	require.Contains(t, string(written(t, report.WriteMarkdown)), "score 7.5/15 (quick run, not a grade)\n")
}

func TestReportJSON(t *testing.T) {
	var out struct {
		Schema                  string
		Score, Points, Seconds  float64
		Passed, Failed, Skipped int
		Stages                  []struct {
			ID    string
			Tests []map[string]any
		}
	}
	require.NoError(t, json.Unmarshal(written(t, sample(t).WriteJSON), &out))
	require.Equal(t, grade.ReportSchema, out.Schema)
	require.Equal(t, []float64{7.5, 15, 2}, []float64{out.Score, out.Points, out.Seconds})
	require.Equal(t, []int{1, 3, 1}, []int{out.Passed, out.Failed, out.Skipped})
	require.Equal(t, map[string]any{
		"name": "TestAddSeeds1", "package": "counter", "weight": 1.0, "status": "failed",
		"reason": "the count is 11", "at": "counter/counter.go:15", "seed": 12.0, "runs": 11.0, "digest": "00000000000000ff",
		"claim": "Sum adds up | exactly", "source": "the <counter> contract",
		"sections": []any{map[string]any{"name": "fate", "text": "```\nlost"}},
		"replay":   "make replay TEST=TestAddSeeds1 SEED=12", "read": "doc/counting.md#one", "seconds": 1.5,
	}, out.Stages[0].Tests[1])
}

func TestReportJUnit(t *testing.T) {
	suites := readJUnit(t, written(t, sample(t).WriteJUnit))
	require.Len(t, suites, 2)
	require.Equal(t, "1", suites[0].Name)
	require.Equal(t, "1.620", suites[0].Time)
	require.Equal(t, []int{3, 2, 1}, []int{suites[1].Tests, suites[1].Failures, suites[1].Skipped})
	failure := suites[0].Cases[1].Failure
	require.Equal(t, "the count is 11 (counter/counter.go:15)", failure.Message)
	require.Contains(t, failure.Text, "Sum adds up | exactly")
	require.Equal(t, "not implemented", suites[1].Cases[0].Failure.Type)
	require.NotNil(t, suites[1].Cases[1].Skipped)
}

func TestReportMarkdown(t *testing.T) {
	text := string(written(t, sample(t).WriteMarkdown))
	require.Contains(t, text, "| **1** | **one counter** | **1 of 2 passed** | **7.5/10** |\n")
	require.Contains(t, text, "| | TestSum2A | not implemented: counter.Sum | |\n")
	require.Contains(t, text, "\n````text\n", "a fence that the text cannot close")
	require.Contains(t, text, "found       no verdict within 1m", "all failures are shown")
}

func TestReportStatus(t *testing.T) {
	funcs := []overlay.Func{{Stage: "1"}, {Stage: "2A", TODO: true}, {Stage: "2A"}}
	var out bytes.Buffer
	require.NoError(t, sample(t).WriteStatus(&out, funcs, grade.TableOptions{}))
	require.Regexp(t, `│ 2a +│ many counters +│ +1 of 2 │ +0 of 3 │ +0/5 │`, out.String())
	require.Regexp(t, `│ +│ points so far +│ +│ +│ 7.5/15 │`, out.String())
}

func TestFormatPoints(t *testing.T) {
	for _, test := range []struct {
		a, b int64
		want string
	}{
		{0, 1, "0"}, {15, 1, "15"}, {100, 1, "100"}, {15, 2, "7.5"}, {1, 3, "0.33"}, {2, 3, "0.66"},
		{44999, 3000, "14.99"}, {14999999, 1000000, "14.99"}, {1, 1000, "0"}, {101, 10, "10.1"}, {1, 100, "0.01"},
	} {
		require.Equal(t, test.want, grade.FormatPoints(big.NewRat(test.a, test.b)))
	}
}
