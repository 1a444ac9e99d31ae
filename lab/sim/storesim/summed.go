package storesim

import (
	"cmp"
	"fmt"
	"hash/maphash"
	"maps"
	"slices"
	"sync"

	"github.com/tidwall/btree"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/engine/memory"
	"github.com/labkv/labkv/kv/raftstore"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

// A summed engine keeps a sum of the data of each region that is in it, whatever
// their order: two engines with the same data have the same sums. Which keys are a
// region's it learns from the records of the regions, which change in one batch with
// the data: so the sum at an applied index is about the keys that the region had then.
//
// What each key contributes is kept in the order of the keys. When the keys of a region
// change, as in a split, its new sum is that of a range. A sum is a sum of integers, so
// that all that is put or removed in between is one addition.
type summed struct {
	*memory.Engine
	// wrote is told of every put, by what it contributes; told is told of every
	// batch, and of the states of regions in it; synced is told whenever everything
	// is durable.
	wrote  func(contribution uint64)
	told   func(b *engine.Batch, states []*raftserverpb.RegionState)
	synced func()

	mu sync.Mutex
	// data is what each key contributes, in the order of the keys.
	data *btree.BTreeG[item]
	// states are the records of the regions. They are replaced, never changed.
	states map[uint64]*raftserverpb.RegionState
	// sums are the sums of the regions that have a peer here, with data, and live
	// are these regions.
	sums map[uint64]uint64
	live region.Map
	// stale is set if the sums are not known, because a write failed or
	// removed a range.
	stale bool
}

type place struct {
	cf  engine.CF
	key string
}

type item struct {
	place
	contributes uint64
}

func (a item) less(b item) bool {
	return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.cf, b.cf)) < 0
}

func newSummed(e *memory.Engine, wrote func(uint64), told func(*engine.Batch, []*raftserverpb.RegionState), synced func()) (*summed, error) {
	s := &summed{Engine: e, wrote: wrote, told: told, synced: synced}
	return s, s.add()
}

// add reads everything. If it cannot, what was known stays.
func (s *summed) add() (err error) {
	data, states, sums, live := s.data, s.states, s.sums, s.live
	defer func() {
		if err != nil {
			s.data, s.states, s.sums, s.live = data, states, sums, live
		}
	}()
	s.data = btree.NewBTreeGOptions(item.less, btree.Options{NoLocks: true})
	s.states, s.sums, s.live, s.stale = map[uint64]*raftserverpb.RegionState{}, map[uint64]uint64{}, region.Map{}, false
	for _, cf := range raftstore.KVFamilies {
		it, err := s.Iterate(cf, engine.Range{})
		if err != nil {
			return err
		}
		for it.Seek(nil); it.Valid(); it.Next() {
			op := engine.Op{CF: cf, Key: it.Key(), Value: it.Value()}
			if slices.Contains(engine.Families, cf) {
				s.put(place{cf, string(op.Key)}, op.Value)
			} else if state, ok := raftstore.ParseRegionState(op); ok && state.Region != nil {
				s.states[state.Region.Id] = state
			}
		}
		if err := it.Close(); err != nil {
			return err
		}
	}
	for _, id := range slices.Sorted(maps.Keys(s.states)) {
		if r := s.states[id].Region; isHere(s.states[id]) {
			s.live.Insert(r)
			s.sums[id] = s.sum(r)
		}
	}
	return nil
}

// isHere reports whether a state is that of a peer with data.
func isHere(state *raftserverpb.RegionState) bool {
	return state != nil && !state.Tombstone && state.Region.GetRegionEpoch() != nil
}

// sum returns what the keys of r contribute.
func (s *summed) sum(r *metapb.Region) uint64 {
	total, keys := uint64(0), region.Range(r)
	s.data.Ascend(item{place: place{key: string(keys.Start)}}, func(i item) bool {
		if !keys.Contains([]byte(i.key)) {
			return false
		}
		total += i.contributes
		return true
	})
	return total
}

// seed is the same for all engines of a process: nothing that it changes shows.
var seed = maphash.MakeSeed()

// contribution is what a key with its value adds to a sum.
func contribution(at place, value []byte) uint64 {
	h := maphash.Comparable(seed, at) ^ maphash.Bytes(seed, value)*0x9e3779b97f4a7c15
	h ^= h >> 29
	return h * 0xbf58476d1ce4e5b9
}

// regionOf returns the region that has key, or 0.
func (s *summed) regionOf(key []byte) uint64 { return s.live.At(key).GetId() }

func (s *summed) put(at place, value []byte) {
	h := contribution(at, value)
	old, _ := s.data.Set(item{at, h})
	if id := s.regionOf([]byte(at.key)); id != 0 {
		s.sums[id] += h - old.contributes
	}
	s.wrote(h)
}

func (s *summed) remove(at place) {
	old, _ := s.data.Delete(item{place: at})
	if id := s.regionOf([]byte(at.key)); id != 0 {
		s.sums[id] -= old.contributes
	}
}

// become takes over states that were written at once.
func (s *summed) become(states []*raftserverpb.RegionState) {
	var changed []*raftserverpb.RegionState
	for _, state := range states {
		id := state.Region.Id
		old := s.states[id]
		s.states[id] = state
		if isHere(old) && isHere(state) && sameKeys(old.Region, state.Region) {
			continue
		}
		if isHere(old) {
			if at := s.live.At(old.Region.StartKey); at.GetId() == id {
				s.live.Remove(at)
			}
			delete(s.sums, id)
		}
		changed = append(changed, state)
	}
	for _, state := range changed {
		if isHere(state) {
			s.live.Insert(state.Region)
			s.sums[state.Region.Id] = s.sum(state.Region)
		}
	}
}

func sameKeys(a, b *metapb.Region) bool {
	return string(a.StartKey) == string(b.StartKey) && string(a.EndKey) == string(b.EndKey)
}

// total returns the sum of a region, or 0 if the engine can no longer be read.
func (s *summed) total(region uint64) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.current() {
		return 0
	}
	return s.sums[region]
}

// current makes sure that what s knows is what the engine holds, and reports whether it
// is: the engine may be gone. The caller holds mu.
func (s *summed) current() bool {
	if s.stale && s.add() != nil {
		s.stale = true
		return false
	}
	return true
}

// state returns the record of a region, or nil if there is none. It must not be changed.
func (s *summed) state(region uint64) *raftserverpb.RegionState {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.current() {
		return nil
	}
	return s.states[region]
}

// records returns the records of all regions, in the order of their ids.
func (s *summed) records() []*raftserverpb.RegionState {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.current() {
		return nil
	}
	all := make([]*raftserverpb.RegionState, 0, len(s.states))
	for _, id := range slices.Sorted(maps.Keys(s.states)) {
		all = append(all, s.states[id])
	}
	return all
}

// at returns the key of r that has a share of r's keys before it, "" if there are too few
// to be divided.
func (s *summed) at(r *metapb.Region, share float64) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.current() {
		return ""
	}
	keys, last := []string{}, string(r.StartKey)
	s.data.Ascend(item{place: place{key: last}}, func(i item) bool {
		if !region.Range(r).Contains([]byte(i.key)) {
			return false
		}
		if key := string(transaction.SplitKey([]byte(i.key))); key != last {
			keys = append(keys, key)
			last = key
		}
		return true
	})
	if len(keys) == 0 {
		return ""
	}
	return keys[min(int(share*float64(len(keys))), len(keys)-1)]
}

// stray returns the first key that is in no region that has a peer here, and whether
// there is one.
func (s *summed) stray() (at place, found bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.current() {
		return place{}, false
	}
	s.data.Scan(func(i item) bool {
		if found = s.regionOf([]byte(i.key)) == 0; found {
			at = i.place
		}
		return !found
	})
	return at, found
}

func (s *summed) Write(b *engine.Batch, sync bool) error {
	err := s.Engine.Write(b, sync)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.stale = true
		return err
	}
	var states []*raftserverpb.RegionState
	for _, op := range b.Ops() {
		at := place{op.CF, string(op.Key)}
		switch {
		case !slices.Contains(engine.Families, op.CF):
			if state, ok := raftstore.ParseRegionState(op); ok && state.Region != nil {
				states = append(states, state)
			} else if op.Delete {
				s.stale = true // it may have been one
			}
		case op.Delete:
			s.remove(at)
		default:
			s.put(at, op.Value)
		}
	}
	s.told(b, states)
	s.become(states)
	if sync {
		s.synced()
	}
	return nil
}

// Sync implements engine.Engine.
func (s *summed) Sync() error {
	err := s.Engine.Sync()
	if err == nil {
		s.synced()
	}
	return err
}

func (s *summed) DeleteRange(cf engine.CF, r engine.Range) error {
	s.mu.Lock()
	s.stale = true
	s.mu.Unlock()
	return s.Engine.DeleteRange(cf, r)
}

// content returns the data of a region in words: what is at each key of each
// family.
func (s *summed) content(id uint64) map[string]string {
	state := s.state(id)
	if !isHere(state) {
		return nil
	}
	all := map[string]string{}
	for _, cf := range engine.Families {
		it, err := s.Iterate(cf, region.Range(state.Region))
		if err != nil {
			return nil
		}
		for it.Seek(nil); it.Valid(); it.Next() {
			all[fmt.Sprintf("key %q of family %s", it.Key(), cf)] = fmt.Sprintf("%q", shortened(string(it.Value())))
		}
		if it.Close() != nil {
			return nil
		}
	}
	return all
}
