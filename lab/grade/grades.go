package grade

import (
	"fmt"
	"io"
	"math/big"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// GradesSchema names the version of the JSON form of Grades, as ReportSchema
// does for a Report.
const GradesSchema = "labkv.grades/v1"

// score is the row's score in a stage, with nothing earned if it was rejected.
func (g *Grades) score(row *Row, stage int) Score {
	if row.Report != nil {
		return row.Report.Stages[stage].Score()
	}
	var weight int64
	st := g.Stages[stage]
	for _, test := range st.Tests {
		weight += test.Weight
	}
	return Score{new(big.Rat), big.NewRat(st.Stage.Points*weight, st.Stage.Weight())}
}

func (g *Grades) total(row *Row) Score {
	total := Score{new(big.Rat), new(big.Rat)}
	for i := range g.Stages {
		score := g.score(row, i)
		total.Earned.Add(total.Earned, score.Earned)
		total.Points.Add(total.Points, score.Points)
	}
	return total
}

func (g *Grades) counts() (graded, rejected int) {
	for _, row := range g.Rows {
		if row.Status == Rejected {
			rejected++
		} else {
			graded++
		}
	}
	return graded, rejected
}

// WriteTable writes one row per submission, what was enforced, and how many were
// graded and rejected.
func (g *Grades) WriteTable(w io.Writer, o TableOptions) error {
	t := newTable()
	header := table.Row{"submission", "status"}
	var columns []table.ColumnConfig
	for _, st := range g.Stages {
		header = append(header, st.Stage.ID)
		columns = append(columns, table.ColumnConfig{Name: st.Stage.ID, Align: text.AlignRight, AlignHeader: text.AlignRight})
	}
	columns = append(columns, table.ColumnConfig{Name: "total", Align: text.AlignRight, AlignHeader: text.AlignRight})
	t.AppendHeader(append(header, "total", "note"))
	for _, row := range g.Rows {
		status := Passed
		if row.Status == Rejected {
			status = Failed
		}
		cells := table.Row{row.Name, o.paint(status, string(row.Status))}
		for i := range g.Stages {
			cells = append(cells, FormatPoints(g.score(row, i).Earned))
		}
		t.AppendRow(append(cells, o.bold(g.total(row).String()), row.Note))
	}
	out := &errWriter{w: w}
	graded, rejected := g.counts()
	out.print(o.fit(t, "note", 72, columns...), "\n", g.Course.Name(), "\n", g.Enforced, "\n", fmt.Sprintf("%d graded, %d rejected\n", graded, rejected))
	return out.err
}

// The JSON form of grades.
type (
	jsonGrades struct {
		Schema      string           `json:"schema"` // GradesSchema
		Course      string           `json:"course"`
		Version     string           `json:"version"` // of the course
		Enforced    string           `json:"enforced"`
		Submissions []jsonSubmission `json:"submissions"` // in the order of the command line
	}
	jsonSubmission struct {
		Name    string      `json:"name"`
		Status  RowStatus   `json:"status"`
		MadeFor string      `json:"made_for,omitempty"` // version of the course, "0.x" if it is older than versions; absent if not known
		Note    string      `json:"note,omitempty"`
		Score   float64     `json:"score"`
		Points  float64     `json:"points"`
		Stages  []jsonScore `json:"stages"`
		Report  *jsonReport `json:"report,omitempty"` // absent if rejected
	}
	jsonScore struct {
		ID     string  `json:"id"`
		Score  float64 `json:"score"`
		Points float64 `json:"points"`
	}
)

// WriteJSON writes the grades as one JSON object, whose schema field is
// GradesSchema.
func (g *Grades) WriteJSON(w io.Writer) error {
	out := jsonGrades{Schema: GradesSchema, Course: g.Course.Title, Version: g.Course.Version.String(), Enforced: g.Enforced, Submissions: []jsonSubmission{}}
	for _, row := range g.Rows {
		total := g.total(row)
		js := jsonSubmission{
			Name:    row.Name,
			Status:  row.Status,
			MadeFor: row.MadeFor,
			Note:    row.Note,
			Score:   points(total.Earned),
			Points:  points(total.Points),
		}
		for i, st := range g.Stages {
			score := g.score(row, i)
			js.Stages = append(js.Stages, jsonScore{st.Stage.ID, points(score.Earned), points(score.Points)})
		}
		if row.Report != nil {
			report := row.Report.json()
			js.Report = &report
		}
		out.Submissions = append(out.Submissions, js)
	}
	return encodeJSON(w, out)
}

// WriteJUnit writes the grades as JUnit XML: a suite for each stage of each
// submission, and one with a single failure for a rejected one.
func (g *Grades) WriteJUnit(w io.Writer) error {
	var suites []junitSuite
	for _, row := range g.Rows {
		if row.Report != nil {
			suites = append(suites, row.Report.junit(row.Name+"/")...)
			continue
		}
		suite := newJUnitSuite(row.Name)
		suite.Package = g.Course.Module
		suite.Properties.Properties = []junitProperty{{"score", "0"}, {"points", FormatPoints(g.total(row).Points)}}
		suite.Tests, suite.Failures = 1, 1
		suite.Cases = []junitCase{{
			Name:      "submission",
			Classname: row.Name,
			Time:      junitTime(0),
			Failure:   &junitFailure{Message: row.Note, Type: string(row.Status), Text: row.Note},
		}}
		suites = append(suites, suite)
	}
	return encodeJUnit(w, suites)
}

// WriteMarkdown writes the grades as a table and, for each submission, its score
// board and failures.
func (g *Grades) WriteMarkdown(w io.Writer) error {
	out := &errWriter{w: w}
	out.print("# ", markdownText(g.Course.Name()), "\n\n| submission | status |")
	for _, st := range g.Stages {
		out.print(" ", st.Stage.ID, " |")
	}
	out.print(" total | note |\n|---|---|")
	for range g.Stages {
		out.print("---:|")
	}
	out.print("---:|---|\n")
	for _, row := range g.Rows {
		out.print("| ", markdownText(row.Name), " | ", string(row.Status), " |")
		for i := range g.Stages {
			out.print(" ", FormatPoints(g.score(row, i).Earned), " |")
		}
		out.print(" **", g.total(row).String(), "** | ", markdownText(row.Note), " |\n")
	}
	graded, rejected := g.counts()
	out.print("\n", g.Enforced, "\n\n", fmt.Sprintf("%d graded, %d rejected\n", graded, rejected))
	for _, row := range g.Rows {
		out.print("\n## ", markdownText(row.Name), "\n\n")
		row.writeMarkdown(out, "###")
	}
	return out.err
}

// WriteMarkdown writes what a student gets to read about a submission.
func (row *Row) WriteMarkdown(w io.Writer) error {
	out := &errWriter{w: w}
	out.print("# ", markdownText(row.Name), "\n\n")
	row.writeMarkdown(out, "##")
	return out.err
}

func (row *Row) writeMarkdown(out *errWriter, heading string) {
	if row.Note != "" {
		out.print(string(row.Status), ": ", markdownText(row.Note), "\n\n")
	}
	if row.Report != nil {
		row.Report.writeMarkdown(out, heading)
	}
}
