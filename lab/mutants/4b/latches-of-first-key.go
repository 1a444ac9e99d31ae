//go:build mutant

// Acquire takes the first key only. Commands that share another one do not meet.
//
//lab:mutant 4B kv/transaction
package transaction

import (
	"context"
)

func (l *Latches) Acquire(ctx context.Context, keys [][]byte) (release func(), err error) {
	return l.Acquire_original(ctx, keys[:min(len(keys), 1)])
}
