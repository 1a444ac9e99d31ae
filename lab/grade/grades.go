package grade

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/big"
	"slices"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/lab/course"

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

// Total is the row's score.
func (g *Grades) Total(row *Row) Score {
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
		t.AppendRow(append(cells, o.bold(g.Total(row).String()), row.Note))
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
		Tests       []string         `json:"tests"`       // all that were selected, each as stage/name
		Of          int              `json:"of"`          // submissions in the whole batch, of which these may be a part
		Submissions []jsonSubmission `json:"submissions"` // in the order of the command line
	}
	jsonSubmission struct {
		Name    string      `json:"name"`
		File    string      `json:"file"`  // what files about it are called, without ending
		Place   int         `json:"place"` // on the command line, from 1
		Status  RowStatus   `json:"status"`
		MadeFor string      `json:"made_for,omitempty"` // version of the course, "0.x" if it is older than versions; absent if not known
		Note    string      `json:"note,omitempty"`
		Score   float64     `json:"score"`
		Points  float64     `json:"points"`
		Stages  []jsonScore `json:"stages"`
		Report  *jsonReport `json:"report,omitempty"`  // absent if rejected
		Receipt *Receipt    `json:"receipt,omitempty"` // absent if rejected
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
	out := jsonGrades{Schema: GradesSchema, Course: g.Course.Title, Version: g.Course.Version.String(), Enforced: g.Enforced, Of: g.Of, Submissions: []jsonSubmission{}}
	for _, st := range g.Stages {
		for _, test := range st.Tests {
			out.Tests = append(out.Tests, st.Stage.ID+"/"+test.Name)
		}
	}
	for _, row := range g.Rows {
		out.Submissions = append(out.Submissions, g.json(row))
	}
	return encodeJSON(w, out)
}

// WriteRow writes one row as a JSON object, as it is among the submissions of WriteJSON.
func (g *Grades) WriteRow(w io.Writer, row *Row) error { return encodeJSON(w, g.json(row)) }

func (g *Grades) json(row *Row) jsonSubmission {
	total := g.Total(row)
	js := jsonSubmission{
		Name:    row.Name,
		File:    row.File,
		Place:   row.Place,
		Status:  row.Status,
		MadeFor: row.MadeFor,
		Note:    row.Note,
		Score:   points(total.Earned),
		Points:  points(total.Points),
		Receipt: row.Receipt,
	}
	for i, st := range g.Stages {
		score := g.score(row, i)
		js.Stages = append(js.Stages, jsonScore{st.Stage.ID, points(score.Earned), points(score.Points)})
	}
	if row.Report != nil {
		report := row.Report.json()
		js.Report = &report
	}
	return js
}

// ReadRow reads what WriteRow has written about a submission that was graded with the same
// tests.
func (g *Grades) ReadRow(data []byte) (*Row, error) {
	var js jsonSubmission
	if err := json.Unmarshal(data, &js); err != nil {
		return nil, errors.Trace(err)
	}
	return g.row(js)
}

// row is the reverse of json.
func (g *Grades) row(js jsonSubmission) (*Row, error) {
	row := &Row{Name: js.Name, File: js.File, Place: js.Place, Status: js.Status, MadeFor: js.MadeFor, Note: js.Note, Receipt: js.Receipt}
	switch {
	case js.Name == "" || js.Place < 1:
		return nil, errors.New("a submission without a name or a place")
	case js.Status == Rejected && js.Report == nil:
		return row, nil
	case js.Status != Graded || js.Report == nil || js.Receipt == nil:
		return nil, errors.Errorf("%s: the status %q does not go with what else there is", js.Name, js.Status)
	}
	var err error
	if row.Report, err = g.report(*js.Report); err != nil {
		return nil, errors.Annotate(err, js.Name)
	}
	score := row.Report.Score()
	if earned, points := FormatPoints(score.Earned), FormatPoints(score.Points); js.Receipt.Score != earned || js.Receipt.Points != points {
		return nil, errors.Errorf("%s: was graded with %s/%s points, which are %s/%s with the tests of this tree: give the same hidden tests, or none as before",
			js.Name, js.Receipt.Score, js.Receipt.Points, earned, points)
	}
	return row, nil
}

// ReadGrades reads what WriteJSON has written of parts of a batch, as grades of the whole, and
// what each part is called. All parts must have been graded with the same tests of this
// version of the course.
func ReadGrades(c *course.Course, parts map[string][]byte) (*Grades, error) {
	var grades *Grades
	var tests []string
	var first *Row // with a receipt
	places := map[int]string{}
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		var js jsonGrades
		if err := json.Unmarshal(parts[name], &js); err != nil {
			return nil, errors.Annotate(err, name)
		}
		switch {
		case js.Schema != GradesSchema:
			return nil, errors.Errorf("%s: has no grades: its schema is %q, not %q", name, js.Schema, GradesSchema)
		case js.Version != c.Version.String():
			return nil, errors.Errorf("%s: has grades of version %s of the course, this is version %s", name, js.Version, c.Version)
		}
		if grades == nil {
			selection, err := c.Select(js.Tests...)
			if err != nil {
				return nil, errors.Annotate(err, name)
			}
			grades, tests = &Grades{Course: c, Stages: selection, Of: js.Of, Enforced: js.Enforced}, js.Tests
		}
		if !slices.Equal(tests, js.Tests) || js.Of != grades.Of {
			return nil, errors.Errorf("%s: was graded with other tests, or among other submissions, than the parts before it", name)
		}
		if js.Enforced != grades.Enforced {
			grades.Enforced = "limited: not the same on all machines"
		}
		for _, submission := range js.Submissions {
			row, err := grades.row(submission)
			if err != nil {
				return nil, errors.Annotate(err, name)
			}
			if other, ok := places[row.Place]; ok {
				return nil, errors.Errorf("%s: has submission %d (%s), which %s has, too: are these parts of one batch?", name, row.Place, row.Name, other)
			}
			places[row.Place] = name
			if first == nil && row.Receipt != nil {
				first = row
			}
			if row.Receipt != nil && row.Receipt.Tests != first.Receipt.Tests {
				return nil, errors.Errorf("%s: %s was graded with other tests, or from another state of the tree, than %s", name, row.Name, first.Name)
			}
			grades.Rows = append(grades.Rows, row)
		}
	}
	if grades == nil {
		return nil, errors.New("there are no grades to read")
	}
	slices.SortFunc(grades.Rows, func(a, b *Row) int { return cmp.Compare(a.Place, b.Place) })
	return grades, nil
}

// Missing returns the places of the batch of which the grades have no submission.
func (g *Grades) Missing() []int {
	has := map[int]bool{}
	for _, row := range g.Rows {
		has[row.Place] = true
	}
	var missing []int
	for place := 1; place <= g.Of; place++ {
		if !has[place] {
			missing = append(missing, place)
		}
	}
	return missing
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
		suite.Properties.Properties = []junitProperty{{"score", "0"}, {"points", FormatPoints(g.Total(row).Points)}}
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
		out.print(" **", g.Total(row).String(), "** | ", markdownText(row.Note), " |\n")
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
