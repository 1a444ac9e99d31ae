//go:build mutant

// A command whose context ends while it waits stays in the queues. When its turn
// comes, it has the keys and never gives them back.
//
//lab:mutant 4B kv/transaction
package transaction

import (
	"context"
)

func (l *Latches) Acquire(ctx context.Context, keys [][]byte) (release func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	h := &holder{ready: make(chan struct{})}
	names := l.enqueue(h, keys)
	select {
	case <-h.ready:
		return func() { l.leave(h, names) }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
