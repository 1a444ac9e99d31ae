//go:build mutant

// A key whose value is empty counts as one that is not there.
//
//lab:mutant 4A kv/transaction
package transaction

func (r *Reader) Value(key []byte, ts uint64) (value []byte, found bool, err error) {
	value, _, err = r.Value_original(key, ts)
	return value, len(value) > 0, err
}
