package grade_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/grade"
)

// A batch that is interrupted, or that several machines have parts of, comes out as one that
// is graded in one go.
func TestBatchInParts(t *testing.T) {
	c := counting(t)
	submissions := []string{
		submit(t, c, "full", nil),
		submit(t, c, "half", []string{"sum += c.n", "sum -= c.n"}),
		submit(t, c, "refused", []string{"package counter", "package counter\n\nimport _ \"os\""}),
		submit(t, c, "Full", []string{"c.n++", "c.n += 2"}),
		submit(t, c, "late", []string{"c.n++", "if c.n < 12 {\n\t\tc.n++\n\t}"}),
	}
	batch := func() *grade.Batch {
		return &grade.Batch{Course: c, Selection: choose(t, c, "1", "2a"), Runner: &grade.Runner{Sandbox: sandbox(t, true)}}
	}

	// Interrupted after the second.
	saved := map[string][]byte{}
	save := func(grades *grade.Grades, row *grade.Row) error {
		var data bytes.Buffer
		err := grades.WriteRow(&data, row)
		saved[row.File] = data.Bytes()
		return err
	}
	ctx, interrupt := context.WithCancel(context.Background())
	first := batch()
	first.Done = func(grades *grade.Grades, row *grade.Row) error {
		if row.Place == 2 {
			interrupt()
		}
		return save(grades, row)
	}
	part, err := first.Run(ctx, submissions)
	require.ErrorIs(t, err, context.Canceled)
	require.Len(t, part.Rows, 2)
	require.Equal(t, []int{3, 4, 5}, part.Missing())

	// Resumed, the others are graded.
	kept := func(grades *grade.Grades, file string) *grade.Row {
		data, ok := saved[file]
		if !ok {
			return nil
		}
		row, err := grades.ReadRow(data)
		require.NoError(t, err)
		return row
	}
	var graded []string
	rest := batch()
	rest.Kept = func(grades *grade.Grades, file string) *grade.Row {
		row := kept(grades, file)
		if row == nil {
			graded = append(graded, file)
		}
		return row
	}
	rest.Done = save
	resumed, err := rest.Run(context.Background(), submissions)
	require.NoError(t, err)
	require.Empty(t, resumed.Missing())
	require.Len(t, graded, 2, "the refused one is not asked for, as there is nothing to run")

	whole, err := batch().Run(context.Background(), submissions)
	require.NoError(t, err)
	require.Equal(t, timeless(t, whole.WriteJSON), timeless(t, resumed.WriteJSON))
	require.Equal(t, timeless(t, whole.WriteMarkdown), timeless(t, resumed.WriteMarkdown))

	t.Run("shards", func(t *testing.T) {
		parts := map[string][]byte{}
		for i, name := range []string{"a", "b", "c"} {
			shard := batch()
			shard.Shard = grade.Shard{Number: i + 1, Of: 3}
			shard.Kept = kept
			grades, err := shard.Run(context.Background(), submissions)
			require.NoError(t, err)
			parts[name] = written(t, grades.WriteJSON)
		}
		merged, err := grade.ReadGrades(c, parts)
		require.NoError(t, err)
		require.Equal(t, timeless(t, whole.WriteJSON), timeless(t, merged.WriteJSON))

		_, err = grade.ReadGrades(c, map[string][]byte{"a": parts["a"], "z": parts["a"]})
		require.ErrorContains(t, err, "z: has submission 1 (full), which a has, too")
		// Points of other tests are not mixed with these, nor counted as theirs.
		other := batch()
		other.Shard, other.Kept = grade.Shard{Number: 1, Of: 3}, kept
		other.Runner.Seeds = seeds(3)
		grades, err := other.Run(context.Background(), submissions)
		require.NoError(t, err)
		_, err = grade.ReadGrades(c, map[string][]byte{"a": written(t, grades.WriteJSON), "b": parts["b"], "c": parts["c"]})
		require.ErrorContains(t, err, "was graded with other tests, or from another state of the tree, than full")
		heavier := counting(t)
		for _, test := range choose(t, heavier, "1").Tests() {
			if test.Name == "TestAdd1" {
				test.Weight++
			}
		}
		_, err = grade.ReadGrades(heavier, parts)
		require.ErrorContains(t, err, "points, which are ")

		delete(parts, "b")
		merged, err = grade.ReadGrades(c, parts)
		require.NoError(t, err)
		require.Equal(t, []int{2, 5}, merged.Missing())
	})
	t.Run("another submission of that name", func(t *testing.T) {
		submissions := append([]string{submit(t, c, "full", []string{"c.n++", "c.n += 3"})}, submissions[1:]...)
		again := batch()
		again.Kept = kept
		grades, err := again.Run(context.Background(), submissions)
		require.NoError(t, err)
		require.NotEqual(t, "15/15", grades.Rows[0].Report.Score().String())
		require.Equal(t, []string{"the submission is not the one that was graded: its files differ"},
			whole.Rows[0].Receipt.Differences(grades.Rows[0].Receipt))
	})
	t.Run("receipts", func(t *testing.T) {
		for i, row := range whole.Rows {
			if row.Status == grade.Rejected {
				require.Nil(t, row.Receipt)
				continue
			}
			data := written(t, row.Receipt.WriteJSON)
			require.Equal(t, string(data), string(written(t, resumed.Rows[i].Receipt.WriteJSON)))
			receipt, err := grade.ReadReceipt(data)
			require.NoError(t, err)
			require.Equal(t, row.Receipt, receipt)
			require.Empty(t, receipt.Differences(row.Receipt))
		}
		// A receipt with a better grade is refuted.
		forged := *whole.Rows[4].Receipt
		forged.Score = "15"
		require.Equal(t, []string{"the receipt says 15/15 points, now they are 12.5/15"}, forged.Differences(whole.Rows[4].Receipt))
		forged.Stages = whole.Rows[0].Receipt.Stages
		require.Contains(t, forged.Differences(whole.Rows[4].Receipt), "TestAddSeeds1: the receipt says passed, now it is failed with seed 13")
		// So is one of other tests.
		quick := batch()
		quick.Runner.Seeds = seeds(3)
		grades, err := quick.Run(context.Background(), submissions[:1])
		require.NoError(t, err)
		require.Len(t, whole.Rows[0].Receipt.Differences(grades.Rows[0].Receipt), 1)
		require.Contains(t, whole.Rows[0].Receipt.Differences(grades.Rows[0].Receipt)[0], "the tests are not those that were graded with")
	})
	t.Run("files", func(t *testing.T) {
		require.Regexp(t, `^full-[0-9a-f]{20}$`, whole.Rows[0].File)
		require.Equal(t, "half", whole.Rows[1].File)
		require.Regexp(t, `^Full-[0-9a-f]{20}$`, whole.Rows[3].File)
	})
}

func TestReadGradesThatAreNone(t *testing.T) {
	c := counting(t)
	for text, want := range map[string]string{
		"":   "part: unexpected end of JSON input",
		"{}": `part: has no grades: its schema is "", not "labkv.grades/v1"`,
		`{"schema":"labkv.grades/v1","version":"1.0"}`:                                                                                                          "part: has grades of version 1.0 of the course, this is version 2.1",
		`{"schema":"labkv.grades/v1","version":"2.1","tests":["1/TestNone1"]}`:                                                                                  `part: unknown test "TestNone1"`,
		`{"schema":"labkv.grades/v1","version":"2.1","tests":["1/TestAdd1"],"submissions":[{}]}`:                                                                "part: a submission without a name or a place",
		`{"schema":"labkv.grades/v1","version":"2.1","tests":["1/TestAdd1"],"submissions":[{"name":"x","place":1,"status":"graded"}]}`:                          `part: x: the status "graded" does not go with what else there is`,
		`{"schema":"labkv.grades/v1","version":"2.1","tests":["1/TestAdd1"],"submissions":[{"name":"x","place":1,"status":"graded","receipt":{},"report":{}}]}`: "part: x: has 0 stages in place of 1",
		`{"schema":"labkv.grades/v1","version":"2.1","tests":["1/TestAdd1"],"submissions":[{"name":"x","place":1,"status":"graded","receipt":{},"report":{"stages":[{"id":"1","tests":[{"name":"TestAdd1","status":"passed","runs":1000000000000000000}]}]}}]}`: "part: x: has the test TestAdd1 in place of TestAdd1",
		`{"schema":"labkv.grades/v1","version":"2.1","tests":["1/TestAdd1"],"submissions":[{"name":"x","place":1,"status":"graded","receipt":{},"report":{"stages":[{"id":"1","tests":[{"name":"TestAdd1","status":"won"}]}]}}]}`:                               `part: x: TestAdd1 has the unknown status "won"`,
	} {
		_, err := grade.ReadGrades(c, map[string][]byte{"part": []byte(text)})
		require.ErrorContains(t, err, want)
	}
	_, err := grade.ReadGrades(c, nil)
	require.Error(t, err)
	for _, text := range []string{"", "{}", `{"schema":"labkv.receipt/v1","more":1}`} {
		_, err := grade.ReadReceipt([]byte(text))
		require.Error(t, err)
	}
}

// An endless loop costs the budget of a few tests, and not of all.
func TestGivesUp(t *testing.T) {
	c := counting(t)
	submissions := []string{submit(t, c, "endless", []string{"c.n++", "c.n = 0\n\tc.n = 1\n\tfor c.n >= 0 {\n\t\tc.n ^= 1\n\t}"}), submit(t, c, "good", nil)}
	batch := grade.Batch{Course: c, Selection: choose(t, c, "1", "2a"), Runner: &grade.Runner{Sandbox: sandbox(t, true), Timeout: time.Second}}
	grades, err := batch.Run(context.Background(), submissions)
	require.NoError(t, err)
	var reasons []string
	for i, result := range grades.Rows[0].Report.Results() {
		require.Equal(t, grade.TimedOut, result.Status, result.Test.Name)
		if i >= 3 {
			reasons = append(reasons, result.Reason)
		} else {
			// The line is the submission's, not the tree's.
			require.Contains(t, result.Found(), "(*Counter).Add does not come out of a loop (counter/counter.go:21)", result.Test.Name)
		}
	}
	const notRun = "not run: 3 tests of counter before it have timed out"
	require.Equal(t, []string{notRun, notRun}, reasons)
	require.Equal(t, "15/15", grades.Rows[1].Report.Score().String())
}

// Hidden tests that the solution fails would take points from everybody.
func TestHiddenTestsMeetTheSolution(t *testing.T) {
	c := counting(t)
	hidden := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(hidden, "counter"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(hidden, "counter", "hidden_test.go"), []byte(`package counter_test

import (
	"testing"

	"github.com/labkv/labkv/lab/graded"
)

func TestUnfair1(t *testing.T) {
	graded.Test(t, graded.Claim{Text: "it is 7", Source: "nowhere"}, func(t *graded.T) { t.Fatal("it is not 7") })
}
`), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(hidden, "course.yaml"), []byte("tests: [{stage: 1, name: TestUnfair1}]"), 0o644))
	merged, err := c.WithHidden(hidden)
	require.NoError(t, err)
	batch := grade.Batch{Course: merged, Selection: choose(t, merged, "1"), Runner: &grade.Runner{Sandbox: sandbox(t, true)}, Hidden: hidden}
	batch.Done = func(*grade.Grades, *grade.Row) error { return errors.New("nothing may be graded") }
	_, err = batch.Run(context.Background(), []string{submit(t, c, "good", nil)})
	require.EqualError(t, err, "hidden test TestUnfair1: failed with the solution of this tree: it is not 7; it would take points from everybody")
}
