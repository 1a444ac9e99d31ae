package region_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/metapb"
)

// ids returns the ids of regions, in their order.
func ids(regions ...*metapb.Region) []uint64 {
	var all []uint64
	for _, r := range regions {
		all = append(all, r.GetId())
	}
	return all
}

func TestMap(t *testing.T) {
	var m region.Map
	require.Nil(t, m.At(nil))
	require.Nil(t, m.EndingAt([]byte("d")))
	for _, r := range []*metapb.Region{
		{Id: 3, StartKey: []byte("p")},
		{Id: 1, EndKey: []byte("d")},
		{Id: 2, StartKey: []byte("d"), EndKey: []byte("h")},
	} {
		m.Insert(r)
	}
	for _, c := range []struct {
		key        string
		at, ending uint64
	}{{"", 1, 0}, {"a", 1, 0}, {"d", 2, 1}, {"e", 2, 0}, {"h", 0, 2}, {"o", 0, 0}, {"p", 3, 0}, {"z", 3, 0}} {
		require.Equal(t, c.at, m.At([]byte(c.key)).GetId(), "the region at %q", c.key)
		require.Equal(t, c.ending, m.EndingAt([]byte(c.key)).GetId(), "the region that ends at %q", c.key)
	}
	for _, c := range []struct {
		start, end string
		want       []uint64
	}{
		{"", "", []uint64{1, 2, 3}}, {"c", "e", []uint64{1, 2}}, {"d", "", []uint64{2, 3}}, {"", "d", []uint64{1}},
		{"h", "p", nil}, {"i", "q", []uint64{3}}, {"h", "", []uint64{3}}, {"g", "h", []uint64{2}},
	} {
		require.Equal(t, c.want, ids(m.Overlapping(engine.Range{Start: []byte(c.start), End: []byte(c.end)})...), "[%q, %q)", c.start, c.end)
	}
	for r := range m.Within(engine.Range{Start: []byte("e")}) {
		require.EqualValues(t, 2, r.Id)
		break
	}
	m.Insert(&metapb.Region{Id: 4, StartKey: []byte("c"), EndKey: []byte("f")})
	require.Equal(t, []uint64{4, 3}, ids(m.Overlapping(engine.Range{})...))
	m.Remove(&metapb.Region{StartKey: []byte("c")})
	require.Equal(t, []uint64{3}, ids(m.Overlapping(engine.Range{})...))
}
