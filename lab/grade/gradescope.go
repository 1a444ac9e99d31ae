package grade

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/lab/course"
)

// Gradescope's results.json, of which fields without meaning here are left out.
type (
	gradescopeResults struct {
		Score            float64          `json:"score"` // wins over the sum of the tests' scores
		ExecutionTime    float64          `json:"execution_time"`
		Output           string           `json:"output"`
		OutputFormat     string           `json:"output_format"`
		StdoutVisibility string           `json:"stdout_visibility"`
		ExtraData        gradescopeExtra  `json:"extra_data"`
		Tests            []gradescopeTest `json:"tests"`
	}
	gradescopeExtra struct {
		Schema  string `json:"schema"` // GradescopeSchema
		Course  string `json:"course"`
		Version string `json:"version"` // of the course
		// Hidden is whether the hidden tests ran to their end, so that it was an attempt.
		Hidden bool `json:"hidden"`
		// Own is the score of this submission alone.
		Own float64 `json:"own"`
	}
	gradescopeTest struct {
		Score        float64             `json:"score"`
		MaxScore     float64             `json:"max_score"`
		Status       string              `json:"status"` // passed or failed
		Name         string              `json:"name"`
		Number       string              `json:"number"`
		Output       string              `json:"output"`
		OutputFormat string              `json:"output_format"`
		Tags         []string            `json:"tags"`
		Visibility   string              `json:"visibility"`
		ExtraData    gradescopeTestExtra `json:"extra_data"`
	}
	gradescopeTestExtra struct {
		Status Status `json:"status"`
		Seed   uint64 `json:"seed,omitempty"`
		Digest string `json:"digest,omitempty"`
		Hidden bool   `json:"hidden,omitempty"`
		// Exact is the score as a fraction: Score has two decimals.
		Exact string `json:"exact"`
	}
)

// GradescopeSchema names the version of what is in the extra data of results.json.
const GradescopeSchema = "labkv.gradescope/v1"

// maxPlatformOutput bounds what a test says, in bytes.
const maxPlatformOutput = 16 << 10

// A Platform is how a platform for courses wants results, and what it says about the
// submission. The zero value has no policy of attempts and knows nothing of a submission.
type Platform struct {
	Policy course.Policy
	// Submission is what the platform says, nil if it says nothing.
	Submission *PlatformSubmission

	attempts int              // of the hidden tests, that still count
	carried  []gradescopeTest // results of hidden tests that do not run again
	from     time.Time        // of the submission that ran them
	dropped  bool             // the hidden tests do not run
}

// PlatformSubmission is the part that matters of Gradescope's submission_metadata.json.
type PlatformSubmission struct {
	CreatedAt time.Time `json:"created_at"`
	Previous  []struct {
		SubmissionTime time.Time       `json:"submission_time"`
		Score          json.RawMessage `json:"score"` // a number, or null
		Results        json.RawMessage `json:"results"`
	} `json:"previous_submissions"`
}

// ReadPlatformSubmission reads the file in which Gradescope describes a submission.
func ReadPlatformSubmission(name string) (*PlatformSubmission, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, errors.Annotate(err, "read what the platform says about the submission")
	}
	var s PlatformSubmission
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, errors.Annotatef(err, "%s", name)
	}
	return &s, nil
}

// previous is what this program wrote about an earlier submission, false if it wrote
// nothing that can be read.
func previous(results json.RawMessage) (gradescopeResults, bool) {
	var r gradescopeResults
	if json.Unmarshal(results, &r) != nil {
		return r, false
	}
	return r, r.ExtraData.Schema == GradescopeSchema
}

// Select leaves hidden tests out of a selection if the attempts at them are used up. Their
// results are then those of the latest submission that ran them. Time is the submission's:
// grading it again does not change what counts.
func (p *Platform) Select(selection course.Selection) course.Selection {
	s := p.Submission
	if s == nil || p.Policy.Attempts == 0 {
		return selection
	}
	for _, earlier := range s.Previous {
		results, ok := previous(earlier.Results)
		if !ok || !results.ExtraData.Hidden || !earlier.SubmissionTime.Before(s.CreatedAt) {
			continue
		}
		if p.Policy.Every == 0 || s.CreatedAt.Sub(earlier.SubmissionTime) < p.Policy.Every {
			p.attempts++
		}
		if earlier.SubmissionTime.Before(p.from) {
			continue
		}
		p.from, p.carried = earlier.SubmissionTime, nil
		for _, test := range results.Tests {
			if test.ExtraData.Hidden {
				p.carried = append(p.carried, test)
			}
		}
	}
	if p.attempts < p.Policy.Attempts {
		p.carried = nil
		return selection
	}
	var shown course.Selection
	for _, st := range selection {
		var tests []*course.Test
		for _, test := range st.Tests {
			if test.Hidden {
				p.dropped = true
			} else {
				tests = append(tests, test)
			}
		}
		if len(tests) > 0 {
			shown = append(shown, course.StageTests{Stage: st.Stage, Tests: tests})
		}
	}
	return shown
}

// WriteGradescope writes the report as results.json. p may be nil.
func (r *Report) WriteGradescope(w io.Writer, p *Platform) error {
	b := newGradescope(p, r.Course)
	b.seconds = r.Elapsed
	for _, s := range r.Stages {
		for at, result := range s.Results {
			b.add(at, result)
		}
	}
	b.complete = true
	if r.Quick {
		b.say(fmt.Sprintf("Quick run, not a grade: %d seeds a test.", QuickSeeds))
	}
	return b.write(w)
}

// WriteGradescope writes the grade of a single submission as results.json. p may be nil.
func (g *Grades) WriteGradescope(w io.Writer, p *Platform) error {
	row, err := g.only()
	if err != nil {
		return err
	}
	b := newGradescope(p, g.Course)
	if row.Note != "" {
		b.say(string(row.Status) + ": " + row.Note)
	}
	if row.Report == nil {
		return b.write(w)
	}
	b.seconds = row.Report.Elapsed
	for _, s := range row.Report.Stages {
		for at, result := range s.Results {
			b.add(at, result)
		}
	}
	b.complete = true
	return b.write(w)
}

// gradescope gathers what results.json says.
type gradescope struct {
	platform *Platform
	course   *course.Course
	tests    []gradescopeTest
	earned   *big.Rat
	said     []string
	seconds  time.Duration
	complete bool // every test has ended
}

func newGradescope(p *Platform, c *course.Course) *gradescope {
	if p == nil {
		p = &Platform{Policy: course.DefaultPolicy()}
	}
	return &gradescope{platform: p, course: c, earned: new(big.Rat)}
}

func (b *gradescope) say(paragraph string) { b.said = append(b.said, paragraph) }

// add adds the result of the test that is number at, from 0, in its stage.
func (b *gradescope) add(at int, r *Result) {
	test := b.test(at, r.Test)
	score := r.Score()
	b.earned.Add(b.earned, score.Earned)
	test.Score, test.Status = points(score.Earned), "failed"
	test.ExtraData.Status, test.ExtraData.Seed, test.ExtraData.Digest = r.Status, r.Seed, r.Digest
	test.ExtraData.Exact = score.Earned.RatString()
	test.Output = TableOptions{}.result(r, maxReasonInTable)
	switch r.Status {
	case Passed:
		test.Status = "passed"
	case Failed, TimedOut, NotBuilt:
		test.Output = cut(strings.TrimSpace(r.block()), maxPlatformOutput)
	}
	b.tests = append(b.tests, test)
}

// missing adds a test that has not ended.
func (b *gradescope) missing(at int, t *course.Test) {
	test := b.test(at, t)
	test.Status, test.ExtraData.Exact = "failed", "0"
	test.Output = "This test had not ended when the time for grading was over."
	b.tests = append(b.tests, test)
}

func (b *gradescope) test(at int, t *course.Test) gradescopeTest {
	out := gradescopeTest{
		MaxScore:     points(Worth(t)),
		Name:         t.Name,
		Number:       fmt.Sprintf("%s.%d", t.Stage.ID, at+1),
		OutputFormat: "text",
		Tags:         []string{t.Stage.ID},
		Visibility:   "visible",
		ExtraData:    gradescopeTestExtra{Hidden: t.Hidden},
	}
	if t.Hidden {
		out.Visibility = b.platform.Policy.Visibility
		out.Tags = append(out.Tags, "hidden")
	}
	return out
}

// results is the whole of results.json.
func (b *gradescope) results() gradescopeResults {
	p := b.platform
	if p.dropped {
		for _, test := range p.carried {
			if exact, ok := new(big.Rat).SetString(test.ExtraData.Exact); ok {
				b.earned.Add(b.earned, exact)
			}
			test.Visibility = p.Policy.Visibility
			b.tests = append(b.tests, test)
		}
		b.say(fmt.Sprintf("The hidden tests did not run: %d attempts are used up. %s Their results are those of %s.",
			p.attempts, p.Policy, p.from.UTC().Format("2006-01-02 15:04 MST")))
	} else if p.Policy.Attempts > 0 && p.Submission != nil && b.complete {
		b.say(fmt.Sprintf("%s This was attempt %d.", p.Policy, p.attempts+1))
	}
	own := points(b.earned)
	score := own
	if best, at, ok := p.best(); ok && best > own {
		score = best
		b.say(fmt.Sprintf("This submission has %v points. What counts is the best, of %s, with %v.", own, at.UTC().Format("2006-01-02 15:04 MST"), best))
	}
	tests := b.tests
	if tests == nil {
		tests = []gradescopeTest{}
	}
	return gradescopeResults{
		Score:            score,
		ExecutionTime:    milliseconds(b.seconds),
		Output:           strings.Join(b.said, "\n\n"),
		OutputFormat:     "text",
		StdoutVisibility: "hidden",
		ExtraData:        gradescopeExtra{GradescopeSchema, b.course.Title, b.course.Version.String(), b.complete && !p.dropped && b.ranHidden(), own},
		Tests:            tests,
	}
}

func (b *gradescope) ranHidden() bool {
	for _, test := range b.tests {
		if test.ExtraData.Hidden {
			return true
		}
	}
	return false
}

// best returns the best score of an earlier submission, if the best counts.
func (p *Platform) best() (score float64, at time.Time, ok bool) {
	if !p.Policy.Best || p.Submission == nil {
		return 0, time.Time{}, false
	}
	for _, earlier := range p.Submission.Previous {
		// What the platform calls the score may be another submission's already.
		results, mine := previous(earlier.Results)
		if !mine || !earlier.SubmissionTime.Before(p.Submission.CreatedAt) {
			continue
		}
		if !ok || results.ExtraData.Own > score {
			score, at, ok = results.ExtraData.Own, earlier.SubmissionTime, true
		}
	}
	return score, at, ok
}

func (b *gradescope) write(w io.Writer) error { return encodeJSON(w, b.results()) }

// Partial keeps a results.json that says at each time what is known: if grading ends before
// its time, the tests that have ended count. Its methods may be called from several
// goroutines.
type Partial struct {
	Path      string
	Course    *course.Course
	Selection course.Selection
	Platform  *Platform
	// Pause is the least time between two writings by Add.
	Pause time.Duration

	mu      sync.Mutex
	results map[*course.Test]*Result
	begin   time.Time
	last    time.Time
}

// Begin writes the file for the first time.
func (p *Partial) Begin() error {
	p.begin = time.Now()
	p.results = map[*course.Test]*Result{}
	return p.Write("Grading has begun.")
}

// Add takes a result of a test. An error of writing comes back from the next Write.
func (p *Partial) Add(r *Result) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.results[r.Test] = r
	if time.Since(p.last) >= p.Pause {
		_ = p.write("Grading goes on, or was interrupted.")
	}
}

// Write writes what is known, with a paragraph for the student.
func (p *Partial) Write(paragraph string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.write(paragraph)
}

func (p *Partial) write(paragraph string) error {
	b := newGradescope(p.Platform, p.Course)
	b.say(paragraph)
	b.seconds = time.Since(p.begin)
	for _, st := range p.Selection {
		for at, test := range st.Tests {
			if r := p.results[test]; r != nil {
				b.add(at, r)
			} else {
				b.missing(at, test)
			}
		}
	}
	err := WriteWhole(p.Path, b.write)
	p.last = time.Now()
	return err
}

// WriteWhole writes a file of which readers see all or what was there before.
func WriteWhole(name string, write func(io.Writer) error) error {
	var data bytes.Buffer
	if err := write(&data); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".results-*")
	if err != nil {
		return errors.Trace(err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data.Bytes())
	if err == nil {
		err = f.Chmod(0o644)
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	return errors.Trace(err)
}
