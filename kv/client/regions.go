package client

import (
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
	mu    sync.Mutex
	known region.Map
	// first is the place of the store to ask first, by region id; last is the
	// place of the store that served last, for regions that are not in it.
	first map[uint64]int
	last  int
}

func newRegions() *regions { return &regions{first: map[uint64]int{}} }

// find returns the region that has key, and the place of the store to ask first.
func (c *regions) find(key []byte) (r *metapb.Region, place int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r = c.known.At(key); r == nil {
		r = firstRegion
	}
	place, found := c.first[r.Id]
	if !found {
		place = c.last
	}
	return r, place
}

// learn takes over a region as a store knows it, unless a later one with some of
// its keys is known.
func (c *regions) learn(r *metapb.Region) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, old := range c.known.Overlapping(region.Range(r)) {
		if !later(r, old) {
			return
		}
	}
	c.known.Insert(r)
}

// later reports whether a came after b, which has keys of a. A split gives both
// halves a version above that of the whole, so that versions order all regions
// that ever had a key.
func later(a, b *metapb.Region) bool {
	x, y := a.GetRegionEpoch(), b.GetRegionEpoch()
	return x.GetVersion() > y.GetVersion() || x.GetVersion() == y.GetVersion() && x.GetConfVer() > y.GetConfVer()
}

// forget removes r, which turned out to be wrong, if it is still known.
func (c *regions) forget(r *metapb.Region) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known.At(r.StartKey) == r {
		c.known.Remove(r)
	}
}

// askFirst makes the store at place the one that later requests for r begin with.
func (c *regions) askFirst(r *metapb.Region, place int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.first[r.Id] = place
	c.last = place
}
