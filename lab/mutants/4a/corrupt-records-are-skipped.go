//go:build mutant

// A record that cannot be decoded is passed over, with a version that a reader should
// have seen.
//
//lab:mutant 4A kv/transaction
package transaction

import (
	"iter"

	"github.com/labkv/labkv/kv/engine"
)

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
			if err != nil {
				continue
			}
			if !yield(record, nil) {
				return
			}
		}
		if err := it.Close(); err != nil {
			yield(nil, err)
		}
	}
}
