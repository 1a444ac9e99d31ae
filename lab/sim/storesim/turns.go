package storesim

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
	"testing/synctest"

	"github.com/labkv/labkv/lab/check"
)

// turns give handlers their turns, in the order of the calls that they belong to. Several
// of them that the same pass of their store has answered would run side by side otherwise,
// and which of them gets a latch first, or asks the store for something, would be left to
// chance. So they get the answers one by one, and what they ask for then waits for the
// store's next pass.
type turns struct {
	mu       sync.Mutex
	requests []turn
	answers  []turn
	over     bool // the store is closed: nothing waits any longer
	// any is whether something waits, for a look without the lock.
	any atomic.Bool
}

// A turn is what happens when the handler of a call has its turn.
type turn struct {
	command check.Command
	take    func()
}

// ask makes submit happen at the store's next pass.
func (t *turns) ask(command check.Command, submit func()) {
	t.add(&t.requests, turn{command, submit})
}

// answer makes give happen at the end of the store's pass.
func (t *turns) answer(command check.Command, give func()) {
	t.add(&t.answers, turn{command, give})
}

func (t *turns) add(queue *[]turn, added turn) {
	t.mu.Lock()
	over := t.over
	if !over {
		*queue = append(*queue, added)
		t.any.Store(true)
	}
	t.mu.Unlock()
	if over {
		added.take()
	}
}

// submitRequests submits all requests that wait. No handler runs meanwhile.
func (t *turns) submitRequests() {
	for _, turn := range t.next(&t.requests) {
		turn.take()
	}
}

// giveAnswers gives all answers that wait, and reports whether there were any. A handler
// that gets one comes as far as it can before the next one gets its own.
func (t *turns) giveAnswers() bool {
	now := t.next(&t.answers)
	for i, turn := range now {
		if i > 0 {
			synctest.Wait()
		}
		turn.take()
	}
	return len(now) > 0
}

// next empties a queue, and returns what was in it in the order of the calls.
func (t *turns) next(queue *[]turn) []turn {
	if !t.any.Load() {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	now := *queue
	*queue = nil
	t.any.Store(len(t.requests)+len(t.answers) > 0)
	slices.SortStableFunc(now, func(a, b turn) int {
		return cmp.Or(cmp.Compare(a.command.Client, b.command.Client), cmp.Compare(a.command.N, b.command.N))
	})
	return now
}

// end lets everything happen that waits, and makes nothing wait any longer.
func (t *turns) end() {
	t.submitRequests()
	t.giveAnswers()
	t.mu.Lock()
	t.over = true
	t.mu.Unlock()
	t.submitRequests() // what has come in between
	t.giveAnswers()
}
