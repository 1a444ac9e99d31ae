//go:build mutant

// LocksOf returns keys in the form in which they are stored, which encodes them once
// more where they are used.
//
//lab:mutant 4C kv/transaction
package transaction

func LocksOf(r *Reader, startTS uint64, limit int) ([][]byte, error) {
	keys, err := LocksOf_original(r, startTS, limit)
	for i, key := range keys {
		keys[i] = EncodeKey(key)
	}
	return keys, err
}
