package storesim

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/engine/memory"
	"github.com/labkv/labkv/kv/raftstore"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/raft"
)

// A region is settled when its members, and nobody else, agree.
func TestSettledRegion(t *testing.T) {
	members := []*metapb.Peer{{Id: 11, StoreId: 1}, {Id: 12, StoreId: 2}, {Id: 13, StoreId: 3}}
	now := testRegion(1, "", "", 2, 3, members...)
	y := &System{opts: Options{Replicas: 3}}
	seats := func() []seat {
		var all []seat
		for i, p := range members {
			s := &store{id: p.StoreId, data: newTestSummed(t, memory.NewDisk(), nil)}
			write(t, s.data, []string{"a", "b"}, now)
			at := seat{store: s, peer: p.Id, region: now, status: raftstore.Status{Applied: 7, FirstIndex: 2, LastIndex: 7}}
			if i == 1 {
				at.status.RaftState = raft.StateLeader
			}
			all = append(all, at)
		}
		return all
	}
	require.Empty(t, y.unsettled(now, seats()))
	require.Equal(t, now, latest(seats()))

	for name, c := range map[string]struct {
		change func(all []seat) []seat
		says   string
	}{
		"nobody leads": {func(all []seat) []seat { all[1].status.RaftState = raft.StateFollower; return all }, "0 stores lead region 1"},
		"two lead":     {func(all []seat) []seat { all[2].status.RaftState = raft.StateLeader; return all }, "2 stores lead region 1"},
		"one is behind": {func(all []seat) []seat { all[2].status.Applied = 6; return all },
			"store 3 has applied up to index 6 of region 1, store 1 up to 7"},
		"one has an older version": {func(all []seat) []seat { all[2].region = testRegion(1, "", "", 2, 2, members...); return all },
			"store 3 does not have region 1 as it is now"},
		"one has no data": {func(all []seat) []seat { all[2].region = nil; return all }, "store 3 does not have region 1 as it is now"},
		"data differ": {func(all []seat) []seat { write(t, all[2].store.data, []string{"c"}); return all },
			"the data of region 1 on store 3 and on store 1 differ"},
		"one is missing": {func(all []seat) []seat { return all[:2] }, "store 3 has no peer of region 1"},
		"one was removed": {func(all []seat) []seat {
			return append(all, seat{store: &store{id: 4}, peer: 14, region: testRegion(1, "", "", 2, 2), status: all[0].status})
		}, "store 4 still has peer 14 of region 1, which is not a member"},
		"an earlier peer of a member's store": {func(all []seat) []seat { all[2].peer = 9; return all },
			"store 3 still has peer 9 of region 1, which is not a member"},
		"one is on another store": {func(all []seat) []seat { all[2].store.id = 4; return all },
			"store 4 has peer 13 of region 1, which belongs on store 3"},
	} {
		require.Equal(t, c.says, y.unsettled(now, c.change(seats())), name)
	}
	y.opts.Replicas = 5
	require.Equal(t, "region 1 has 3 peers instead of 5", y.unsettled(now, seats()))
}

// Answers with regions must be true, and must not change later.
func TestKeptAnswers(t *testing.T) {
	r := testRegion(1, "", "m", 2, 1)
	k := kept{{what: "a request", regions: []*metapb.Region{r}, said: [][]byte{said(r)}}}
	require.NoError(t, k.violation())
	r.RegionEpoch.ConfVer++
	require.ErrorContains(t, k.violation(), "a region in the answer to a request has changed since")
}
