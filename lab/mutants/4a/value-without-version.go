//go:build mutant

// PutValue stores values under the key alone: a new value takes the place of the one
// that older readers need.
//
//lab:mutant 4A kv/transaction
package transaction

import (
	"github.com/labkv/labkv/kv/engine"
)

func (w *Writer) PutValue(key []byte, startTS uint64, value []byte) {
	w.ops = append(w.ops, engine.Op{CF: engine.CFDefault, Key: EncodeKey(key), Value: value})
}
