package storesim

import (
	"fmt"
	"hash/maphash"
	"slices"
	"sync"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/engine/memory"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/metapb"
)

// A summed engine keeps a sum of the data of each region that is in it, whatever
// their order: two engines with the same data have the same sums.
type summed struct {
	*memory.Engine
	regions []*metapb.Region
	// wrote is told of every put, by what it contributes, and told of every batch.
	wrote func(contribution uint64)
	told  func(b *engine.Batch)

	mu   sync.Mutex
	sums map[uint64]uint64 // by region
	of   map[place]uint64  // what each key contributes
	// stale is set if the sums are not known, because a write failed or
	// removed a range.
	stale bool
}

type place struct {
	cf  engine.CF
	key string
}

func newSummed(e *memory.Engine, regions []*metapb.Region, wrote func(uint64), told func(*engine.Batch)) (*summed, error) {
	s := &summed{Engine: e, regions: regions, wrote: wrote, told: told}
	return s, s.add()
}

// regionOf returns the region that has key, or 0.
func (s *summed) regionOf(key []byte) uint64 {
	for _, r := range s.regions {
		if region.Range(r).Contains(key) {
			return r.Id
		}
	}
	return 0
}

// add sums up everything.
func (s *summed) add() error {
	s.sums, s.of, s.stale = map[uint64]uint64{}, map[place]uint64{}, false
	for _, cf := range engine.Families {
		it, err := s.Iterate(cf, engine.Range{})
		if err != nil {
			return err
		}
		for it.Seek(nil); it.Valid(); it.Next() {
			s.put(place{cf, string(it.Key())}, it.Value())
		}
		if err := it.Close(); err != nil {
			return err
		}
	}
	return nil
}

// seed is the same for all engines of a process: nothing that it changes shows.
var seed = maphash.MakeSeed()

// contribution is what a key with its value adds to a sum.
func contribution(at place, value []byte) uint64 {
	h := maphash.Comparable(seed, at) ^ maphash.Bytes(seed, value)*0x9e3779b97f4a7c15
	h ^= h >> 29
	return h * 0xbf58476d1ce4e5b9
}

func (s *summed) put(at place, value []byte) {
	h := contribution(at, value)
	s.sums[s.regionOf([]byte(at.key))] += h - s.of[at]
	s.of[at] = h
	s.wrote(h)
}

func (s *summed) remove(at place) {
	s.sums[s.regionOf([]byte(at.key))] -= s.of[at]
	delete(s.of, at)
}

// total returns the sum of a region, or 0 if the engine can no longer be read.
func (s *summed) total(region uint64) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stale && s.add() != nil {
		s.stale = true
		return 0
	}
	return s.sums[region]
}

func (s *summed) Write(b *engine.Batch, sync bool) error {
	err := s.Engine.Write(b, sync)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.stale = true
		return err
	}
	s.told(b)
	for _, op := range b.Ops() {
		at := place{op.CF, string(op.Key)}
		switch {
		case !slices.Contains(engine.Families, op.CF):
		case op.Delete:
			s.remove(at)
		default:
			s.put(at, op.Value)
		}
	}
	return nil
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
	all := map[string]string{}
	for _, cf := range engine.Families {
		it, err := s.Iterate(cf, engine.Range{})
		if err != nil {
			return nil
		}
		for it.Seek(nil); it.Valid(); it.Next() {
			if s.regionOf(it.Key()) != id {
				continue
			}
			all[fmt.Sprintf("key %q of family %s", it.Key(), cf)] = fmt.Sprintf("%q", shortened(string(it.Value())))
		}
		if it.Close() != nil {
			return nil
		}
	}
	return all
}
