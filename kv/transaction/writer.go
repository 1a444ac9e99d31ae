package transaction

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

// A Writer collects what a command changes. The zero Writer is empty and ready for use.
type Writer struct {
	ops []engine.Op
}

// Ops returns the writes, in the order in which they were added. The slice belongs to
// the writer.
func (w *Writer) Ops() []engine.Op { return w.ops }

// PutLock locks key.
//
//lab:implement 4A
func (w *Writer) PutLock(key []byte, lock *Lock) {
	w.ops = append(w.ops, engine.Op{CF: engine.CFLock, Key: EncodeKey(key), Value: lock.Encode()})
}

// DeleteLock unlocks key.
//
//lab:implement 4A
func (w *Writer) DeleteLock(key []byte) {
	w.ops = append(w.ops, engine.Op{CF: engine.CFLock, Key: EncodeKey(key), Delete: true})
}

// PutValue stores the value that the transaction of startTS writes to key. An empty value
// is a value.
//
//lab:implement 4A
func (w *Writer) PutValue(key []byte, startTS uint64, value []byte) {
	w.ops = append(w.ops, engine.Op{CF: engine.CFDefault, Key: VersionKey(key, startTS), Value: value})
}

// DeleteValue removes the value that the transaction of startTS has stored for key.
//
//lab:implement 4A
func (w *Writer) DeleteValue(key []byte, startTS uint64) {
	w.ops = append(w.ops, engine.Op{CF: engine.CFDefault, Key: VersionKey(key, startTS), Delete: true})
}

// PutRecord stores what became of a transaction at key, at record.CommitTS.
//
//lab:implement 4A
func (w *Writer) PutRecord(key []byte, record *Record) {
	w.ops = append(w.ops, engine.Op{CF: engine.CFWrite, Key: VersionKey(key, record.CommitTS), Value: record.Encode()})
}

// commit makes the write of a lock visible at commitTS.
//
//lab:private
func (w *Writer) commit(key []byte, lock *Lock, commitTS uint64) {
	w.PutRecord(key, &Record{StartTS: lock.StartTS, Kind: lock.Kind, CommitTS: commitTS})
	w.DeleteLock(key)
}

// rollBack makes sure that the transaction of startTS never commits key. lock is its lock,
// nil if it has none. The record stays, as a lock that comes late must meet it.
//
//lab:private
func (w *Writer) rollBack(key []byte, startTS uint64, lock *Lock) {
	if lock != nil {
		w.DeleteLock(key)
		if lock.Kind == kvrpcpb.Op_Put {
			w.DeleteValue(key, startTS)
		}
	}
	w.PutRecord(key, &Record{StartTS: startTS, Kind: kvrpcpb.Op_Rollback, CommitTS: startTS})
}
