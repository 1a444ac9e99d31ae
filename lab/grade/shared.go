package grade

import (
	"context"
	"slices"

	"github.com/labkv/labkv/lab/course"
)

// testsPerProcess is how many tests without seeds share a process: to start one costs
// more than most of them. It is fixed for the reason why SeedsPerProcess is.
const testsPerProcess = 8

// sharedTime bounds the part of a stage's time that tests have together. Only if they
// all pass is anything gained by it; a test that hangs has its whole time after that.
const sharedTime = 4

// A share is tests of one stage and package that share a process, all with the same seeds.
type share struct {
	tests []*course.Test
	seeds []uint64
}

// canShare reports whether a test runs in a process with others.
func (r *Runner) canShare(test *course.Test) bool {
	seeds := len(r.seedsOf(test))
	return seeds == 0 || r.Share && seeds <= SeedsPerProcess
}

// shares returns the tests that can share a process in parts that do: neighbours in the
// order of the course, as far as they may.
func (r *Runner) shares(tests []*course.Test) []*share {
	most := testsPerProcess
	if r.Share {
		most = len(tests)
	}
	var all []*share
	for _, test := range tests {
		if !r.canShare(test) {
			continue
		}
		seeds := r.seedsOf(test)
		fits := func(s *share) bool {
			first := s.tests[0]
			return first.Stage == test.Stage && first.Package == test.Package && slices.Equal(s.seeds, seeds) && len(s.tests) < most
		}
		if i := slices.IndexFunc(all, fits); i >= 0 {
			all[i].tests = append(all[i].tests, test)
		} else {
			all = append(all, &share{tests: []*course.Test{test}, seeds: seeds})
		}
	}
	return all
}

// runTogether runs a share in one process. If all of its tests pass, that is the verdict.
// If one does not, or the process ends in any other way than it should, nothing of it
// counts, and each test runs alone: what a test does to its process, and what a failure
// says, must be about that test.
//
// done is called with each verdict, and with none for a test whose package has run out of
// patience.
func (r *Runner) runTogether(ctx context.Context, s *share, built *Built, patience *patience, done func(*Result)) error {
	if len(s.tests) > 1 {
		results, err := r.tryTogether(ctx, s, built)
		if err != nil {
			return err
		}
		for _, result := range results {
			done(result)
		}
		if results != nil {
			return nil
		}
	}
	for _, test := range s.tests {
		if patience.isOver(test) {
			continue
		}
		result, err := r.runUnit(ctx, unit{test, s.seeds}, built)
		if err != nil {
			return err
		}
		done(combine(test, []*Result{result}))
	}
	return nil
}

// tryTogether returns the verdicts on tests that passed in one process, or nil if not all
// did.
func (r *Runner) tryTogether(ctx context.Context, s *share, built *Built) ([]*Result, error) {
	budget := r.budget(s.tests[0].Stage)
	if !r.Share {
		budget.Time /= sharedTime
	}
	p := r.processOf(s.tests, s.seeds, budget, built)
	p.args = []string{"-test.failfast"}
	p.extra = append(slices.Clone(p.extra), "LABKV_BRIEF=1") // what it says of a failure does not count
	o, err := p.start(ctx, r.Sandbox, built.scratch.dir)
	if err != nil {
		return nil, err
	}
	results := make([]*Result, len(s.tests))
	for i, test := range s.tests {
		result := combine(test, []*Result{judge(test, s.seeds, budget, o)})
		if result.Status != Passed {
			return nil, nil
		}
		result.Elapsed, result.Output = 0, "" // they are of all tests
		for _, end := range accountOf(test.Name, o.records).ends {
			result.Elapsed += end.Elapsed
		}
		results[i] = result
	}
	return results, nil
}
