//go:build mutant

// RecordOf reads all records of the key, also the ones that were committed before the
// transaction began.
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
	}
	return nil, nil
}
