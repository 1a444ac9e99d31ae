//go:build mutant

// Lock takes a key without a lock for an error.
//
//lab:mutant 4A kv/transaction
package transaction

import (
	"github.com/pingcap/errors"

	"github.com/labkv/labkv/kv/engine"
)

func (r *Reader) Lock(key []byte) (*Lock, error) {
	b, found, err := r.view.Get(engine.CFLock, EncodeKey(key))
	if err == nil && !found {
		err = errors.Errorf("key %q has no lock", key)
	}
	if err != nil {
		return nil, err
	}
	return DecodeLock(b)
}
