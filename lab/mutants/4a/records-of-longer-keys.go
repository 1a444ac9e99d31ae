//go:build mutant

// Records goes on while the key of the engine begins with the user key, which longer
// keys do, too: the versions of "abcdefgh" end among the ones of "abcdefghi".
//
//lab:mutant 4A kv/transaction
package transaction

import (
	"bytes"
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
			user, ts, err := DecodeVersion(it.Key())
			if err == nil && !bytes.HasPrefix(user, key) {
				return
			}
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
