package replicated

import (
	"context"
	"sync/atomic"

	"github.com/labkv/labkv/kv/raftstore"
)

// A call waits for the result of a command, which comes exactly once, and maybe
// too late.
type call struct {
	result chan raftstore.Result
	// state decides between a result and a caller who gives up.
	state atomic.Int32
}

const (
	waiting = iota
	answered
	abandoned
)

func newCall() *call { return &call{result: make(chan raftstore.Result, 1)} }

// done takes the result. It does not block.
func (c *call) done(r raftstore.Result) {
	switch {
	case c.state.CompareAndSwap(waiting, answered):
		c.result <- r
	case r.Snapshot != nil:
		// Nobody wants it any more, and only who has it can release it.
		_ = r.Snapshot.Close()
	}
}

// wait returns the result, or ctx.Err() if ctx ends first.
func (c *call) wait(ctx context.Context) (raftstore.Result, error) {
	select {
	case r := <-c.result:
		return r, nil
	case <-ctx.Done():
		if c.state.CompareAndSwap(waiting, abandoned) {
			return raftstore.Result{}, ctx.Err()
		}
		return <-c.result, nil
	}
}
