//go:build mutant

// RecordOf stops at the first record of a transaction that started earlier. Records
// are in the order of commits, and one that started earlier may have committed later.
//
//lab:mutant 4A kv/transaction
package transaction

import (
	"math"
)

func (r *Reader) RecordOf(key []byte, startTS uint64) (*Record, error) {
	for record, err := range r.Records(key, math.MaxUint64) {
		if err != nil {
			return nil, err
		}
		if record.StartTS == startTS {
			return record, nil
		}
		if record.StartTS < startTS {
			return nil, nil
		}
	}
	return nil, nil
}
