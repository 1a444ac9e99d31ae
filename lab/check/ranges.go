package check

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"

	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/metapb"
)

// The rules of Ranges and of Covered.
const (
	RuleNoOverlap  = "at no time do two regions of a store have a key in common"
	RuleEpochGrows = "the epoch of a region only grows, and other keys come with another epoch"
	RuleCoverage   = "the regions cover every key, each exactly once"
)

// Ranges watches the regions of the stores of a system.
type Ranges struct {
	stores map[uint64]*region.Map
	known  map[Replica]*metapb.Region
}

// NewRanges returns a watcher that has seen nothing yet.
func NewRanges() *Ranges {
	return &Ranges{stores: map[uint64]*region.Map{}, known: map[Replica]*metapb.Region{}}
}

// Observe is told of the region of a replica, each time that it may have changed.
func (g *Ranges) Observe(r Replica, now *metapb.Region) error {
	if old := g.known[r]; old != nil {
		if err := grows(r, old, now); err != nil {
			return err
		}
		g.on(r.Store).Remove(old)
	}
	for _, other := range g.on(r.Store).Overlapping(region.Range(now)) {
		if other.Id != now.Id {
			return &Violation{Rule: RuleNoOverlap, Found: fmt.Sprintf(
				"store %d has region %d with the keys %s, and region %d with the keys %s", r.Store, now.Id, keysOf(now), other.Id, keysOf(other))}
		}
	}
	g.on(r.Store).Insert(now)
	g.known[r] = now
	return nil
}

// Gone is told that a store no longer has a replica.
func (g *Ranges) Gone(r Replica) {
	if old := g.known[r]; old != nil {
		g.on(r.Store).Remove(old)
		delete(g.known, r)
	}
}

func (g *Ranges) on(store uint64) *region.Map {
	m := g.stores[store]
	if m == nil {
		m = &region.Map{}
		g.stores[store] = m
	}
	return m
}

// grows checks that now may come after old.
func grows(r Replica, old, now *metapb.Region) error {
	a, b := old.RegionEpoch, now.RegionEpoch
	back := b.GetVersion() < a.GetVersion() || b.GetConfVer() < a.GetConfVer()
	sameKeys := bytes.Equal(old.StartKey, now.StartKey) && bytes.Equal(old.EndKey, now.EndKey)
	if back || !sameKeys && b.GetVersion() == a.GetVersion() {
		return &Violation{Rule: RuleEpochGrows, Found: fmt.Sprintf(
			"region %d on store %d goes from version %d, conf_ver %d, keys %s to version %d, conf_ver %d, keys %s",
			now.Id, r.Store, a.GetVersion(), a.GetConfVer(), keysOf(old), b.GetVersion(), b.GetConfVer(), keysOf(now))}
	}
	return nil
}

// Covered checks that regions, in any order, cover the key space exactly once.
func Covered(regions []*metapb.Region) error {
	sorted := slices.SortedFunc(slices.Values(regions), func(a, b *metapb.Region) int {
		return cmp.Or(bytes.Compare(a.StartKey, b.StartKey), cmp.Compare(a.Id, b.Id))
	})
	var end []byte // of what is covered so far; empty at first, and at the very end
	for i, r := range sorted {
		switch c := bytes.Compare(r.StartKey, end); {
		case i > 0 && len(end) == 0 || c < 0:
			return &Violation{Rule: RuleCoverage, Found: fmt.Sprintf("regions %d and %d overlap at key %q", sorted[i-1].Id, r.Id, r.StartKey)}
		case c > 0:
			return &Violation{Rule: RuleCoverage, Found: fmt.Sprintf("no region has the keys [%q, %q)", end, r.StartKey)}
		}
		end = r.EndKey
	}
	if len(sorted) == 0 || len(end) > 0 {
		return &Violation{Rule: RuleCoverage, Found: fmt.Sprintf("no region has the keys from %q on", end)}
	}
	return nil
}

func keysOf(r *metapb.Region) string {
	if len(r.EndKey) == 0 {
		return fmt.Sprintf("from %q on", r.StartKey)
	}
	return fmt.Sprintf("[%q, %q)", r.StartKey, r.EndKey)
}
