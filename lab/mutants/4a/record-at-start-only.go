//go:build mutant

// RecordOf looks at and below the start timestamp, where only rollbacks are. A
// transaction that has committed seems to have no record.
//
//lab:mutant 4A kv/transaction
package transaction

func (r *Reader) RecordOf(key []byte, startTS uint64) (*Record, error) {
	for record, err := range r.Records(key, startTS) {
		if err != nil {
			return nil, err
		}
		if record.StartTS == startTS {
			return record, nil
		}
		return nil, nil
	}
	return nil, nil
}
