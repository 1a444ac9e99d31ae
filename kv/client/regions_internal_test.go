package client

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/proto/metapb"
)

func regionOf(id, version, confVer uint64, start, end string) *metapb.Region {
	return &metapb.Region{
		Id: id, StartKey: []byte(start), EndKey: []byte(end),
		RegionEpoch: &metapb.RegionEpoch{Version: version, ConfVer: confVer},
	}
}

// What is known of regions follows their splits and changes of members, in
// whatever order the news arrives. No two regions ever overlap.
func TestRegionsAreLearned(t *testing.T) {
	whole := regionOf(1, 1, 1, "", "")
	moved := regionOf(1, 1, 2, "", "")
	left, right := regionOf(1, 2, 1, "", "m"), regionOf(2, 2, 1, "m", "")
	middle, last := regionOf(2, 3, 1, "m", "t"), regionOf(3, 3, 1, "t", "")
	for _, c := range []struct {
		name    string
		news    []*metapb.Region
		a, m, z *metapb.Region // what keys are then in
	}{
		{"nothing", nil, firstRegion, firstRegion, firstRegion},
		{"one region", []*metapb.Region{whole}, whole, whole, whole},
		{"new members", []*metapb.Region{whole, moved}, moved, moved, moved},
		{"old members", []*metapb.Region{moved, whole}, moved, moved, moved},
		{"a split", []*metapb.Region{moved, left, right}, left, right, right},
		{"a split, the other half first", []*metapb.Region{moved, right, left}, left, right, right},
		{"half a split", []*metapb.Region{whole, right}, firstRegion, right, right},
		{"a region from before the split", []*metapb.Region{left, right, whole}, left, right, right},
		{"two splits", []*metapb.Region{whole, left, right, middle, last}, left, middle, last},
		{"two splits, backwards", []*metapb.Region{last, middle, right, left, whole}, left, middle, last},
		{"the second split only", []*metapb.Region{whole, last}, firstRegion, firstRegion, last},
	} {
		r := newRegions(firstRegion)
		for _, news := range c.news {
			r.learn(news)
		}
		for key, want := range map[string]*metapb.Region{"": c.a, "a": c.a, "m": c.m, "m\x00": c.m, "z": c.z} {
			got, _, _ := r.find([]byte(key))
			require.Same(t, want, got, "%s: %q", c.name, key)
		}
	}
}

// Each region has a store of its own that is asked first. A region of which nothing
// is known begins with the store that served last.
func TestStoresToAskFirst(t *testing.T) {
	r := newRegions(firstRegion)
	first := func(key string) place {
		_, place, _ := r.find([]byte(key))
		return place
	}
	whole := regionOf(1, 1, 1, "", "")
	r.learn(whole)
	r.askFirst(whole, 2)
	require.Equal(t, place(2), first("a"))

	left, right := regionOf(1, 2, 1, "", "m"), regionOf(2, 2, 1, "m", "")
	r.learn(right)
	r.learn(left)
	require.Equal(t, place(2), first("a"))
	require.Equal(t, place(2), first("z"))
	r.askFirst(right, 1)
	require.Equal(t, place(2), first("a"))
	require.Equal(t, place(1), first("z"))
}

// What is wrong is forgotten, and what was learned since is not.
func TestRegionsAreForgotten(t *testing.T) {
	r := newRegions(firstRegion)
	old, now := regionOf(1, 1, 1, "", ""), regionOf(1, 1, 2, "", "")
	r.learn(old)
	r.learn(now)
	r.forget(old)
	got, _, _ := r.find([]byte("a"))
	require.Same(t, now, got)
	r.forget(now)
	got, _, _ = r.find([]byte("a"))
	require.Same(t, firstRegion, got)
	r.forget(firstRegion)
}

// With a scheduler a region needs peers, and a store leads only regions that it has a
// peer of.
func TestLeadersAreLearned(t *testing.T) {
	on := func(r *metapb.Region, stores ...uint64) *metapb.Region {
		for _, s := range stores {
			r.Peers = append(r.Peers, &metapb.Peer{Id: 100 + s, StoreId: s})
		}
		return r
	}
	r := newRegions(nil)
	leader := func() (at place, led bool) {
		known, at, led := r.find([]byte("a"))
		require.NotNil(t, known)
		return at, led
	}
	r.learn(regionOf(1, 9, 9, "", ""))
	r.learn(nil)
	r.learn(on(regionOf(1, 9, 9, "z", "a"), 1))
	known, _, _ := r.find([]byte("a"))
	require.Nil(t, known, "no peers, or no keys")

	first, second := on(regionOf(1, 1, 1, "", ""), 1, 2, 3), on(regionOf(1, 1, 3, "", ""), 2, 3, 4)
	r.learn(first)
	_, led := leader()
	require.False(t, led)
	r.suggest(second, 4)
	_, led = leader()
	require.True(t, led, "a later state of the region than is known")
	r.depose(first, 2)
	_, led = leader()
	require.True(t, led, "another one was deposed")
	r.depose(first, 4)
	_, led = leader()
	require.False(t, led)

	r.askFirst(first, 2)
	r.suggest(first, 3)
	at, led := leader()
	require.Equal(t, place(2), at, "what a store has said counts more")
	require.True(t, led)
	r.learn(second)
	at, _ = leader()
	require.Equal(t, place(2), at, "it is still a member")
	r.askFirst(second, 3)
	r.learn(on(regionOf(1, 1, 4, "", ""), 2, 4))
	_, led = leader()
	require.False(t, led, "it has left")
	r.suggest(second, 3)
	_, led = leader()
	require.False(t, led, "the region was another one then")
	r.suggest(on(regionOf(7, 9, 9, "", ""), 4), 4)
	_, led = leader()
	require.False(t, led, "another region")
}
