package client

import (
	"bytes"
	"slices"
	"sync"

	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/metapb"
)

// firstRegion covers all keys when a cluster begins. Without an epoch a request
// for it is a question: the store answers with the region as it is now.
var firstRegion = &metapb.Region{Id: 1}

// regions are what the client knows of the regions. Stores correct it: whatever
// it says may be outdated.
type regions struct {
	mu sync.Mutex
	// known are ordered by their ranges, which do not overlap.
	known []*entry
	// unknown stands for all keys that are in none of them.
	unknown *entry
}

// An entry is a region, and the place of the store that is asked first.
type entry struct {
	region *metapb.Region // never changed
	first  int
}

func newRegions() *regions { return &regions{unknown: &entry{region: firstRegion}} }

// find returns the region that has key, and the place of the store to ask first.
func (c *regions) find(key []byte) (r *metapb.Region, place int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.lookup(key)
	return e.region, e.first
}

func (c *regions) lookup(key []byte) *entry {
	i, found := slices.BinarySearchFunc(c.known, key, startsAt)
	if !found {
		i-- // the last one that starts before key
	}
	if i >= 0 && region.Range(c.known[i].region).Contains(key) {
		return c.known[i]
	}
	return c.unknown
}

func startsAt(e *entry, key []byte) int { return bytes.Compare(e.region.StartKey, key) }

// learn takes over a region as a store knows it, unless a later one with some of
// its keys is known.
func (c *regions) learn(r *metapb.Region) {
	c.mu.Lock()
	defer c.mu.Unlock()
	overlaps := func(e *entry) bool { return overlap(e.region, r) }
	for _, e := range c.known {
		if overlaps(e) && !later(r, e.region) {
			return
		}
	}
	first := c.lookup(r.StartKey).first
	c.known = slices.DeleteFunc(c.known, overlaps)
	i, _ := slices.BinarySearchFunc(c.known, r.StartKey, startsAt)
	c.known = slices.Insert(c.known, i, &entry{r, first})
}

func overlap(a, b *metapb.Region) bool {
	return (len(b.EndKey) == 0 || bytes.Compare(a.StartKey, b.EndKey) < 0) &&
		(len(a.EndKey) == 0 || bytes.Compare(b.StartKey, a.EndKey) < 0)
}

// later reports whether a came after b, which has keys of a. A split gives both
// halves a version above that of the whole, so that versions order all regions
// that ever had a key.
func later(a, b *metapb.Region) bool {
	x, y := a.GetRegionEpoch(), b.GetRegionEpoch()
	return x.GetVersion() > y.GetVersion() || x.GetVersion() == y.GetVersion() && x.GetConfVer() > y.GetConfVer()
}

// forget removes r, which turned out to be wrong.
func (c *regions) forget(r *metapb.Region) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known = slices.DeleteFunc(c.known, func(e *entry) bool { return e.region == r })
}

// askFirst makes the store at place the one that later requests for key begin
// with, and also those for keys in no region that is known by then.
func (c *regions) askFirst(key []byte, place int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lookup(key).first = place
	c.unknown.first = place
}
