//go:build mutant

// A committed key is skipped without an error. The client believes that the transaction
// has never happened, and readers see it.
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
	case record == nil:
		w.rollBack(key, startTS, nil)

	}
	return nil, nil
}
