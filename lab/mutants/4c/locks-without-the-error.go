//go:build mutant

// An iterator that met an error looks like one that came to the end. LocksOf does not
// ask it, and returns half of the locks.
//
//lab:mutant 4C kv/transaction
package transaction

import "github.com/labkv/labkv/kv/engine"

func LocksOf(r *Reader, startTS uint64, limit int) ([][]byte, error) {
	it, err := r.view.Iterate(engine.CFLock, engine.Range{})
	if err != nil {
		return nil, err
	}
	defer it.Close()
	var keys [][]byte
	for it.Seek(nil); it.Valid() && len(keys) < limit; it.Next() {
		lock, err := DecodeLock(it.Value())
		if err != nil {
			return nil, err
		}
		if lock.StartTS != startTS {
			continue
		}
		key, _, err := DecodeKey(it.Key())
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, nil
}
