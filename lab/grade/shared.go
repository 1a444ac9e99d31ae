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

// shares returns the tests without seeds in parts that share a process: they are of
// the same stage and package, and neighbours in the order of the course.
func shares(tests []*course.Test) [][]*course.Test {
	var all [][]*course.Test
	for _, test := range tests {
		if len(test.Seeds) > 0 {
			continue
		}
		fits := func(part []*course.Test) bool {
			return part[0].Stage == test.Stage && part[0].Package == test.Package && len(part) < testsPerProcess
		}
		if i := slices.IndexFunc(all, fits); i >= 0 {
			all[i] = append(all[i], test)
		} else {
			all = append(all, []*course.Test{test})
		}
	}
	return all
}

// runTogether runs tests, of one stage and package and without seeds, in one process. If
// all pass, that is the verdict. If one does not, or the process ends in any other way
// than it should, nothing of it counts, and each test runs alone: what a test does to
// its process, and what a failure says, must be about that test.
func (r *Runner) runTogether(ctx context.Context, tests []*course.Test, binary, scratch string, done func(*Result)) error {
	if len(tests) > 1 {
		results, err := r.tryTogether(ctx, tests, binary, scratch)
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
	for _, test := range tests {
		result, err := r.runUnit(ctx, unit{test: test}, binary, scratch)
		if err != nil {
			return err
		}
		done(combine(test, []*Result{result}))
	}
	return nil
}

// tryTogether returns the verdicts on tests that passed in one process, or nil if not all
// did.
func (r *Runner) tryTogether(ctx context.Context, tests []*course.Test, binary, scratch string) ([]*Result, error) {
	budget := r.budget(tests[0].Stage)
	budget.Time /= sharedTime
	p := process{
		binary: binary,
		run:    anyOf(tests),
		seeds:  r.Seeds, // a test without seeds in the course's file may still have some
		budget: budget,
		extra:  r.Environ,
		args:   []string{"-test.failfast"},
	}
	o, err := p.start(ctx, r.Sandbox, scratch)
	if err != nil {
		return nil, err
	}
	results := make([]*Result, len(tests))
	for i, test := range tests {
		result := combine(test, []*Result{judge(test, nil, budget, o)})
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
