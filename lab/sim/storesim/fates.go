package storesim

import (
	"fmt"
	"sync"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/lab/check"
)

// RuleTrueAnswers is the rule of fates.
const RuleTrueAnswers = "a write that is answered as done was applied, and one that is refused never is"

// fates compares what stores answer to writes with what they write. It sees what a
// client may no longer hear, because it gave up. Clients write no value twice to
// a key, so that a put is known by its key and value.
type fates struct {
	mu sync.Mutex
	// puts are those that some store has applied, and refusals the answers to
	// those that were refused, by their contributions.
	puts     map[uint64]bool
	refusals map[uint64]string
	bad      *check.Violation
}

func newFates() fates { return fates{puts: map[uint64]bool{}, refusals: map[uint64]string{}} }

// applied notes that a store has written a put to its data.
func (f *fates) applied(put uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.puts[put] = true
	if refusal := f.refusals[put]; refusal != "" {
		f.fail(refusal + ", and was applied after that")
	}
}

// answered notes how a store answers a command: done, or refused, or neither, which
// says nothing.
func (f *fates) answered(store uint64, ops []engine.Op, done bool, refusal *region.Error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, w := range ops {
		if w.Delete {
			continue
		}
		put := contribution(place{w.CF, string(w.Key)}, w.Value)
		switch {
		case done && !f.puts[put]:
			f.fail(fmt.Sprintf("store %d answers that the put of %q to key %q is done, but no store has applied it", store, shortened(string(w.Value)), w.Key))
		case refusal != nil:
			text := fmt.Sprintf("the put of %q to key %q was refused on store %d (%s)", shortened(string(w.Value)), w.Key, store, refusal.Err.GetMessage())
			f.refusals[put] = text
			if f.puts[put] {
				f.fail(text + ", although it was applied before")
			}
		}
	}
}

func (f *fates) fail(found string) {
	if f.bad == nil {
		f.bad = &check.Violation{Rule: RuleTrueAnswers, Found: found}
	}
}

// violation returns the first violation, or nil.
func (f *fates) violation() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.bad == nil {
		return nil
	}
	return f.bad
}
