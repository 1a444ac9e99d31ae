//go:build mutant

// Records reads all records of the key before it hands out the first. A key that is
// written often becomes slower with each write.
//
//lab:mutant 4A kv/transaction
package transaction

import (
	"iter"
)

func (r *Reader) Records(key []byte, from uint64) iter.Seq2[*Record, error] {
	return func(yield func(*Record, error) bool) {
		var all []*Record
		for record, err := range r.Records_original(key, from) {
			if err != nil {
				yield(nil, err)
				return
			}
			all = append(all, record)
		}
		for _, record := range all {
			if !yield(record, nil) {
				return
			}
		}
	}
}
