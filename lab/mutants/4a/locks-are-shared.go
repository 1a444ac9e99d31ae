//go:build mutant

// Lock keeps decoded locks by their bytes, so that none is decoded twice, and its
// callers share them. A heart beat changes the time to live of the lock that it
// has read. If its write is refused, the next status check finds a time to live
// that is not stored. And the map grows with each lock there ever was.
//
//lab:mutant 4A kv/transaction
package transaction

import (
	"sync"

	"github.com/labkv/labkv/kv/engine"
)

func (r *Reader) Lock(key []byte) (*Lock, error) {
	b, found, err := r.view.Get(engine.CFLock, EncodeKey(key))
	if err != nil || !found {
		return nil, err
	}
	if l, ok := decoded.Load(string(b)); ok {
		return l.(*Lock), nil
	}
	l, err := DecodeLock(b)
	if err == nil {
		decoded.Store(string(b), l)
	}
	return l, err
}

var decoded sync.Map
