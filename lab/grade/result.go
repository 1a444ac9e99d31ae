package grade

import (
	"math/big"
	"time"

	"github.com/labkv/labkv/lab/course"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/lab/overlay"
)

// Status says how a test ended.
type Status string

const (
	Passed         Status = "passed"
	Failed         Status = "failed"
	NotImplemented Status = "not implemented" // the TODO of a function panicked
	NotBuilt       Status = "not built"
	TimedOut       Status = "timed out"
	Skipped        Status = "skipped" // by the test itself; earns nothing
)

// Run is a run of a test that passed.
type Run struct {
	Seed   uint64 // 0: the test has none
	Digest string // 16 hexadecimal digits that stand for all that happened; empty if the test leaves none
	Goals  []graded.Goal
}

// Result is the verdict on one test.
type Result struct {
	Test   *course.Test
	Status Status
	// Reason is one line; empty if the test passed.
	Reason string
	// At is where in the course's tree it happened, as file:line, if that is known.
	At string
	// Seed is the lowest seed that did not pass, 0 if the test passed or has none.
	Seed uint64
	// Runs are the runs that passed, in the order of their seeds.
	Runs []Run
	// Claim is the guarantee that was tested, empty if the test did not start.
	Claim graded.Claim
	// Sections explain a failure, in the order in which they are shown.
	Sections []graded.Section
	// Digest stands for all that happened in the run that did not pass; empty if
	// the test leaves none.
	Digest string
	// missedGoal is set if every run passed and none reached a goal of the test.
	missedGoal bool
	// Output is what the process that decided the verdict printed. It proves nothing.
	Output string
	// Elapsed is the real time of all of the test's processes.
	Elapsed time.Duration
}

// Failure returns what a student is shown.
func (r *Result) Failure() graded.Failure {
	return graded.Failure{
		Test:     r.Test.Name,
		Seed:     r.Seed,
		AllSeeds: r.missedGoal,
		Claim:    r.Claim,
		Found:    r.Found(),
		Sections: r.Sections,
		Read:     r.Test.Stage.Guide,
	}
}

// Found is the reason together with the place.
func (r *Result) Found() string {
	if r.At == "" {
		return r.Reason
	}
	return r.Reason + " (" + r.At + ")"
}

// StageReport is the verdict on the selected tests of a stage.
type StageReport struct {
	Stage   *course.Stage
	Results []*Result // in the order of the course's file
}

// Report is the verdict on all selected tests.
type Report struct {
	Course *course.Course
	Stages []*StageReport // in the order of the course's file
	// Silent are functions that are not written yet and do nothing meanwhile: what a
	// test finds may be that. The others say so themselves.
	Silent []overlay.Func
	// Quick is whether only a few of the seeds that count have run.
	Quick bool
	// Elapsed is real time, builds included.
	Elapsed time.Duration
}

// Results returns all results in order.
func (r *Report) Results() []*Result {
	var all []*Result
	for _, s := range r.Stages {
		all = append(all, s.Results...)
	}
	return all
}

// Counts returns how many tests passed, did not pass, and were skipped.
func (r *Report) Counts() (passed, failed, skipped int) {
	for _, result := range r.Results() {
		switch result.Status {
		case Passed:
			passed++
		case Skipped:
			skipped++
		default:
			failed++
		}
	}
	return passed, failed, skipped
}

// Passed reports whether every test passed.
func (r *Report) Passed() bool {
	passed, _, _ := r.Counts()
	return passed == len(r.Results())
}

// Score is the sum of the stages' scores.
func (r *Report) Score() Score {
	total := Score{new(big.Rat), new(big.Rat)}
	for _, s := range r.Stages {
		score := s.Score()
		total.Earned.Add(total.Earned, score.Earned)
		total.Points.Add(total.Points, score.Points)
	}
	return total
}

// Score is points times the weight of the passed tests over the weight of all
// tests of the stage. If only some tests were selected, that many points less
// are at stake.
func (s *StageReport) Score() Score {
	var passed, selected int64
	for _, result := range s.Results {
		selected += result.Test.Weight
		if result.Status == Passed {
			passed += result.Test.Weight
		}
	}
	points, weight := s.Stage.Points, s.Stage.Weight()
	return Score{big.NewRat(points*passed, weight), big.NewRat(points*selected, weight)}
}

// Worth is how many points of its stage a test earns.
func Worth(test *course.Test) *big.Rat {
	return big.NewRat(test.Stage.Points*test.Weight, test.Stage.Weight())
}

// Score is all that the test is worth if it passed, nothing if not.
func (r *Result) Score() Score {
	if r.Status == Passed {
		return Score{Worth(r.Test), Worth(r.Test)}
	}
	return Score{new(big.Rat), Worth(r.Test)}
}

// Passed returns how many tests passed.
func (s *StageReport) Passed() int {
	n := 0
	for _, result := range s.Results {
		if result.Status == Passed {
			n++
		}
	}
	return n
}

// Elapsed is the real time of all of the stage's processes.
func (s *StageReport) Elapsed() time.Duration {
	var d time.Duration
	for _, result := range s.Results {
		d += result.Elapsed
	}
	return d
}
