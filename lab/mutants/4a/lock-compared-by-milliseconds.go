//go:build mutant

// Blocks compares the physical parts of the timestamps, so that a lock is in the way
// of readers of the same millisecond that started before it.
//
//lab:mutant 4A kv/transaction
package transaction

import (
	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (l *Lock) Blocks(ts uint64) bool {
	return Physical(l.StartTS) <= Physical(ts) && l.Kind != kvrpcpb.Op_Lock
}
