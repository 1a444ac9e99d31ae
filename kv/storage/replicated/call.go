package replicated

import (
	"context"
	"sync/atomic"
)

// A call waits for the answer to a request, which comes exactly once, and maybe
// too late.
type call[T any] struct {
	answers chan answer[T]
	// state decides between the answer and a caller that gives up.
	state atomic.Int32
	// dispose gets a value without an error that comes too late; it may be nil.
	dispose func(T)
}

type answer[T any] struct {
	value T
	err   error
}

const (
	waiting = iota
	answered
	abandoned
)

func newCall[T any]() *call[T] { return &call[T]{answers: make(chan answer[T], 1)} }

// answer takes the answer. It does not block.
func (c *call[T]) answer(value T, err error) {
	switch {
	case c.state.CompareAndSwap(waiting, answered):
		c.answers <- answer[T]{value, err}
	case err == nil && c.dispose != nil:
		c.dispose(value)
	}
}

// wait returns the answer, or ctx.Err() if ctx ends first.
func (c *call[T]) wait(ctx context.Context) (T, error) {
	select {
	case a := <-c.answers:
		return a.value, a.err
	case <-ctx.Done():
		if c.state.CompareAndSwap(waiting, abandoned) {
			var none T
			return none, ctx.Err()
		}
		a := <-c.answers
		return a.value, a.err
	}
}
