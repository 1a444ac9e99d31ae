package raftstore

import (
	"slices"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/metapb"
)

// A view shows the keys of one region in a snapshot of an engine that holds the
// keys of many, and none of the store's own records.
type view struct {
	engine.Snapshot
	region *metapb.Region
	term   uint64
}

// Term returns the term in which the read came. Only its leader serves the read: later
// leaders may have written what the view does not show.
func (v *view) Term() uint64 { return v.term }

// serve answers r with a view of the region as it is applied now. The region
// may have changed since r was submitted: then its client means another range
// than the view would show, and gets an error with the present region.
func (p *peer) serve(r *Read) {
	if err := region.Check(p.region(), r.Context.RegionEpoch); err != nil {
		r.Done(nil, err)
		return
	}
	snapshot, err := p.store.cfg.KVEngine.Snapshot()
	if err != nil {
		r.Done(nil, err)
		return
	}
	r.Done(&view{snapshot, p.region(), r.term}, nil)
}

// Get implements engine.Reader. The error for a key outside the region is a
// *region.Error: an answer that the key is absent could be wrong.
func (v *view) Get(cf engine.CF, key []byte) (value []byte, found bool, err error) {
	if err := checkFamily(cf); err != nil {
		return nil, false, err
	}
	if err := engine.CheckKey(key); err != nil {
		return nil, false, err
	}
	if !region.Range(v.region).Contains(key) {
		return nil, false, region.KeyNotInRegion(key, v.region)
	}
	return v.Snapshot.Get(cf, key)
}

// Iterate implements engine.Reader. The iterator never leaves the region, and
// begins with the region if within has no start. The error for a start outside
// the region is a *region.Error.
func (v *view) Iterate(cf engine.CF, within engine.Range) (engine.Iterator, error) {
	if err := checkFamily(cf); err != nil {
		return nil, err
	}
	keys := region.Range(v.region)
	if len(within.Start) > 0 && !keys.Contains(within.Start) {
		return nil, region.KeyNotInRegion(within.Start, v.region)
	}
	return v.Snapshot.Iterate(cf, keys.Intersect(within))
}

func checkFamily(cf engine.CF) error {
	if !slices.Contains(engine.Families, cf) {
		return &engine.UnknownFamilyError{CF: cf}
	}
	return nil
}
