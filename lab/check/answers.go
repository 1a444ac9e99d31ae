package check

import (
	"fmt"
	"sync"
)

// RuleAnswers is the rule of Answers.
const RuleAnswers = "each request is answered exactly once"

// Answers watches that each request is answered exactly once. The zero Answers
// is ready for use. Its methods may be called from several goroutines.
type Answers struct {
	mu   sync.Mutex
	next uint64
	open map[uint64]string
	bad  *Violation
}

// Expect notes a request, and returns what is to be called with its answer.
func (a *Answers) Expect(request string) (answered func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.open == nil {
		a.open = map[uint64]string{}
	}
	a.next++
	n := a.next
	a.open[n] = request
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		if _, ok := a.open[n]; !ok && a.bad == nil {
			a.bad = &Violation{Rule: RuleAnswers, Found: fmt.Sprintf("%s was answered twice", request)}
		}
		delete(a.open, n)
	}
}

// Violation returns the *Violation of a request that was answered twice, or nil.
func (a *Answers) Violation() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.bad == nil {
		return nil
	}
	return a.bad
}

// Open returns the number of requests that were not answered yet, and the oldest
// of them.
func (a *Answers) Open() (n int, oldest string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	first := uint64(0)
	for id := range a.open {
		if first == 0 || id < first {
			first = id
		}
	}
	return len(a.open), a.open[first]
}
