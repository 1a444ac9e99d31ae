package grade

import (
	"encoding/json"
	"io"
	"math/big"
	"time"

	"github.com/labkv/labkv/lab/graded"
)

// ReportSchema names the version of the JSON form of a Report. Fields may be
// added under the same name; a field that changes its meaning changes it.
const ReportSchema = "labkv.report/v1"

// The JSON form of a report.
type (
	jsonReport struct {
		Schema  string      `json:"schema"` // ReportSchema
		Course  string      `json:"course"`
		Version string      `json:"version"`         // of the course
		Quick   bool        `json:"quick,omitempty"` // not all seeds have run: this is not a grade
		Score   float64     `json:"score"`           // points earned, rounded down to hundredths
		Points  float64     `json:"points"`          // points at stake
		Passed  int         `json:"passed"`          // numbers of tests
		Failed  int         `json:"failed"`          // not implemented, not built and timed out included
		Skipped int         `json:"skipped"`
		Seconds float64     `json:"seconds"` // real time, builds included
		Stages  []jsonStage `json:"stages"`
	}
	jsonStage struct {
		ID     string     `json:"id"`
		Title  string     `json:"title"`
		Score  float64    `json:"score"`
		Points float64    `json:"points"`
		Tests  []jsonTest `json:"tests"`
	}
	jsonTest struct {
		Name     string           `json:"name"`
		Package  string           `json:"package"`
		Weight   int64            `json:"weight"`
		Status   Status           `json:"status"`
		Reason   string           `json:"reason,omitempty"`
		At       string           `json:"at,omitempty"`     // file:line
		Seed     uint64           `json:"seed,omitempty"`   // the lowest that did not pass
		Runs     int              `json:"runs"`             // runs (seeds) that passed
		Digest   string           `json:"digest,omitempty"` // of the run that did not pass; 16 hexadecimal digits
		Claim    string           `json:"claim,omitempty"`
		Source   string           `json:"source,omitempty"`
		Sections []graded.Section `json:"sections,omitempty"`
		Replay   string           `json:"replay,omitempty"` // command; only if the test did not pass
		Read     string           `json:"read,omitempty"`   // file#anchor of the guide
		Seconds  float64          `json:"seconds"`
	}
)

// WriteJSON writes the report as one JSON object, whose schema field is
// ReportSchema.
func (r *Report) WriteJSON(w io.Writer) error { return encodeJSON(w, r.json()) }

func encodeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

func (r *Report) json() jsonReport {
	score := r.Score()
	passed, failed, skipped := r.Counts()
	out := jsonReport{
		Schema:  ReportSchema,
		Course:  r.Course.Title,
		Version: r.Course.Version.String(),
		Quick:   r.Quick,
		Score:   points(score.Earned),
		Points:  points(score.Points),
		Passed:  passed,
		Failed:  failed,
		Skipped: skipped,
		Seconds: milliseconds(r.Elapsed),
	}
	for _, s := range r.Stages {
		score := s.Score()
		js := jsonStage{ID: s.Stage.ID, Title: s.Stage.Title, Score: points(score.Earned), Points: points(score.Points)}
		for _, result := range s.Results {
			js.Tests = append(js.Tests, result.json())
		}
		out.Stages = append(out.Stages, js)
	}
	return out
}

func (r *Result) json() jsonTest {
	jt := jsonTest{
		Name:     r.Test.Name,
		Package:  r.Test.Package,
		Weight:   r.Test.Weight,
		Status:   r.Status,
		Reason:   r.Reason,
		At:       r.At,
		Seed:     r.Seed,
		Runs:     len(r.Runs),
		Digest:   r.Digest,
		Claim:    r.Claim.Text,
		Source:   r.Claim.Source,
		Sections: r.Sections,
		Seconds:  milliseconds(r.Elapsed),
	}
	if r.Status != Passed {
		jt.Replay, jt.Read = r.Failure().Replay(), r.Test.Stage.Guide
	}
	return jt
}

// points rounds down to hundredths, as FormatPoints does.
func points(p *big.Rat) float64 {
	hundredths := new(big.Int).Mul(p.Num(), big.NewInt(100))
	hundredths.Quo(hundredths, p.Denom())
	f, _ := new(big.Rat).SetFrac(hundredths, big.NewInt(100)).Float64()
	return f
}

// milliseconds returns seconds with three decimals.
func milliseconds(d time.Duration) float64 {
	return float64(d.Milliseconds()) / 1000
}
