package check_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/lab/check"
	"github.com/labkv/labkv/proto/metapb"
)

func regionOf(id uint64, start, end string, version, confVer uint64, peers ...*metapb.Peer) *metapb.Region {
	return &metapb.Region{
		Id: id, StartKey: []byte(start), EndKey: []byte(end),
		RegionEpoch: &metapb.RegionEpoch{Version: version, ConfVer: confVer}, Peers: peers,
	}
}

// broken requires that err says that a rule is broken.
func broken(t *testing.T, rule string, err error) {
	t.Helper()
	require.Error(t, err)
	require.Equal(t, rule, err.(*check.Violation).Rule, err.Error())
}

func TestRanges(t *testing.T) {
	of := func(r *metapb.Region) check.Holding { return check.Holding{Region: r} }
	gone := func(r *metapb.Region) check.Holding { return check.Holding{Region: r, Gone: true} }
	nothing := gone(&metapb.Region{Id: 1})
	whole := of(regionOf(1, "", "", 1, 1))
	left, right := of(regionOf(1, "", "m", 2, 1)), of(regionOf(2, "m", "", 2, 1))
	for _, c := range []struct {
		name  string
		steps [][]check.Holding // on store 1, the first when it starts
		rule  string            // that the last step breaks, "" for none
	}{
		{"the same again", [][]check.Holding{{whole}, {whole}}, ""},
		{"a neighbor with keys of it", [][]check.Holding{{whole}, {right}}, check.RuleNoOverlap},
		{"on the disk", [][]check.Holding{{whole, right}}, check.RuleNoOverlap},
		{"a split", [][]check.Holding{{whole}, {left, right}}, ""},
		{"a split, the right half first", [][]check.Holding{{whole}, {right, left}}, ""},
		{"other keys, same version", [][]check.Holding{{whole}, {of(regionOf(1, "", "m", 1, 1))}}, check.RuleEpochGrows},
		{"other keys, same version, more members", [][]check.Holding{{whole}, {of(regionOf(1, "", "m", 1, 2))}}, check.RuleEpochGrows},
		{"members", [][]check.Holding{{whole}, {of(regionOf(1, "", "", 1, 2))}}, ""},
		{"an earlier conf_ver", [][]check.Holding{{of(regionOf(1, "", "", 1, 2))}, {whole}}, check.RuleEpochGrows},
		{"an earlier version", [][]check.Holding{{left}, {of(regionOf(1, "", "", 1, 3))}}, check.RuleEpochGrows},
		{"grows into its neighbor", [][]check.Holding{{left, right}, {of(regionOf(2, "l", "", 3, 2))}}, check.RuleNoOverlap},
		{"its neighbor is gone", [][]check.Holding{{left, right}, {gone(regionOf(1, "", "m", 2, 2))}, {nothing}, {of(regionOf(2, "l", "", 3, 2))}}, ""},
		{"its neighbor is gone, but not its keys", [][]check.Holding{{left, right}, {gone(regionOf(1, "", "m", 2, 2))}, {of(regionOf(2, "l", "", 3, 2))}}, check.RuleNoOverlap},
		{"comes back", [][]check.Holding{{left}, {gone(regionOf(1, "", "m", 2, 2))}, {of(regionOf(1, "", "m", 2, 3))}}, ""},
		{"comes back as it was", [][]check.Holding{{left}, {gone(regionOf(1, "", "m", 2, 2))}, {nothing}, {left}}, check.RuleEpochGrows},
		{"comes back, but its keys are taken", [][]check.Holding{{left}, {gone(regionOf(1, "", "m", 2, 2))}, {nothing}, {of(regionOf(3, "a", "b", 9, 9))}, {of(regionOf(1, "", "m", 2, 3))}}, check.RuleNoOverlap},
		{"has no data yet", [][]check.Holding{{left}, {of(&metapb.Region{Id: 2})}}, ""},
		{"a snapshot with keys of a neighbor", [][]check.Holding{{left, of(&metapb.Region{Id: 2})}, {{Region: &metapb.Region{Id: 2}, Incoming: regionOf(2, "l", "", 2, 1)}}}, check.RuleNoOverlap},
		{"a snapshot", [][]check.Holding{{left, of(&metapb.Region{Id: 2})}, {{Region: &metapb.Region{Id: 2}, Incoming: right.Region}}, {right}}, ""},
	} {
		g := check.NewRanges()
		for i, step := range c.steps {
			var err error
			if i == 0 {
				err = g.Start(1, step...)
			} else {
				err = g.Observe(1, step...)
			}
			if i < len(c.steps)-1 || c.rule == "" {
				require.NoError(t, err, "%s, step %d", c.name, i)
			} else {
				require.Error(t, err, c.name)
				require.Equal(t, c.rule, err.(*check.Violation).Rule, "%s: %v", c.name, err)
			}
		}
	}

	g := check.NewRanges()
	require.NoError(t, g.Observe(1, left, right))
	require.NoError(t, g.Start(1, whole), "a crash undoes the split, which was not durable")
	require.NoError(t, g.Observe(2, whole), "another store")
	broken(t, check.RuleNoOverlap, g.Observe(1, right))
}

// A name means the same on all stores, and for good.
func TestRegionNames(t *testing.T) {
	peer := func(id, store uint64) *metapb.Peer { return &metapb.Peer{Id: id, StoreId: store} }
	r := regionOf(1, "", "m", 2, 3, peer(11, 1), peer(12, 2))
	g := check.NewRanges()
	require.NoError(t, g.Observe(1, check.Holding{Region: r}))
	require.NoError(t, g.Observe(2, check.Holding{Region: proto.CloneOf(r)}))
	for what, other := range map[string]*metapb.Region{
		"other keys":    regionOf(1, "", "n", 2, 3, peer(11, 1), peer(12, 2)),
		"other members": regionOf(1, "", "m", 2, 3, peer(11, 1), peer(13, 3)),
		"fewer members": regionOf(1, "", "m", 2, 3, peer(11, 1)),
	} {
		err := g.Observe(3, check.Holding{Region: other})
		require.Error(t, err, what)
		require.Equal(t, check.RuleEpochNames, err.(*check.Violation).Rule, what)
	}
	broken(t, check.RuleEpochNames, g.Start(1, check.Holding{Region: regionOf(1, "", "n", 2, 3, peer(11, 1))}))
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
