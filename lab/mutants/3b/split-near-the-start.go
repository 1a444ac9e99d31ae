//go:build mutant

// A region that is too large is split at its second key.
//
//lab:mutant 3B kv/raftstore
package raftstore

import "github.com/labkv/labkv/kv/engine"

func measureRegion(kv engine.Engine, within engine.Range, splitKey func([]byte) []byte) (size uint64, middle []byte, err error) {
	if size, middle, err = measureRegion_original(kv, within, splitKey); err != nil || middle == nil {
		return size, middle, err
	}
	it, err := kv.Iterate(engine.CFDefault, within)
	if err != nil {
		return 0, nil, err
	}
	defer it.Close()
	it.Seek(within.Start)
	if it.Valid() {
		it.Next()
	}
	if it.Valid() {
		middle = append([]byte(nil), it.Key()...)
	}
	return size, middle, nil
}
