//go:build variant

// The lock of a key is found with an iterator, and not with Get. No comment says with
// which methods of its view a Reader reads.
//
//lab:variant kv/transaction 4A 4B kv/server
package transaction

import "github.com/labkv/labkv/kv/engine"

func (r *Reader) Lock(key []byte) (lock *Lock, err error) {
	at := EncodeKey(key)
	it, err := r.view.Iterate(engine.CFLock, engine.Range{Start: at, End: append(at[:len(at):len(at)], 0)})
	if err != nil {
		return nil, err
	}
	defer it.Close()
	if it.Seek(nil); it.Valid() {
		lock, err = DecodeLock(it.Value())
	}
	if err == nil {
		err = it.Close()
	}
	if err != nil {
		return nil, err
	}
	return lock, nil
}
