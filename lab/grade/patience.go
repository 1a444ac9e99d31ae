package grade

import (
	"fmt"
	"sync"

	"github.com/labkv/labkv/lab/course"
)

// patience ends the tests of a package after a number of them have timed out: an endless
// loop would otherwise cost the budget of each.
//
// Which verdicts this changes depends on the order of the course alone: a test has none of
// its own if that many tests before it, in its package, have timed out. Whether it has run
// by then, beside them, makes no difference.
type patience struct {
	limit int // 0: endless
	place map[*course.Test]int

	mu       sync.Mutex
	timedOut map[string][]*course.Test // by package
}

// newPatience returns the patience with tests, which are in the order of the course.
func newPatience(tests []*course.Test, limit int) *patience {
	p := &patience{limit: limit, place: map[*course.Test]int{}, timedOut: map[string][]*course.Test{}}
	for i, test := range tests {
		p.place[test] = i
	}
	return p
}

// note notes the verdict on a test, which may be nil if there is none yet. It may be called
// more than once with the same.
func (p *patience) note(result *Result) {
	if result == nil || result.Status != TimedOut {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	all := p.timedOut[result.Test.Package]
	for _, test := range all {
		if test == result.Test {
			return
		}
	}
	p.timedOut[result.Test.Package] = append(all, result.Test)
}

// isOver reports whether so many tests before this one are known to time out that it need
// not run.
func (p *patience) isOver(test *course.Test) bool {
	if p.limit == 0 {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	before := 0
	for _, other := range p.timedOut[test.Package] {
		if p.place[other] < p.place[test] {
			before++
		}
	}
	return before >= p.limit
}

// result is the verdict on a test for which patience is over.
func (p *patience) result(test *course.Test) *Result {
	return &Result{Test: test, Status: TimedOut, Reason: fmt.Sprintf("not run: %d tests of %s before it have timed out", p.limit, test.Package)}
}
