//go:build mutant

// A lock is in the way of every reader, whenever its transaction has started. A
// reader of the past waits for a transaction that cannot change what it sees.
//
//lab:mutant 4A kv/transaction
package transaction

import (
	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (l *Lock) Blocks(ts uint64) bool { return l.Kind != kvrpcpb.Op_Lock }
