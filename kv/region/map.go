package region

import (
	"iter"
	"slices"

	"github.com/tidwall/btree"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/metapb"
)

// A Map finds regions by key. The regions in it never overlap. The zero Map is
// empty. It must not be used from several goroutines at once.
type Map struct {
	byStart btree.Map[string, *metapb.Region]
}

// Insert adds r, which the map keeps, and removes every region that overlaps
// it.
func (m *Map) Insert(r *metapb.Region) {
	for _, old := range m.Overlapping(Range(r)) {
		m.Remove(old)
	}
	m.byStart.Set(string(r.StartKey), r)
}

// Remove removes the region that starts where r does.
func (m *Map) Remove(r *metapb.Region) { m.byStart.Delete(string(r.StartKey)) }

// At returns the region that contains key, or nil.
func (m *Map) At(key []byte) *metapb.Region {
	var found *metapb.Region
	m.byStart.Descend(string(key), func(_ string, r *metapb.Region) bool {
		if Range(r).Contains(key) {
			found = r
		}
		return false
	})
	return found
}

// EndingAt returns the region whose range ends with key, which is not empty, or
// nil.
func (m *Map) EndingAt(key []byte) *metapb.Region {
	var found *metapb.Region
	m.byStart.Descend(string(key), func(start string, r *metapb.Region) bool {
		if start == string(key) {
			return true
		}
		if len(key) > 0 && string(r.EndKey) == string(key) {
			found = r
		}
		return false
	})
	return found
}

// Overlapping returns the regions that have a key in the range keys, in the
// order of their keys.
func (m *Map) Overlapping(keys engine.Range) []*metapb.Region { return slices.Collect(m.Within(keys)) }

// Within returns the regions that Overlapping does, one after the other. The map
// must not change meanwhile.
func (m *Map) Within(keys engine.Range) iter.Seq[*metapb.Region] {
	return func(yield func(*metapb.Region) bool) {
		start := string(keys.Start)
		if first := m.At(keys.Start); first != nil {
			start = string(first.StartKey)
		}
		m.byStart.Ascend(start, func(_ string, r *metapb.Region) bool {
			return Range(r).Overlaps(keys) && yield(r)
		})
	}
}

// All returns the regions in the order of their keys. The map must not change
// meanwhile.
func (m *Map) All() iter.Seq[*metapb.Region] {
	return func(yield func(*metapb.Region) bool) {
		m.byStart.Scan(func(_ string, r *metapb.Region) bool { return yield(r) })
	}
}
