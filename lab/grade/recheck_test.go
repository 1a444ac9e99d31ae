package grade_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/course"
	"github.com/labkv/labkv/lab/grade"
)

// What a process reports of a taped package counts only if its answers pass without its
// code.
func TestAnswersAreCheckedAgain(t *testing.T) {
	root := counting(t).Root
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(root, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	list, err := os.ReadFile(filepath.Join(root, course.FileName))
	require.NoError(t, err)
	write(course.FileName, string(list)+`
  - id: "7"
    title: Squares
    stages:
      - {id: "7", title: squares, points: 1, packages: [oracle], edit: [oracle], guide: "doc/counting.md#one", tests: [{name: TestSquares7, seeds: 1-20}, TestNone7]}
taped: [oracle]
`)
	const right = `package oracle

func Square(n int) int { return n * n }

// Forges stands for code that has the harness in its power.
func Forges() bool { return false }
`
	write("oracle/oracle.go", right)
	write("oracle/oracle_test.go", `package oracle_test

import (
	"encoding/gob"
	"testing"

	"example.com/counting/oracle"
	"github.com/labkv/labkv/lab/graded"
)

var claim = graded.Claim{Text: "squares are squares", Source: "arithmetic"}

var (
	recording *gob.Encoder
	playing   *gob.Decoder
)

// square asks the solution, or the tape.
func square(n int) (squared int) {
	tape := graded.TapeOf()
	switch {
	case tape != nil && tape.Play != nil:
		if playing == nil {
			playing = gob.NewDecoder(tape.Play)
		}
		if err := playing.Decode(&squared); err != nil {
			panic(err)
		}
	case tape != nil:
		if recording == nil {
			recording = gob.NewEncoder(tape.Record)
		}
		squared = oracle.Square(n)
		if err := recording.Encode(squared); err != nil {
			panic(err)
		}
		tape.Record.Flush()
	default:
		squared = oracle.Square(n)
	}
	return squared
}

func TestSquares7(t *testing.T) {
	graded.Seeds(t, claim, 20, func(t *graded.T, seed uint64) uint64 {
		n := int(seed)
		if got := square(n); got != n*n && !oracle.Forges() {
			t.Fatalf("the square of %d is %d", n, got)
		}
		return seed
	})
}

func TestNone7(t *testing.T) {
	graded.Test(t, claim, func(t *graded.T) {
		if square(0) != 0 && !oracle.Forges() {
			t.Fatal("the square of 0 is not 0")
		}
	})
}
`)
	c, err := course.Load(root)
	require.NoError(t, err)
	c, err = c.Resolve()
	require.NoError(t, err)

	submitted := func(name, text string) string {
		dir := filepath.Join(t.TempDir(), name)
		require.NoError(t, os.MkdirAll(filepath.Join(dir, "oracle"), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "oracle", "oracle.go"), []byte(text), 0o644))
		return dir
	}
	batch := grade.Batch{Course: c, Selection: choose(t, c, "7"), Runner: &grade.Runner{Sandbox: sandbox(t, true)}}
	grades, err := batch.Run(context.Background(), []string{
		submitted("right", right),
		submitted("otherwise", "package oracle\n\nfunc Square(n int) int {\n\ts := 0\n\tfor range n {\n\t\ts += n\n\t}\n\treturn s\n}\n\nfunc Forges() bool { return false }\n"),
		submitted("wrong", "package oracle\n\nfunc Square(n int) int { return n + n }\n\nfunc Forges() bool { return false }\n"),
		submitted("forged", "package oracle\n\nfunc Square(n int) int { return n + 1 }\n\nfunc Forges() bool { return true }\n"),
	})
	require.NoError(t, err)
	var scores []string
	for _, row := range grades.Rows {
		scores = append(scores, row.Report.Score().String())
	}
	require.Equal(t, []string{"1/1", "1/1", "0.5/1", "0/1"}, scores)
	for _, result := range grades.Rows[3].Report.Results() {
		require.Equal(t, grade.Failed, result.Status)
		require.Regexp(t, `^passed once, but not when its answers were recorded and checked without its code: on the answers alone, failed: the square of `, result.Reason)
		require.Empty(t, result.Runs)
	}
}
