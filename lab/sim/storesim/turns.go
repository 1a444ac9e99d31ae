package storesim

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/labkv/labkv/lab/check"
)

// turns are the requests that handlers have for their store, until the store's next pass.
// Several handlers that one pass has woken run side by side, and which of them comes first
// must not matter: so the requests are handed over in the order of the calls that they
// belong to.
type turns struct {
	mu      sync.Mutex
	waiting []turn
	over    bool // the store is closed: it answers each request at once
	// any is whether there are requests that wait, for a look without the lock.
	any atomic.Bool
}

type turn struct {
	command check.Command
	submit  func()
}

// wait makes submit happen before the store's next pass.
func (t *turns) wait(command check.Command, submit func()) {
	t.mu.Lock()
	over := t.over
	if !over {
		t.waiting = append(t.waiting, turn{command, submit})
		t.any.Store(true)
	}
	t.mu.Unlock()
	if over {
		submit()
	}
}

// come hands over all requests that wait. No handler runs meanwhile.
func (t *turns) come() {
	if !t.any.Load() {
		return
	}
	t.mu.Lock()
	t.any.Store(false)
	now := t.waiting
	t.waiting = nil
	t.mu.Unlock()
	slices.SortStableFunc(now, func(a, b turn) int {
		return cmp.Or(cmp.Compare(a.command.Client, b.command.Client), cmp.Compare(a.command.N, b.command.N))
	})
	for _, turn := range now {
		turn.submit()
	}
}

// end hands over what waits, and makes later requests wait no longer.
func (t *turns) end() {
	t.come()
	t.mu.Lock()
	t.over = true
	t.mu.Unlock()
	t.come() // what has come in between
}
