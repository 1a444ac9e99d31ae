package grade_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/grade"
	"github.com/labkv/labkv/lab/graded"
)

// Tests that fail for one cause are explained once, with the first of them.
func TestFailuresAreGroupedByCause(t *testing.T) {
	for _, c := range []struct {
		name          string
		first, second grade.Result
		together      bool
	}{
		{"the same message about other numbers",
			grade.Result{Status: grade.Failed, Reason: `node 1 has [1 2], and "a" at 1.2s`},
			grade.Result{Status: grade.Failed, Reason: `node 3 has [7], and "bc" at 31.02s`}, true},
		{"another message",
			grade.Result{Status: grade.Failed, Reason: "node 1 has no log"},
			grade.Result{Status: grade.Failed, Reason: "node 1 has no vote"}, false},
		{"a panic at the same place",
			grade.Result{Status: grade.Failed, Reason: "panic: index 7 of 3", At: "counter/counter.go:15"},
			grade.Result{Status: grade.Failed, Reason: "panic: no such thing", At: "counter/counter.go:15"}, true},
		{"a panic elsewhere",
			grade.Result{Status: grade.Failed, Reason: "panic: nil", At: "counter/counter.go:15"},
			grade.Result{Status: grade.Failed, Reason: "panic: nil", At: "counter/counter.go:16"}, false},
		{"the same rule",
			grade.Result{Status: grade.Failed, Reason: "two lead", Sections: []graded.Section{{Name: "broken", Text: "one leads"}}},
			grade.Result{Status: grade.Failed, Reason: "they lead both", Sections: []graded.Section{{Name: "broken", Text: "one leads"}}}, true},
		{"two that ran out of time",
			grade.Result{Status: grade.TimedOut, Reason: "no verdict within 1m"},
			grade.Result{Status: grade.TimedOut, Reason: "no verdict within 1m"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			report := sample(t)
			results := report.Results()
			for _, r := range results {
				r.Status = grade.Passed
			}
			for i, with := range map[int]grade.Result{1: c.first, 2: c.second} {
				with.Test = results[i].Test
				*results[i] = with
			}
			var out bytes.Buffer
			require.NoError(t, report.WriteTable(&out, grade.TableOptions{Details: -1}))
			heading := "2 tests fail for one cause: TestAddSeeds1, TestSum2A\n--- FAIL: TestAddSeeds1\n"
			require.Equal(t, c.together, strings.Contains(out.String(), heading), out.String())
			blocks := 2
			if c.together {
				blocks = 1
			}
			require.Equal(t, blocks, strings.Count(out.String(), "--- FAIL:"))
		})
	}
}
