//go:build mutant

// Lock looks for the key as the user has written it, and PutLock stores the encoded
// one.
//
//lab:mutant 4A kv/transaction
package transaction

import (
	"github.com/labkv/labkv/kv/engine"
)

func (r *Reader) Lock(key []byte) (*Lock, error) {
	b, found, err := r.view.Get(engine.CFLock, key)
	if err != nil || !found {
		return nil, err
	}
	return DecodeLock(b)
}
