//go:build mutant

// The range of Records has no end, and nothing compares the keys. After the records
// of the key come the ones of the next key.
//
//lab:mutant 4A kv/transaction
package transaction

import (
	"iter"

	"github.com/labkv/labkv/kv/engine"
)

func (r *Reader) Records(key []byte, from uint64) iter.Seq2[*Record, error] {
	return func(yield func(*Record, error) bool) {
		it, err := r.view.Iterate(engine.CFWrite, engine.Range{Start: VersionKey(key, from)})
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
		if err := it.Close(); err != nil {
			yield(nil, err)
		}
	}
}
