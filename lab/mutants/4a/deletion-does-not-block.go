//go:build mutant

// Only a lock of kind Put is in the way: a reader sees the old value while the
// deletion may be committed already.
//
//lab:mutant 4A kv/transaction
package transaction

import (
	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (l *Lock) Blocks(ts uint64) bool { return l.StartTS <= ts && l.Kind == kvrpcpb.Op_Put }
