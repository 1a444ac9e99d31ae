//go:build mutant

// PutRecord stores a record at the start timestamp: readers between start and commit
// see it, and the commit timestamp is lost.
//
//lab:mutant 4A kv/transaction
package transaction

import (
	"github.com/labkv/labkv/kv/engine"
)

func (w *Writer) PutRecord(key []byte, record *Record) {
	w.ops = append(w.ops, engine.Op{CF: engine.CFWrite, Key: VersionKey(key, record.StartTS), Value: record.Encode()})
}
