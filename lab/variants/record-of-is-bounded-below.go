//go:build variant

// RecordOf looks for a Rollback at the start timestamp, and then walks what is above it,
// with an iterator that ends there. Prewrite asks it first, and then for what is above the
// start, so that no command reads a record below. The comments on RecordOf and Prewrite say
// that those decide nothing.
//
//lab:variant kv/transaction 4A 4B 4C kv/server
package transaction

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (r *Reader) RecordOf(key []byte, startTS uint64) (*Record, error) {
	b, found, err := r.view.Get(engine.CFWrite, VersionKey(key, startTS))
	if err != nil {
		return nil, err
	}
	if found {
		record, err := DecodeRecord(b, startTS)
		if err != nil || record.StartTS == startTS {
			return record, err
		}
	}
	return firstAbove(r, key, startTS, func(record *Record) bool { return record.StartTS == startTS })
}

// firstAbove returns the newest record of key above a timestamp that is good, or nil.
func firstAbove(r *Reader, key []byte, ts uint64, good func(*Record) bool) (*Record, error) {
	it, err := r.view.Iterate(engine.CFWrite, engine.Range{Start: VersionKey(key, maxTS), End: VersionKey(key, ts)})
	if err != nil {
		return nil, err
	}
	defer it.Close()
	for it.Seek(nil); it.Valid(); it.Next() {
		_, at, err := DecodeVersion(it.Key())
		if err != nil {
			return nil, err
		}
		record, err := DecodeRecord(it.Value(), at)
		if err != nil || good(record) {
			return record, err
		}
	}
	return nil, it.Close()
}

func (r *Reader) obstacle(req *kvrpcpb.PrewriteRequest, key []byte) (obstacle *kvrpcpb.KeyError, held bool, err error) {
	lock, err := r.Lock(key)
	if err != nil {
		return nil, false, err
	}
	if lock != nil && lock.StartTS == req.StartVersion {
		return nil, true, nil
	}
	own, err := r.RecordOf(key, req.StartVersion)
	switch {
	case err != nil:
		return nil, false, err
	case own != nil && own.Kind == kvrpcpb.Op_Rollback:
		return aborted(key, req.StartVersion), false, nil
	case own != nil:
		return &kvrpcpb.KeyError{Retryable: "the transaction is committed already"}, false, nil
	}
	other, err := firstAbove(r, key, req.StartVersion-1, func(record *Record) bool { return record.Kind != kvrpcpb.Op_Rollback })
	switch {
	case err != nil:
		return nil, false, err
	case other != nil:
		return &kvrpcpb.KeyError{Conflict: &kvrpcpb.WriteConflict{StartTs: req.StartVersion, ConflictTs: other.CommitTS, Key: key}}, false, nil
	case lock != nil:
		return &kvrpcpb.KeyError{Locked: lock.Info(key)}, false, nil
	}
	return nil, false, nil
}
