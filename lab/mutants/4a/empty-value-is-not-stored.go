//go:build mutant

// PutValue stores nothing for an empty value. The record that comes later has no
// value then.
//
//lab:mutant 4A kv/transaction
package transaction

func (w *Writer) PutValue(key []byte, startTS uint64, value []byte) {
	if len(value) > 0 {
		w.PutValue_original(key, startTS, value)
	}
}
