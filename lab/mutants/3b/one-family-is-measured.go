//go:build mutant

// The size of a region is that of its default family.
//
//lab:mutant 3B kv/raftstore
package raftstore

import "github.com/labkv/labkv/kv/engine"

func measureRegion(kv engine.Engine, within engine.Range, splitKey func([]byte) []byte) (size uint64, middle []byte, err error) {
	it, err := kv.Iterate(engine.CFDefault, within)
	if err != nil {
		return 0, nil, err
	}
	defer it.Close()
	_, middle, err = measureRegion_original(kv, within, splitKey)
	for it.Seek(within.Start); it.Valid(); it.Next() {
		size += uint64(len(it.Key()) + len(it.Value()))
	}
	return size, middle, err
}
