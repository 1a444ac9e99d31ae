//go:build mutant

// A lock that cannot be decoded counts as none: the key looks free.
//
//lab:mutant 4A kv/transaction
package transaction

import (
	"github.com/labkv/labkv/kv/engine"
)

func (r *Reader) Lock(key []byte) (*Lock, error) {
	b, found, err := r.view.Get(engine.CFLock, EncodeKey(key))
	if err != nil || !found {
		return nil, err
	}
	lock, err := DecodeLock(b)
	if err != nil {
		return nil, nil
	}
	return lock, nil
}
