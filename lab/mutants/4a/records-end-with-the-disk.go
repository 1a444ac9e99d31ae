//go:build mutant

// Records does not look at what the Close of its iterator returns. A disk that fails
// looks like a key without further records.
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
			if !yield(record, err) || err != nil {
				return
			}
		}

	}
}
