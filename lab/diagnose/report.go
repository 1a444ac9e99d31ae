package diagnose

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/lab/course"
)

// The steps of the ladder.
const (
	Guarantee = 1 // the guarantee that broke
	Guide     = 2 // where the guide states it
	Question  = 3 // a question that leads to the mistake
	Mistake   = 4 // the description of a mistake that fails in the same way
)

// sure is the score from which a theme is worth a question without being asked for one.
const sure = 1

// Steps returns how far down the ladder it is sensible to go with a candidate: to the
// question if it is near enough, and never to the mistake, which is for instructors.
func (c *Candidate) Steps() int {
	if c.Score >= sure {
		return Question
	}
	return Guide
}

// A demand is an item of a section that a test looks at.
type demand struct {
	Section string `json:"section"` // the file and its headings
	Item    int    `json:"item"`
	Text    string `json:"text"`
}

func (k *Catalog) demands(test string) []demand {
	var all []demand
	for _, cl := range k.clauses {
		numbers, texts := cl.Of(test)
		for i, number := range numbers {
			all = append(all, demand{cl.Title(), number, texts[i]})
		}
	}
	return all
}

// Silence is what is said if there is no candidate: why.
func (d *Diagnosis) Silence() string {
	switch {
	case len(d.Candidates) > 0:
		return ""
	case len(d.Findings) > 0:
		return "nothing in the catalog is near"
	case len(d.Unwritten) > 0:
		return "nothing that is written fails"
	}
	return "nothing fails"
}

// names lists the first few of tests.
func names(tests []string) string {
	const few = 5
	text := strings.Join(tests[:min(len(tests), few)], ", ")
	if more := len(tests) - few; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// failing returns the names of the tests of the first stage that fail.
func (d *Diagnosis) failing() []string {
	var all []string
	for _, f := range d.Findings {
		if f.Test.Stage == d.Stage {
			all = append(all, f.Test.Name)
		}
	}
	return all
}

// WriteText writes a diagnosis for a person, with the first steps of the ladder; with 0, as
// many as Steps says.
func (k *Catalog) WriteText(w io.Writer, d *Diagnosis, steps int) error {
	var b strings.Builder
	if d.Stage != nil {
		fails := d.failing()
		fmt.Fprintf(&b, "fails in stage %s: %s\n", d.Stage.ID, names(fails))
	}
	if len(d.Unwritten) > 0 {
		fmt.Fprintf(&b, "not written yet: %s\n", names(testNames(d.Unwritten)))
	}
	if silence := d.Silence(); silence != "" {
		b.WriteString(silence + "\n")
	}
	for i, c := range d.Candidates {
		upTo := steps
		if upTo == 0 {
			upTo = c.Steps()
		}
		fmt.Fprintf(&b, "\n%d. %s\n", i+1, c.Theme.Name)
		row := func(name, text string) { fmt.Fprintf(&b, "   %-9s   %s\n", name, text) }
		row("guarantee", fmt.Sprintf("%s (%s)", c.Finding.Claim.Text, c.Finding.Claim.Source))
		row("seen by", c.Finding.Test.Name)
		if upTo >= Guide {
			demands := k.demands(c.Finding.Test.Name)
			for _, d := range demands {
				row("read", fmt.Sprintf("%s, %d: %s", d.Section, d.Item, d.Text))
			}
			if len(demands) == 0 {
				row("read", c.Finding.Test.Stage.Guide)
			}
		}
		if upTo >= Question {
			row("ask", c.Theme.Question)
		}
		if upTo >= Mistake {
			for _, n := range c.Near {
				row("mistake", fmt.Sprintf("%s (%.0f %%): %s", n.Mutant.Name, 100*n.Similarity, strings.Join(strings.Fields(n.Mutant.Doc), " ")))
			}
		}
	}
	_, err := io.WriteString(w, b.String())
	return errors.Trace(err)
}

func testNames(tests []*course.Test) []string {
	var all []string
	for _, t := range tests {
		all = append(all, t.Name)
	}
	return all
}

// Schema names the version of the JSON form of a diagnosis. Fields may be added under the
// same name; a field that changes its meaning changes it.
const Schema = "labkv.diagnosis/v1"

type (
	jsonDiagnosis struct {
		Schema     string          `json:"schema"`
		Course     string          `json:"course"`
		Version    string          `json:"version"`         // of the course
		Stage      string          `json:"stage,omitempty"` // the first that is not passed
		Fails      []string        `json:"fails"`           // tests, of later stages too
		Unwritten  []string        `json:"unwritten"`       // tests
		Silence    string          `json:"silence,omitempty"`
		Candidates []jsonCandidate `json:"candidates"`
	}
	jsonCandidate struct {
		Theme     string     `json:"theme"`
		Score     float64    `json:"score"`
		Guarantee string     `json:"guarantee"`
		Source    string     `json:"source"`
		Test      string     `json:"test"` // that shows it
		Guide     string     `json:"guide,omitempty"`
		Demands   []demand   `json:"demands,omitempty"`
		Question  string     `json:"question,omitempty"`
		Mistakes  []jsonNear `json:"mistakes,omitempty"`
	}
	jsonNear struct {
		Mutant     string  `json:"mutant"`
		Similarity float64 `json:"similarity"`
		Mistake    string  `json:"mistake"`
	}
)

// WriteJSON writes a diagnosis as one JSON object, with the first steps of the ladder; with
// 0, with all of them.
func (k *Catalog) WriteJSON(w io.Writer, d *Diagnosis, steps int) error {
	if steps == 0 {
		steps = Mistake
	}
	round := func(x float64) float64 { return math.Round(100*x) / 100 }
	j := jsonDiagnosis{
		Schema: Schema, Course: k.course.Title, Version: k.course.Version.String(), Silence: d.Silence(),
		Fails: []string{}, Unwritten: slices.Concat([]string{}, testNames(d.Unwritten)), Candidates: []jsonCandidate{},
	}
	if d.Stage != nil {
		j.Stage = d.Stage.ID
	}
	for _, f := range d.Findings {
		j.Fails = append(j.Fails, f.Test.Name)
	}
	for _, c := range d.Candidates {
		jc := jsonCandidate{
			Theme: c.Theme.Name, Score: round(c.Score),
			Guarantee: c.Finding.Claim.Text, Source: c.Finding.Claim.Source, Test: c.Finding.Test.Name,
		}
		if steps >= Guide {
			jc.Guide, jc.Demands = c.Finding.Test.Stage.Guide, k.demands(c.Finding.Test.Name)
		}
		if steps >= Question {
			jc.Question = c.Theme.Question
		}
		if steps >= Mistake {
			for _, n := range c.Near {
				jc.Mistakes = append(jc.Mistakes, jsonNear{n.Mutant.Name, round(n.Similarity), n.Mutant.Doc})
			}
		}
		j.Candidates = append(j.Candidates, jc)
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return errors.Trace(encoder.Encode(j))
}
