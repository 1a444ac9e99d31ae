package grade

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"math/big"

	"github.com/pingcap/errors"
)

// The result of a test runner as GitHub Classroom's autograding reporter takes it.
type (
	githubResult struct {
		Version  int          `json:"version"`
		Status   string       `json:"status"` // pass, fail or error
		MaxScore float64      `json:"max_score"`
		Tests    []githubTest `json:"tests"` // not empty
	}
	githubTest struct {
		Name     string  `json:"name"`
		Status   string  `json:"status"`
		Score    float64 `json:"score"`
		Message  string  `json:"message,omitempty"`
		Code     string  `json:"test_code,omitempty"` // shown below the name: how to run it again
		Filename string  `json:"filename"`
		Line     int     `json:"line_no"` // 0: none is shown
		Duration int64   `json:"duration"`
	}
)

// maxGitHubResult bounds the JSON: it is handed on in one variable of the environment, for
// which Linux has 128 KB, in base64.
const maxGitHubResult = 90 << 10

// WriteGitHub writes the report for GitHub Classroom, as the value of the reporter's
// variable: JSON in base64.
func (r *Report) WriteGitHub(w io.Writer) error {
	out := githubResult{Version: 1, Status: "pass", MaxScore: binary(r.Score().Points), Tests: []githubTest{}}
	earned := new(big.Rat)
	if !r.Passed() {
		out.Status = "fail"
	}
	for _, result := range r.Results() {
		before := binary(earned)
		earned.Add(earned, result.Score().Earned)
		test := githubTest{Name: result.Test.Name, Status: "pass", Score: binary(earned) - before, Duration: result.Elapsed.Milliseconds()}
		if result.Status != Passed {
			test.Status, test.Message = "fail", cut(result.Found(), 300)
			test.Code = cut(TableOptions{}.result(result, maxReasonInTable), 300) + "\n" + result.Failure().Replay()
		}
		out.Tests = append(out.Tests, test)
	}
	return out.write(w)
}

// WriteGitHub writes the grade of a single submission for GitHub Classroom.
func (g *Grades) WriteGitHub(w io.Writer) error {
	row, err := g.only()
	if err != nil {
		return err
	}
	if row.Report != nil {
		return row.Report.WriteGitHub(w)
	}
	out := githubResult{Version: 1, Status: "error", MaxScore: binary(g.Total(row).Points)}
	out.Tests = []githubTest{{Name: "submission", Status: "error", Message: row.Note}}
	return out.write(w)
}

// binary rounds points down to a multiple of 1/64. The reporter adds the tests' scores up
// in floating point, in which such numbers have exact sums: full marks stay full.
func binary(p *big.Rat) float64 {
	parts := new(big.Int).Mul(p.Num(), big.NewInt(64))
	return float64(parts.Quo(parts, p.Denom()).Int64()) / 64
}

// only returns the row of the one submission.
func (g *Grades) only() (*Row, error) {
	if len(g.Rows) != 1 {
		return nil, errors.Errorf("the formats gradescope and github are about one submission, and there are %d", len(g.Rows))
	}
	return g.Rows[0], nil
}

func (out githubResult) write(w io.Writer) error {
	data, err := json.Marshal(out)
	if err != nil {
		return errors.Trace(err)
	}
	if len(data) > maxGitHubResult {
		for i := range out.Tests { // the score board of the run has them
			out.Tests[i].Message, out.Tests[i].Code = "", ""
		}
		if data, err = json.Marshal(out); err != nil {
			return errors.Trace(err)
		}
	}
	_, err = io.WriteString(w, base64.StdEncoding.EncodeToString(data))
	return err
}

// cut shortens text to at most n bytes, if need be.
func cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && text[n]&0xC0 == 0x80 {
		n--
	}
	return text[:n] + " …"
}
