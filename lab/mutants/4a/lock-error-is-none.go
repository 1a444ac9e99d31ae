//go:build mutant

// Lock drops the error of the engine: on a disk that fails, each key looks free.
//
//lab:mutant 4A kv/transaction
package transaction

import (
	"github.com/labkv/labkv/kv/engine"
)

func (r *Reader) Lock(key []byte) (*Lock, error) {
	b, found, _ := r.view.Get(engine.CFLock, EncodeKey(key))
	if !found {
		return nil, nil
	}
	return DecodeLock(b)
}
