//go:build mutant

// PutLock stores a lock under its start timestamp, like a version. Neither Lock nor
// another transaction finds it.
//
//lab:mutant 4A kv/transaction
package transaction

import (
	"github.com/labkv/labkv/kv/engine"
)

func (w *Writer) PutLock(key []byte, lock *Lock) {
	w.ops = append(w.ops, engine.Op{CF: engine.CFLock, Key: VersionKey(key, lock.StartTS), Value: lock.Encode()})
}
