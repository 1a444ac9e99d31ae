package client

import (
	"sync"

	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/metapb"
)

// firstRegion covers all keys when a cluster begins. Without an epoch a request
// for it is a question: the store answers with the region as it is now.
var firstRegion = &metapb.Region{Id: 1}

// regions are what the client knows of the regions. Stores and the scheduler
// correct it: whatever it says may be outdated. What it learns may come late and in
// any order, so that a region never takes the place of a later one.
type regions struct {
	// guess stands for the region of a key of which nothing is known. It is nil if
	// there is a scheduler to ask; then a region is known only with its peers.
	guess *metapb.Region

	mu    sync.Mutex
	known region.Map
	// first is the place of the store to ask first, by region id; last is the
	// place of the store that served last, for regions that are not in it.
	first map[uint64]place
	last  place
	// doubtful are the ids of regions of which a store did not answer, since a request
	// for them began.
	doubtful map[uint64]bool
}

func newRegions(guess *metapb.Region) *regions {
	return &regions{guess: guess, first: map[uint64]place{}, doubtful: map[uint64]bool{}}
}

// find returns the region that has key, or the guess, and the place of the store to
// ask first. led is false if nothing says that this store leads.
func (c *regions) find(key []byte) (r *metapb.Region, first place, led bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r = c.known.At(key); r == nil {
		r = c.guess
	}
	if first, led = c.first[r.GetId()]; !led {
		first = c.last
	}
	return r, first, led
}

// learn takes over a region, unless a later one with some of its keys is known, or
// it cannot be one.
func (c *regions) learn(r *metapb.Region) {
	if keys := region.Range(r); r == nil || !keys.Overlaps(keys) || c.guess == nil && len(r.Peers) == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, old := range c.known.Overlapping(region.Range(r)) {
		if !later(r, old) {
			return
		}
	}
	c.known.Insert(r)
	if at, led := c.first[r.Id]; led && c.guess == nil && region.PeerOn(r, uint64(at)) == nil {
		delete(c.first, r.Id) // it has left
	}
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

// askFirst makes the store at a place the one that later requests for r begin with.
func (c *regions) askFirst(r *metapb.Region, at place) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.first[r.Id] = at
	c.last = at
}

// doubt notes that a store of r has not answered: all that is known of r may be outdated.
func (c *regions) doubt(r *metapb.Region) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.doubtful[r.Id] = true
}

// doubted reports whether there is a doubt about r since the last call.
func (c *regions) doubted(r *metapb.Region) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	doubtful := c.doubtful[r.Id]
	delete(c.doubtful, r.Id)
	return doubtful
}

// suggest is askFirst for what the scheduler has heard some time ago: it does not
// stand against what a store has said since.
func (c *regions) suggest(r *metapb.Region, at place) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known := c.known.At(r.StartKey)
	if _, led := c.first[r.Id]; !led && known != nil && known.Id == r.Id && !later(known, r) {
		c.first[r.Id] = at
	}
}

// depose makes later requests for r not begin with the store at a place.
func (c *regions) depose(r *metapb.Region, at place) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if first, led := c.first[r.Id]; led && first == at {
		delete(c.first, r.Id)
	}
}
