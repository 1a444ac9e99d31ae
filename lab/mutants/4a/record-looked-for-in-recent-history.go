//go:build mutant

// RecordOf looks at a hundred records and gives up. A transaction commits, its
// client does not hear of it, and asks again when the key has been written a
// hundred times more: it is told that it never locked the key. A status check
// even takes a committed transaction for one that never came.
//
//lab:mutant 4A kv/transaction
package transaction

import (
	"math"
)

func (r *Reader) RecordOf(key []byte, startTS uint64) (*Record, error) {
	seen := 0
	for record, err := range r.Records(key, math.MaxUint64) {
		if seen++; seen > 100 {
			break
		}
		switch {
		case err != nil:
			return nil, err
		case record.StartTS == startTS:
			return record, nil
		case record.CommitTS < startTS:
			return nil, nil // no transaction commits before it starts
		}
	}
	return nil, nil
}
