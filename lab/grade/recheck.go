package grade

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path"
	"slices"

	"github.com/labkv/labkv/lab/course"
)

// A verdict is reported by the process that it is about. Whatever breaks Go's type system
// there could write any report. So for packages whose tests can be run from a tape, a
// submission has to show more than a report: it runs the tests that it has passed once more,
// with a seed that is drawn only now, while all that it answers is recorded. A process that has
// the pristine tree in it, and nothing of the submission, then runs the tests from the tape.
// They must pass, with the same digests.
//
// Which seed that is makes no difference to a solution, so that grades remain the same every
// time.

// recheck checks the tests that a submission has passed. built has the submission's test
// programs, pristine the tree's without one; files are the submission's. A test that
// does not pass again fails.
func (r *Runner) recheck(ctx context.Context, built, pristine *Built, report *Report, files map[string][]byte) error {
	for _, dir := range r.taped(built.tree.Course, files) {
		var passed []*Result
		for _, result := range report.Results() {
			if result.Status == Passed && result.Test.Package == dir {
				passed = append(passed, result)
			}
		}
		for _, part := range r.tapeParts(passed) {
			if err := r.recheckPart(ctx, built, pristine, part); err != nil {
				return err
			}
		}
	}
	return nil
}

// taped returns the taped directories that have files of the submission.
func (r *Runner) taped(c *course.Course, files map[string][]byte) []string {
	return slices.DeleteFunc(slices.Clone(c.Taped), func(dir string) bool {
		for name := range files {
			if path.Dir(name) == dir {
				return false
			}
		}
		return true
	})
}

// A tapePart is results of tests that are checked together.
type tapePart struct {
	results []*Result
	seeds   []uint64 // one, or none
}

// tapeParts divides results by stage, and by seeds: one that is drawn now, from those with
// which all tests of the part have passed, or none if they have none.
func (r *Runner) tapeParts(results []*Result) []tapePart {
	var parts []tapePart
	for _, result := range results {
		seeds := r.seedsOf(result.Test)
		i := slices.IndexFunc(parts, func(p tapePart) bool {
			if p.results[0].Test.Stage != result.Test.Stage || len(p.seeds) == 0 != (len(seeds) == 0) {
				return false
			}
			return len(seeds) == 0 || slices.Contains(seeds, p.seeds[0])
		})
		if i < 0 {
			i = len(parts)
			parts = append(parts, tapePart{})
			if len(seeds) > 0 {
				parts[i].seeds = seeds[rand.IntN(len(seeds)):][:1]
			}
		}
		parts[i].results = append(parts[i].results, result)
	}
	return parts
}

// recheckPart records a tape of tests and plays it. If that shows that not all of them pass,
// each is checked alone.
func (r *Runner) recheckPart(ctx context.Context, built, pristine *Built, part tapePart) error {
	tests := make([]*course.Test, len(part.results))
	for i, result := range part.results {
		tests[i] = result.Test
	}
	budget := r.budget(tests[0].Stage)
	recording := r.processOf(tests, part.seeds, budget, built)
	recording.record = true
	recorded, err := recording.start(ctx, r.Sandbox, built.scratch.dir)
	if err != nil {
		return err
	}
	playing := r.processOf(tests, part.seeds, budget, pristine)
	playing.play = append([]byte{}, recorded.tape...) // not nil, even if there is none
	played, err := playing.start(ctx, r.Sandbox, pristine.scratch.dir)
	if err != nil {
		return err
	}
	for _, result := range part.results {
		reason := differs(judge(result.Test, part.seeds, budget, recorded), judge(result.Test, part.seeds, budget, played))
		switch {
		case reason == "":
		case len(part.results) > 1:
			return r.recheckAlone(ctx, built, pristine, part)
		default:
			result.fail("passed once, but not when its answers were recorded and checked without its code: " + reason)
			result.Runs = nil
			if len(part.seeds) > 0 {
				result.Seed = part.seeds[0]
			}
		}
	}
	return nil
}

func (r *Runner) recheckAlone(ctx context.Context, built, pristine *Built, part tapePart) error {
	for _, result := range part.results {
		if err := r.recheckPart(ctx, built, pristine, tapePart{[]*Result{result}, part.seeds}); err != nil {
			return err
		}
	}
	return nil
}

// differs says how the verdict on a run and the verdict on its tape are not both a pass of
// the same run; "" if they are.
func differs(recorded, played *Result) string {
	switch {
	case recorded.Status != Passed:
		return fmt.Sprintf("while they were recorded, %s: %s", recorded.Status, recorded.Found())
	case played.Status != Passed:
		return fmt.Sprintf("on the answers alone, %s: %s", played.Status, played.Found())
	case !slices.EqualFunc(recorded.Runs, played.Runs, func(a, b Run) bool { return a.Seed == b.Seed && a.Digest == b.Digest }):
		return "its runs and its answers have different digests"
	}
	return ""
}
