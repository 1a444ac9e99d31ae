//go:build variant

// Records reads four records ahead into a slice, and closes its iterator before it
// hands out the first. The comment on Records bounds what is read, and leaves free
// how it is handed out.
//
//lab:variant kv/transaction 4A 4B 4C
package transaction

import (
	"iter"

	"github.com/labkv/labkv/kv/engine"
)

func (r *Reader) Records(key []byte, from uint64) iter.Seq2[*Record, error] {
	return func(yield func(*Record, error) bool) {
		for ts := from; ; {
			some, err := some(r, key, ts)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, record := range some {
				if !yield(record, nil) {
					return
				}
			}
			if len(some) < atOnce {
				return
			}
			ts = some[atOnce-1].CommitTS - 1
		}
	}
}

const atOnce = 4

// some returns the newest records of key at or below a timestamp.
func some(r *Reader, key []byte, from uint64) (records []*Record, err error) {
	it, err := r.view.Iterate(engine.CFWrite, versions(key, from))
	if err != nil {
		return nil, err
	}
	defer it.Close()
	for it.Seek(nil); it.Valid(); it.Next() {
		_, ts, err := DecodeVersion(it.Key())
		if err != nil {
			return nil, err
		}
		record, err := DecodeRecord(it.Value(), ts)
		if err != nil {
			return nil, err
		}
		if records = append(records, record); len(records) == atOnce {
			break
		}
	}
	return records, it.Close()
}
