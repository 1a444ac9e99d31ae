//go:build mutant

// PutRecord drops an earlier write to the same key, since the later one counts,
// and does not compare the families. The value of a transaction and the record of
// its rollback have the same key: a rollback leaves the value, forever.
//
//lab:mutant 4A kv/transaction
package transaction

import (
	"github.com/labkv/labkv/kv/engine"
)

func (w *Writer) PutRecord(key []byte, record *Record) {
	for i, op := range w.ops {
		if string(op.Key) == string(VersionKey(key, record.CommitTS)) {
			w.ops = append(w.ops[:i:i], w.ops[i+1:]...)
			break
		}
	}
	w.ops = append(w.ops, engine.Op{CF: engine.CFWrite, Key: VersionKey(key, record.CommitTS), Value: record.Encode()})
}
