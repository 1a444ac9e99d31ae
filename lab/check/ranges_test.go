package check_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/check"
	"github.com/labkv/labkv/proto/metapb"
)

func regionOf(id uint64, start, end string, version, confVer uint64) *metapb.Region {
	return &metapb.Region{
		Id: id, StartKey: []byte(start), EndKey: []byte(end),
		RegionEpoch: &metapb.RegionEpoch{Version: version, ConfVer: confVer},
	}
}

func TestRanges(t *testing.T) {
	broken := func(rule string, err error) {
		t.Helper()
		require.Error(t, err)
		require.Equal(t, rule, err.(*check.Violation).Rule, err.Error())
	}
	g := check.NewRanges()
	require.NoError(t, g.Observe(replica(1, 1), regionOf(1, "", "", 1, 1)))
	require.NoError(t, g.Observe(replica(1, 2), regionOf(1, "", "", 1, 1)), "another store")
	broken(check.RuleNoOverlap, g.Observe(replica(2, 1), regionOf(2, "m", "", 2, 1)))
	broken(check.RuleEpochGrows, g.Observe(replica(1, 1), regionOf(1, "", "m", 1, 1)))
	require.NoError(t, g.Observe(replica(1, 1), regionOf(1, "", "m", 2, 1)), "it was split")
	require.NoError(t, g.Observe(replica(2, 1), regionOf(2, "m", "", 2, 1)))
	require.NoError(t, g.Observe(replica(2, 1), regionOf(2, "m", "", 2, 2)), "a member more")
	broken(check.RuleEpochGrows, g.Observe(replica(2, 1), regionOf(2, "m", "", 2, 1)))
	broken(check.RuleNoOverlap, g.Observe(replica(2, 1), regionOf(2, "l", "", 3, 2)))
	g.Gone(replica(1, 1))
	require.NoError(t, g.Observe(replica(2, 1), regionOf(2, "l", "", 3, 2)), "the other one has left the store")
}

func TestCovered(t *testing.T) {
	for _, c := range []struct {
		name    string
		regions []*metapb.Region
		says    string
	}{
		{"one", []*metapb.Region{regionOf(1, "", "", 1, 1)}, ""},
		{"three, in any order", []*metapb.Region{regionOf(1, "m", "t", 1, 1), regionOf(2, "t", "", 1, 1), regionOf(3, "", "m", 1, 1)}, ""},
		{"none", nil, `no region has the keys from "" on`},
		{"a gap in front", []*metapb.Region{regionOf(1, "a", "", 1, 1)}, `no region has the keys ["", "a")`},
		{"a gap in between", []*metapb.Region{regionOf(1, "", "a", 1, 1), regionOf(2, "b", "", 1, 1)}, `no region has the keys ["a", "b")`},
		{"a gap at the end", []*metapb.Region{regionOf(1, "", "a", 1, 1)}, `no region has the keys from "a" on`},
		{"an overlap", []*metapb.Region{regionOf(1, "", "b", 1, 1), regionOf(2, "a", "", 1, 1)}, `regions 1 and 2 overlap at key "a"`},
		{"something after the end", []*metapb.Region{regionOf(1, "", "", 1, 1), regionOf(2, "a", "", 1, 1)}, `regions 1 and 2 overlap at key "a"`},
		{"everything twice", []*metapb.Region{regionOf(1, "", "", 1, 1), regionOf(2, "", "", 1, 1)}, `regions 1 and 2 overlap at key ""`},
	} {
		err := check.Covered(c.regions)
		if c.says == "" {
			require.NoError(t, err, c.name)
		} else {
			require.ErrorContains(t, err, c.says, c.name)
		}
	}
}
