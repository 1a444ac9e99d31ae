//go:build mutant

// Acquire does not look at its context: a command whose client has gone waits on, and
// is carried out.
//
//lab:mutant 4B kv/transaction
package transaction

import (
	"context"
)

func (l *Latches) Acquire(ctx context.Context, keys [][]byte) (release func(), err error) {
	return l.Acquire_original(context.WithoutCancel(ctx), keys)
}
