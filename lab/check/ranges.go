package check

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/metapb"
)

// The rules of Ranges and of Covered.
const (
	RuleNoOverlap  = "at no time do two regions of a store have a key in common"
	RuleEpochGrows = "the epoch of a region only grows, and other keys come with another epoch"
	RuleEpochNames = "the id and the epoch of a region name its keys and its members"
	RuleCoverage   = "the regions cover every key, each exactly once"
)

// A Holding is what a store has of a region.
type Holding struct {
	// Region is the region as the store's peer has applied it. Without an
	// epoch the peer has no data yet, or no longer, and no keys.
	Region *metapb.Region
	// Incoming is the region of the snapshot that is replacing the data, nil
	// if none is. Its keys are taken from then on.
	Incoming *metapb.Region
	// Gone is set once the store no longer has a peer, and deletes the data.
	Gone bool
}

// Ranges watches the regions of the stores of a system.
type Ranges struct {
	stores map[uint64]map[uint64]held // by store and region
	named  map[regionName]*metapb.Region
}

// A held is the present holding of a region, and the last region of the store with that
// id that had an epoch.
type held struct {
	Holding
	last *metapb.Region
}

// A regionName is the id and the epoch of a region.
type regionName struct{ id, version, confVer uint64 }

// NewRanges returns a watcher that has seen nothing yet.
func NewRanges() *Ranges {
	return &Ranges{stores: map[uint64]map[uint64]held{}, named: map[regionName]*metapb.Region{}}
}

// Start is told what the disk of a store holds when an incarnation starts, all that
// there is. A crash may have lost what was observed.
func (g *Ranges) Start(store uint64, all ...Holding) error {
	g.stores[store] = map[uint64]held{}
	return g.Observe(store, all...)
}

// Observe is told of holdings of a store that have changed at once. It keeps the
// regions, which must not change.
func (g *Ranges) Observe(store uint64, changed ...Holding) error {
	all := g.stores[store]
	if all == nil {
		all = map[uint64]held{}
		g.stores[store] = all
	}
	var moved []Holding
	for _, now := range changed {
		old, known := all[now.Region.Id]
		if err := grows(store, old, now.Region); err != nil {
			return err
		}
		if err := g.Names(store, now.Region); err != nil {
			return err
		}
		last := now.Region
		if last.RegionEpoch == nil {
			last = old.last
		}
		all[now.Region.Id] = held{now, last}
		if !known || !sameKeys(old.Region, now.Region) || old.Incoming != now.Incoming || old.Region.RegionEpoch == nil {
			moved = append(moved, now)
		}
	}
	for _, now := range moved {
		if err := overlaps(store, now, all); err != nil {
			return err
		}
	}
	return nil
}

// Names is told of a region that a store shows, and checks that it is the one that its
// name has meant so far. It keeps the region, which must not change.
func (g *Ranges) Names(store uint64, r *metapb.Region) error {
	if r.RegionEpoch == nil || len(r.Peers) == 0 {
		return nil
	}
	name := regionName{r.Id, r.RegionEpoch.Version, r.RegionEpoch.ConfVer}
	other := g.named[name]
	if other == nil {
		g.named[name] = r
		return nil
	}
	if other == r || sameKeys(other, r) && slices.EqualFunc(other.Peers, r.Peers, func(a, b *metapb.Peer) bool { return proto.Equal(a, b) }) {
		return nil
	}
	return &Violation{Rule: RuleEpochNames, Found: fmt.Sprintf(
		"region %d of version %d and conf_ver %d has the keys %s and the peers %s on store %d, and the keys %s and the peers %s on another one or earlier",
		r.Id, name.version, name.confVer, keysOf(r), peersOf(r), store, keysOf(other), peersOf(other))}
}

// taken returns the regions whose keys a holding takes.
func (h Holding) taken() []*metapb.Region {
	return slices.DeleteFunc([]*metapb.Region{h.Region, h.Incoming}, func(r *metapb.Region) bool { return r.GetRegionEpoch() == nil })
}

// overlaps checks that now has no key of another holding of the store.
func overlaps(store uint64, now Holding, all map[uint64]held) error {
	for _, a := range now.taken() {
		for _, id := range slices.Sorted(maps.Keys(all)) {
			if id == now.Region.Id {
				continue
			}
			for _, b := range all[id].taken() {
				if region.Range(a).Overlaps(region.Range(b)) {
					return &Violation{Rule: RuleNoOverlap, Found: fmt.Sprintf(
						"store %d has region %d with the keys %s, and region %d with the keys %s", store, a.Id, keysOf(a), b.Id, keysOf(b))}
				}
			}
		}
	}
	return nil
}

func sameKeys(a, b *metapb.Region) bool {
	return bytes.Equal(a.StartKey, b.StartKey) && bytes.Equal(a.EndKey, b.EndKey)
}

// grows checks that now may come after old.
func grows(store uint64, before held, now *metapb.Region) error {
	old := before.last
	a, b := old.GetRegionEpoch(), now.RegionEpoch
	if a == nil || b == nil {
		return nil
	}
	if b.Version >= a.Version && b.ConfVer >= a.ConfVer && (b.Version > a.Version || sameKeys(old, now)) {
		return nil
	}
	return &Violation{Rule: RuleEpochGrows, Found: fmt.Sprintf(
		"region %d on store %d goes from version %d, conf_ver %d, keys %s to version %d, conf_ver %d, keys %s",
		now.Id, store, a.Version, a.ConfVer, keysOf(old), b.Version, b.ConfVer, keysOf(now))}
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

// peersOf lists the members of a region as peer@store.
func peersOf(r *metapb.Region) string {
	var b bytes.Buffer
	for i, p := range r.Peers {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%d@%d", p.Id, p.StoreId)
	}
	return b.String()
}
