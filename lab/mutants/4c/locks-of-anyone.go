//go:build mutant

// LocksOf returns all locks of the region.
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
		_ = lock
		key, _, err := DecodeKey(it.Key())
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, it.Close()
}
