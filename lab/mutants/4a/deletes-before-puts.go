//go:build mutant

// Ops returns deletions first, as if the order of writes did not matter.
//
//lab:mutant 4A kv/transaction
package transaction

import (
	"github.com/labkv/labkv/kv/engine"
)

func (w *Writer) Ops() []engine.Op {
	var deletes, puts []engine.Op
	for _, op := range w.ops {
		if op.Delete {
			deletes = append(deletes, op)
		} else {
			puts = append(puts, op)
		}
	}
	return append(deletes, puts...)
}
