package grade

import (
	"encoding/json"
	"io"
	"math"
	"math/big"
	"slices"
	"time"

	"github.com/pingcap/errors"

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
		AllSeeds bool             `json:"all_seeds,omitempty"` // every run passed, and all together do not
		Replay   string           `json:"replay,omitempty"`    // command; only if the test did not pass
		Read     string           `json:"read,omitempty"`      // file#anchor of the guide
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
		AllSeeds: r.missedGoal,
		Seconds:  milliseconds(r.Elapsed),
	}
	if r.Status != Passed {
		jt.Replay, jt.Read = r.Failure().Replay(), r.Test.Stage.Guide
	}
	return jt
}

// maxRuns bounds the runs that a report can claim when it is read.
const maxRuns = 1 << 20

// report is the reverse of json, for tests that were selected alike. What runs that passed
// left, their digests and goals, is not in the JSON.
func (g *Grades) report(js jsonReport) (*Report, error) {
	report := &Report{Course: g.Course, Quick: js.Quick, Elapsed: fromSeconds(js.Seconds)}
	if len(js.Stages) != len(g.Stages) {
		return nil, errors.Errorf("has %d stages in place of %d", len(js.Stages), len(g.Stages))
	}
	for i, st := range g.Stages {
		stage := js.Stages[i]
		if stage.ID != st.Stage.ID || len(stage.Tests) != len(st.Tests) {
			return nil, errors.Errorf("has stage %s with %d tests in place of stage %s with %d", stage.ID, len(stage.Tests), st.Stage.ID, len(st.Tests))
		}
		sr := &StageReport{Stage: st.Stage}
		for j, test := range st.Tests {
			jt := stage.Tests[j]
			if jt.Name != test.Name || jt.Runs < 0 || jt.Runs > maxRuns {
				return nil, errors.Errorf("has the test %s in place of %s", jt.Name, test.Name)
			}
			if !slices.Contains([]Status{Passed, Failed, NotImplemented, NotBuilt, TimedOut, Skipped}, jt.Status) {
				return nil, errors.Errorf("%s has the unknown status %q", jt.Name, jt.Status)
			}
			sr.Results = append(sr.Results, &Result{
				Test: test, Status: jt.Status, Reason: jt.Reason, At: jt.At, Seed: jt.Seed, Runs: make([]Run, jt.Runs),
				Claim: graded.Claim{Text: jt.Claim, Source: jt.Source}, Sections: jt.Sections, Digest: jt.Digest,
				missedGoal: jt.AllSeeds, Elapsed: fromSeconds(jt.Seconds),
			})
		}
		report.Stages = append(report.Stages, sr)
	}
	return report, nil
}

// points rounds down to hundredths, as FormatPoints does.
func points(p *big.Rat) float64 {
	hundredths := new(big.Int).Mul(p.Num(), big.NewInt(100))
	hundredths.Quo(hundredths, p.Denom())
	f, _ := new(big.Rat).SetFrac(hundredths, big.NewInt(100)).Float64()
	return f
}

// fromSeconds is the reverse of milliseconds.
func fromSeconds(s float64) time.Duration {
	return time.Duration(math.Round(s*1000)) * time.Millisecond
}

// milliseconds returns seconds with three decimals.
func milliseconds(d time.Duration) float64 {
	return float64(d.Milliseconds()) / 1000
}
