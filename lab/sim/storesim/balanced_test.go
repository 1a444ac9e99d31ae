package storesim

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/sim"
	"github.com/labkv/labkv/proto/metapb"
)

// A store that is fuller than another one by more than twice a region should give it away,
// and one that leads two regions more than another one a leadership.
func TestWorthMoving(t *testing.T) {
	on := func(id uint64, stores ...uint64) *metapb.Region {
		r := &metapb.Region{Id: id, RegionEpoch: &metapb.RegionEpoch{ConfVer: 1, Version: 1}}
		for _, s := range stores {
			r.Peers = append(r.Peers, &metapb.Peer{Id: 10*id + s, StoreId: s})
		}
		return r
	}
	stores := func(n uint64) (all []*store) {
		for id := uint64(1); id <= n; id++ {
			all = append(all, &store{id: id, env: &sim.Env{ID: id}})
		}
		return all
	}
	all := stores(3)
	regions := []*metapb.Region{on(1, 1, 2), on(2, 1, 2), on(3, 1, 2)}
	sizes := map[uint64]int64{1: 100, 2: 100, 3: 100}
	led := func(by ...int) map[uint64]*store {
		leaders := map[uint64]*store{}
		for i, s := range by {
			leaders[uint64(i+1)] = all[s-1]
		}
		return leaders
	}
	require.Equal(t, "the regions of store 1 have 300 bytes and those of store 3 have 0, but region 1, of 100 bytes, was not moved",
		worthMoving(all, regions, led(1, 2, 1), sizes))
	require.Empty(t, worthMoving(all, regions[:2], led(1, 2), map[uint64]int64{1: 100, 2: 100}), "a difference of twice the size")
	require.Equal(t, "store 1 leads 3 regions and store 2 leads 0, but of region 1, of which both have a peer, the leadership was not moved",
		worthMoving(all[:2], regions, led(1, 1, 1), sizes))
	require.Empty(t, worthMoving(all[:2], regions, led(1, 1, 2), sizes), "a difference of one leader")
}
