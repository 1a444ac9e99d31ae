//go:build mutant

// Records closes its iterator only when it comes to the end. A caller that stops
// early leaves it open.
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
