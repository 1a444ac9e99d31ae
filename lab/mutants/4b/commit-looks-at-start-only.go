//go:build mutant

// Commit looks for its record at the start timestamp, where only a rollback can be.
// One that comes again is told that the transaction was never prewritten.
//
//lab:mutant 4B kv/transaction
package transaction

import (
	"fmt"

	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (r *Reader) commit(w *Writer, key []byte, startTS, commitTS uint64) (*kvrpcpb.KeyError, error) {
	lock, err := r.Lock(key)
	if err != nil {
		return nil, err
	}
	if lock != nil && lock.StartTS == startTS {
		w.commit(key, lock, commitTS)
		return nil, nil
	}
	record, err := recordAt(r, key, startTS)
	switch {
	case err != nil:
		return nil, err
	case record == nil:
		return &kvrpcpb.KeyError{Retryable: fmt.Sprintf("the transaction of %d has not locked key %q", startTS, key)}, nil
	case record.Kind == kvrpcpb.Op_Rollback:
		return aborted(key, startTS), nil
	}
	return nil, nil
}

func recordAt(r *Reader, key []byte, ts uint64) (*Record, error) {
	for record, err := range r.Records(key, ts) {
		if err == nil && record.CommitTS == ts {
			return record, nil
		}
		return nil, err
	}
	return nil, nil
}
