package grade_test

import (
	"bytes"
	"encoding/csv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/course"
	"github.com/labkv/labkv/lab/grade"
)

// classOf returns grades whose rows are sample's report under each name, and a rejected
// submission.
func classOf(t *testing.T, names ...string) *grade.Grades {
	report := sample(t)
	g := &grade.Grades{Course: report.Course, Enforced: "limited: real time"}
	for _, s := range report.Stages {
		st := course.StageTests{Stage: s.Stage}
		for _, r := range s.Results {
			st.Tests = append(st.Tests, r.Test)
		}
		g.Stages = append(g.Stages, st)
	}
	for _, name := range names {
		own := sample(t)
		for i, r := range own.Results() {
			r.Test = report.Results()[i].Test
		}
		g.Rows = append(g.Rows, &grade.Row{Name: name, Status: grade.Graded, Report: own})
	}
	g.Rows = append(g.Rows, &grade.Row{Name: "dora", Status: grade.Rejected, Note: `raft/log.go:4: imports "os"; a solution does no I/O`})
	return g
}

func TestGradesCSV(t *testing.T) {
	g := classOf(t, "ann, or \"anna\"", "ben")
	g.Rows[1].Note = "1 edited test ignored"
	require.Equal(t, strings.Join([]string{
		`name,status,1,2a,total,points,note`,
		`"ann, or ""anna""",graded,7.5,0,7.5,15,`,
		`ben,graded,7.5,0,7.5,15,1 edited test ignored`,
		`dora,rejected,0,0,0,15,"raft/log.go:4: imports ""os""; a solution does no I/O"`,
		``,
	}, "\r\n"), string(written(t, g.WriteCSV)))
}

// No cell that a student can write begins like a formula.
func TestCSVHoldsNoFormulas(t *testing.T) {
	hostile := []string{"=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1"}
	g := classOf(t, hostile...)
	for i, text := range hostile {
		g.Rows[i].Note = text
	}
	records, err := csv.NewReader(bytes.NewReader(written(t, g.WriteCSV))).ReadAll()
	require.NoError(t, err)
	require.Len(t, records, 1+len(hostile)+1)
	for _, record := range records[1 : 1+len(hostile)] {
		require.True(t, strings.HasPrefix(record[0], "'"), "%q", record[0])
		require.True(t, strings.HasPrefix(record[len(record)-1], "'"), "%q", record)
	}

	report := sample(t)
	report.Results()[1].Reason = "=HYPERLINK(1)"
	records, err = csv.NewReader(bytes.NewReader(written(t, report.WriteCSV))).ReadAll()
	require.NoError(t, err)
	require.Equal(t, []string{"stage", "test", "status", "seed", "score", "points", "found"}, records[0])
	require.Equal(t, []string{"1", "TestAdd1", "passed", "", "7.5", "7.5", ""}, records[1])
	require.Equal(t, []string{"1", "TestAddSeeds1", "failed", "12", "0", "2.5", "'=HYPERLINK(1) (counter/counter.go:15)"}, records[2])
}
