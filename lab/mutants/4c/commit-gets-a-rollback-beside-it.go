//go:build mutant

// Whether the transaction has committed is not looked at: its key gets the record of a
// rollback, too. Then it is both, and each client finds another one.
//
//lab:mutant 4C kv/transaction
package transaction

import "github.com/labkv/labkv/proto/kvrpcpb"

func (r *Reader) rollBack(w *Writer, key []byte, startTS uint64) (*kvrpcpb.KeyError, error) {
	lock, err := r.Lock(key)
	if err != nil {
		return nil, err
	}
	if lock != nil && lock.StartTS == startTS {
		w.rollBack(key, startTS, lock)
		return nil, nil
	}
	record, err := r.RecordOf(key, startTS)
	switch {
	case err != nil:
		return nil, err
	case record == nil || record.Kind != kvrpcpb.Op_Rollback:
		w.rollBack(key, startTS, nil)

	}
	return nil, nil
}
