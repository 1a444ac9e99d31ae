package grade

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"
)

// WriteCSV writes a gradebook: a header, then one record per submission with its score in
// each stage, its total and the points at stake. The form is RFC 4180's. Text that a
// spreadsheet would take for a formula begins with an apostrophe.
func (g *Grades) WriteCSV(w io.Writer) error {
	header := []string{"name", "status"}
	for _, st := range g.Stages {
		header = append(header, st.Stage.ID)
	}
	records := [][]string{append(header, "total", "points", "note")}
	for _, row := range g.Rows {
		record := []string{csvText(row.Name), csvText(string(row.Status))}
		for i := range g.Stages {
			record = append(record, FormatPoints(g.score(row, i).Earned))
		}
		total := g.Total(row)
		records = append(records, append(record, FormatPoints(total.Earned), FormatPoints(total.Points), csvText(row.Note)))
	}
	return writeCSV(w, records)
}

// WriteCSV writes a header and one record per test.
func (r *Report) WriteCSV(w io.Writer) error {
	records := [][]string{{"stage", "test", "status", "seed", "score", "points", "found"}}
	for _, result := range r.Results() {
		score, seed := result.Score(), ""
		if result.Seed != 0 {
			seed = strconv.FormatUint(result.Seed, 10)
		}
		records = append(records, []string{
			result.Test.Stage.ID, result.Test.Name, string(result.Status), seed,
			FormatPoints(score.Earned), FormatPoints(score.Points), csvText(result.Found()),
		})
	}
	return writeCSV(w, records)
}

func writeCSV(w io.Writer, records [][]string) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	return out.WriteAll(records)
}

// csvText keeps spreadsheets from calculating what a student chose, such as the name of a
// submission: it puts an apostrophe before what could begin a formula.
func csvText(s string) string {
	if strings.HasPrefix(s, "\t") || strings.HasPrefix(s, "\r") || strings.HasPrefix(s, "\n") || strings.IndexAny(s, "=+-@＝＋－＠") == 0 {
		return "'" + s
	}
	return s
}
