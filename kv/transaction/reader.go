package transaction

import (
	"iter"
	"math"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

// A Reader shows locks, records and values of user keys in a view of a region. Its
// owner closes the view.
//
// An error of the view is returned, wherever a read meets it; it may be wrapped, as with
// errors.Annotate. So is data that makes no
// sense: a lock or a record that cannot be decoded, a record without its value. Neither
// is ever taken for something that is not there. A read leaves no iterator open, and costs a
// few reads of the view, however many versions a key has. Only what the answer depends on
// costs more: Rollback and Lock records above the version that is seen, and for RecordOf
// the records above the one that it finds. All of them are read, however many there are.
//
// What a read returns belongs to the caller, who may keep it and change it.
type Reader struct {
	view engine.Reader
}

// NewReader returns a reader of view. All that it returns is of the view's moment.
func NewReader(view engine.Reader) *Reader { return &Reader{view} }

// Lock returns the lock of key, or nil if there is none.
//
//lab:implement 4A
func (r *Reader) Lock(key []byte) (*Lock, error) {
	b, found, err := r.view.Get(engine.CFLock, EncodeKey(key))
	if err != nil || !found {
		return nil, err
	}
	return DecodeLock(b)
}

// Records returns the records of key that are stored at or below a timestamp, newest
// first. It reads no more of them than the caller asks for, and the caller may stop at any
// of them, or walk them again. An error ends them: it comes in the place of a record.
//
//lab:implement 4A
func (r *Reader) Records(key []byte, from uint64) iter.Seq2[*Record, error] {
	return func(yield func(*Record, error) bool) {
		it, err := r.view.Iterate(engine.CFWrite, versions(key, from))
		if err != nil {
			yield(nil, err)
			return
		}
		defer it.Close()
		for it.Seek(nil); it.Valid(); it.Next() {
			_, ts, err := DecodeVersion(it.Key())
			var record *Record
			if err == nil {
				record, err = DecodeRecord(it.Value(), ts)
			}
			if !yield(record, err) || err != nil {
				return
			}
		}
		// An iterator that met an error looks like one that came to the end.
		if err := it.Close(); err != nil {
			yield(nil, err)
		}
	}
}

// Visible returns the record of what a reader at a timestamp sees at key: the newest
// record at or below the timestamp that is a Put or a Del. Rollback and Lock changed
// nothing, and hide nothing. It returns nil if there is none.
//
//lab:implement 4A
func (r *Reader) Visible(key []byte, ts uint64) (*Record, error) {
	for record, err := range r.Records(key, ts) {
		if err != nil || record.Kind == kvrpcpb.Op_Put || record.Kind == kvrpcpb.Op_Del {
			return record, err
		}
	}
	return nil, nil
}

// Value returns the value of key that a reader at a timestamp sees. A key without one,
// or whose newest version is a deletion, is not an error: found is false. Locks are the
// caller's concern.
//
//lab:implement 4A
func (r *Reader) Value(key []byte, ts uint64) (value []byte, found bool, err error) {
	record, err := r.Visible(key, ts)
	if err != nil || record == nil || record.Kind == kvrpcpb.Op_Del {
		return nil, false, err
	}
	value, err = r.valueOf(key, record)
	return value, err == nil, err
}

// valueOf returns the value that a record of kind Put makes visible.
//
//lab:private
func (r *Reader) valueOf(key []byte, record *Record) ([]byte, error) {
	value, found, err := r.view.Get(engine.CFDefault, VersionKey(key, record.StartTS))
	if err == nil && !found {
		err = errors.Errorf("key %q is corrupt: committed at %d, and without the value of %d", key, record.CommitTS, record.StartTS)
	}
	return value, err
}

// RecordOf returns the record of the transaction that started at startTS, or nil if it
// has none at key. A record is not stored at its start timestamp, unless it is a
// Rollback, but above, under any number of later records. The records below startTS are
// not worth a look.
//
//lab:implement 4A
func (r *Reader) RecordOf(key []byte, startTS uint64) (*Record, error) {
	for record, err := range r.Records(key, math.MaxUint64) {
		switch {
		case err != nil:
			return nil, err
		case record.StartTS == startTS:
			return record, nil
		case record.CommitTS < startTS:
			return nil, nil // no transaction commits before it starts
		}
	}
	return nil, nil
}
