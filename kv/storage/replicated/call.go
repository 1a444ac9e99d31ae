package replicated

import (
	"context"
	"sync/atomic"
)

// A call waits for the answer to a request. The answer comes exactly once,
// maybe after the caller has given up.
type call[T any] struct {
	answers chan answer[T]
	// state leaves waiting once: for answered if the answer comes first,
	// for abandoned if the caller gives up first.
	state atomic.Int32
	// dispose gets a value without an error that comes after the caller has
	// given up. It may be nil.
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

// answer gives the answer to the caller. It does not block.
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
