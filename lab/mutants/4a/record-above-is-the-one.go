//go:build mutant

// RecordOf returns the first record at or above the start timestamp that it meets
// from there, as if the next commit after a start belonged to it: it seeks the newest
// record and compares nothing.
//
//lab:mutant 4A kv/transaction
package transaction

import (
	"math"
)

func (r *Reader) RecordOf(key []byte, startTS uint64) (*Record, error) {
	var last *Record
	for record, err := range r.Records(key, math.MaxUint64) {
		if err != nil {
			return nil, err
		}
		if record.CommitTS < startTS {
			break
		}
		last = record
	}
	return last, nil
}
