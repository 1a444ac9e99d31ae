//go:build mutant

// An iterator of a view begins with the first key of the engine, and passes
// over the keys of other regions. A scan of a region takes the longer, the more
// data the store has of others.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"bytes"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/region"
)

type passingOver struct {
	engine.Iterator
	start []byte
}

func (it passingOver) Seek(key []byte) {
	if bytes.Compare(key, it.start) < 0 {
		key = it.start
	}
	for it.Iterator.Seek(nil); it.Valid() && bytes.Compare(it.Key(), key) < 0; {
		it.Next()
	}
}

func (v *view) Iterate(cf engine.CF, within engine.Range) (engine.Iterator, error) {
	it, err := v.Iterate_original(cf, within)
	if err != nil {
		return nil, err
	}
	if err := it.Close(); err != nil {
		return nil, err
	}
	r := region.Range(v.region).Intersect(within)
	all, err := v.Snapshot.Iterate(cf, engine.Range{End: r.End})
	return passingOver{all, r.Start}, err
}
