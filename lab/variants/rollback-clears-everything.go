//go:build variant

// A rollback deletes the value of the transaction whatever the kind of its lock, and puts
// the record first: the writes of a command are applied as a whole, so neither order nor
// a delete of what is not there makes a difference.
//
//lab:variant kv/transaction 4C
package transaction

import "github.com/labkv/labkv/proto/kvrpcpb"

func (w *Writer) rollBack(key []byte, startTS uint64, lock *Lock) {
	w.PutRecord(key, &Record{StartTS: startTS, Kind: kvrpcpb.Op_Rollback, CommitTS: startTS})
	w.DeleteValue(key, startTS)
	if lock != nil {
		w.DeleteLock(key)
	}
}
