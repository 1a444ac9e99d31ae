//go:build mutant

// DeleteLock stores an empty lock instead of removing the lock.
//
//lab:mutant 4A kv/transaction
package transaction

import (
	"github.com/labkv/labkv/kv/engine"
)

func (w *Writer) DeleteLock(key []byte) {
	w.ops = append(w.ops, engine.Op{CF: engine.CFLock, Key: EncodeKey(key)})
}
