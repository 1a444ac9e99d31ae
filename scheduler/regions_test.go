package scheduler_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/dice"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/schedulerpb"
	"github.com/labkv/labkv/scheduler"
)

// What a heartbeat does to what is known: it replaces what it overlaps, or it is
// stale and changes nothing.
func TestHeartbeats(t *testing.T) {
	type beats []*metapb.Region
	abc := []uint64{1, 2, 3}
	for name, c := range map[string]struct {
		known beats
		then  *metapb.Region
		want  []string
		stale string // part of the refusal; "": accepted
	}{
		"a new region": {
			nil, reg(10, "", "", 1, 1, abc...),
			[]string{"10[,)v1c1"}, "",
		},
		"the same again": {
			beats{reg(10, "", "", 1, 1, abc...)}, reg(10, "", "", 1, 1, abc...),
			[]string{"10[,)v1c1"}, "",
		},
		"the same, with its peers in another order": {
			beats{reg(10, "", "", 1, 1, 1, 2, 3)}, reg(10, "", "", 1, 1, 3, 1, 2),
			[]string{"10[,)v1c1"}, "",
		},
		"a greater version": {
			beats{reg(10, "", "", 1, 1, abc...)}, reg(10, "", "m", 2, 1, abc...),
			[]string{"10[,m)v2c1"}, "",
		},
		"a greater conf_ver": {
			beats{reg(10, "", "", 1, 1, abc...)}, reg(10, "", "", 1, 2, 1, 2, 3, 4),
			[]string{"10[,)v1c2"}, "",
		},
		"epochs that jump": {
			beats{reg(10, "", "", 1, 1, abc...)}, reg(10, "", "b", 8, 9, 4, 5, 6),
			[]string{"10[,b)v8c9"}, "",
		},
		"a smaller version": {
			beats{reg(10, "", "m", 5, 5, abc...)}, reg(10, "", "", 4, 5, abc...),
			[]string{"10[,m)v5c5"}, "stale",
		},
		"a smaller conf_ver": {
			beats{reg(10, "", "m", 5, 5, abc...)}, reg(10, "", "m", 5, 4, 1, 2, 4),
			[]string{"10[,m)v5c5"}, "stale",
		},
		"a smaller version with a greater conf_ver": {
			beats{reg(10, "", "m", 5, 5, abc...)}, reg(10, "", "", 4, 6, 1, 2, 3, 4),
			[]string{"10[,m)v5c5"}, "stale",
		},
		"a greater version with a smaller conf_ver": {
			beats{reg(10, "", "m", 5, 5, abc...)}, reg(10, "", "c", 6, 4, 1, 2, 3, 4),
			[]string{"10[,m)v5c5"}, "stale",
		},
		"other keys at the same epoch": {
			beats{reg(10, "", "m", 5, 5, abc...)}, reg(10, "", "n", 5, 5, abc...),
			[]string{"10[,m)v5c5"}, "two descriptions",
		},
		"other peers at the same epoch": {
			beats{reg(10, "", "m", 5, 5, abc...)}, reg(10, "", "m", 5, 5, 1, 2, 4),
			[]string{"10[,m)v5c5"}, "two descriptions",
		},
		"the left half of a split": {
			beats{reg(10, "", "", 1, 1, abc...)}, reg(10, "", "m", 2, 1, abc...),
			[]string{"10[,m)v2c1"}, "",
		},
		"the right half of a split comes first": {
			beats{reg(10, "", "", 1, 1, abc...)}, reg(11, "m", "", 2, 1, abc...),
			[]string{"11[m,)v2c1"}, "",
		},
		"both halves of a split": {
			beats{reg(10, "", "", 1, 1, abc...), reg(11, "m", "", 2, 1, abc...)}, reg(10, "", "m", 2, 1, abc...),
			[]string{"10[,m)v2c1", "11[m,)v2c1"}, "",
		},
		"the whole after its right half": {
			beats{reg(11, "m", "", 2, 1, abc...)}, reg(10, "", "", 1, 1, abc...),
			[]string{"11[m,)v2c1"}, "overlaps region 11",
		},
		"the whole after both halves": {
			beats{reg(11, "m", "", 2, 1, abc...), reg(10, "", "m", 2, 1, abc...)}, reg(10, "", "", 1, 1, abc...),
			[]string{"10[,m)v2c1", "11[m,)v2c1"}, "stale",
		},
		"a newer conf_ver does not help against a newer neighbour": {
			beats{reg(11, "m", "", 2, 1, abc...)}, reg(10, "", "", 1, 9, 4, 5, 6),
			[]string{"11[m,)v2c1"}, "overlaps region 11",
		},
		"several are replaced": {
			beats{reg(10, "", "d", 3, 1, abc...), reg(11, "d", "h", 2, 1, abc...), reg(12, "h", "p", 4, 1, abc...), reg(13, "p", "", 2, 1, abc...)},
			reg(14, "c", "m", 5, 1, abc...),
			[]string{"14[c,m)v5c1", "13[p,)v2c1"}, "",
		},
		"one of several is newer": {
			beats{reg(10, "", "d", 3, 1, abc...), reg(11, "d", "h", 6, 1, abc...), reg(12, "h", "p", 4, 1, abc...)},
			reg(14, "c", "m", 5, 1, abc...),
			[]string{"10[,d)v3c1", "11[d,h)v6c1", "12[h,p)v4c1"}, "overlaps region 11",
		},
		"neighbours do not overlap": {
			beats{reg(10, "", "d", 3, 1, abc...), reg(12, "h", "", 4, 1, abc...)}, reg(11, "d", "h", 1, 1, abc...),
			[]string{"10[,d)v3c1", "11[d,h)v1c1", "12[h,)v4c1"}, "",
		},
		"a region that has moved away from its keys": {
			beats{reg(10, "a", "d", 3, 1, abc...), reg(11, "x", "z", 3, 1, abc...)}, reg(10, "x", "y", 4, 1, abc...),
			[]string{"10[x,y)v4c1"}, "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := cluster(t, 6, scheduler.Options{RepairLimit: -1, RegionLimit: -1, LeaderLimit: -1})
			for _, r := range c.known {
				require.Nil(t, m.report(beat(r)))
			}
			resp := m.RegionHeartbeat(beat(c.then))
			if c.stale == "" {
				require.Nil(t, resp)
			} else {
				refused(t, resp.GetHeader(), unknown, c.stale)
				require.Equal(t, c.then.Id, resp.RegionId)
				require.EqualValues(t, 1, m.Status().Counts.RefusedHeartbeats)
			}
			require.Equal(t, c.want, m.known())
			m.tallies()
		})
	}
}

func TestImpossibleHeartbeats(t *testing.T) {
	good := func() *schedulerpb.RegionHeartbeatRequest { return beat(reg(10, "a", "m", 5, 5, 1, 2, 3)) }
	for word, spoil := range map[string]func(*schedulerpb.RegionHeartbeatRequest){
		"the region has no id":       func(r *schedulerpb.RegionHeartbeatRequest) { r.Region.Id = 0 },
		"the region has no id ":      func(r *schedulerpb.RegionHeartbeatRequest) { r.Region = nil },
		"has the epoch 0":            func(r *schedulerpb.RegionHeartbeatRequest) { r.Region.RegionEpoch = nil },
		"the epoch 0: version":       func(r *schedulerpb.RegionHeartbeatRequest) { r.Region.RegionEpoch.Version = 0 },
		"and conf_ver begin with 1":  func(r *schedulerpb.RegionHeartbeatRequest) { r.Region.RegionEpoch.ConfVer = 0 },
		"has no peers":               func(r *schedulerpb.RegionHeartbeatRequest) { r.Region.Peers = nil },
		"has no keys":                func(r *schedulerpb.RegionHeartbeatRequest) { r.Region.StartKey = []byte("m") },
		"it starts at":               func(r *schedulerpb.RegionHeartbeatRequest) { r.Region.StartKey = []byte("x") },
		"peer 0 on store 0":          func(r *schedulerpb.RegionHeartbeatRequest) { r.Leader = nil },
		"not a member of region 10":  func(r *schedulerpb.RegionHeartbeatRequest) { r.Leader = &metapb.Peer{Id: 99, StoreId: 1} },
		"peer 1001 on store 2":       func(r *schedulerpb.RegionHeartbeatRequest) { r.Leader = &metapb.Peer{Id: 1001, StoreId: 2} },
		"a peer without an id":       func(r *schedulerpb.RegionHeartbeatRequest) { r.Region.Peers[2].Id = 0 },
		"peer without an id":         func(r *schedulerpb.RegionHeartbeatRequest) { r.Region.Peers[1] = nil },
		"store 9, which is not know": func(r *schedulerpb.RegionHeartbeatRequest) { r.Region.Peers[2].StoreId = 9 },
		"two peers on store 2":       func(r *schedulerpb.RegionHeartbeatRequest) { r.Region.Peers[2].StoreId = 2 },
		"two peers with the id 1002": func(r *schedulerpb.RegionHeartbeatRequest) { r.Region.Peers[2].Id = 1002 },
		"region id 77777 does not":   func(r *schedulerpb.RegionHeartbeatRequest) { r.Region.Id = 77777 },
		"id 88888 does not come":     func(r *schedulerpb.RegionHeartbeatRequest) { r.Region.Peers[2].Id = 88888 },
	} {
		t.Run(word, func(t *testing.T) {
			m := cluster(t, 3, scheduler.Options{})
			require.Nil(t, m.report(beat(reg(10, "a", "m", 4, 4, 1, 2, 3))))
			before := m.Status()
			bad := good()
			spoil(bad)
			if word == "the region has no id " {
				word = "the region has no id"
			}
			refused(t, m.RegionHeartbeat(bad).Header, unknown, word)
			after := m.Status()
			require.EqualValues(t, 1, after.Counts.RefusedHeartbeats)
			before.Counts, after.Counts = scheduler.Counts{}, scheduler.Counts{}
			require.Equal(t, before, after)
			require.Nil(t, m.report(good()), "without the fault it is accepted")
		})
	}
}

// Leader, pending peers and size are as in the last heartbeat that is not stale.
func TestSoftState(t *testing.T) {
	m := cluster(t, 3, scheduler.Options{RepairLimit: -1, RegionLimit: -1, LeaderLimit: -1})
	r := reg(10, "", "", 5, 5, 1, 2, 3)
	send := func(leader int, term, size uint64, pending ...*metapb.Peer) *schedulerpb.RegionHeartbeatResponse {
		return m.RegionHeartbeat(&schedulerpb.RegionHeartbeatRequest{
			Header: header, Region: r, Leader: r.Peers[leader], Term: term, ApproximateSize: size, PendingPeers: pending,
		})
	}
	check := func(leader, term, size uint64, pending ...uint64) {
		t.Helper()
		got := m.Status().Regions[0]
		require.Equal(t, leader, got.Leader.StoreId)
		require.Equal(t, term, got.Term)
		require.Equal(t, size, got.Size)
		var ids []uint64
		for _, p := range got.Pending {
			ids = append(ids, p.StoreId)
		}
		require.Equal(t, pending, ids)
		m.tallies()
	}
	require.Nil(t, send(0, 4, 100, r.Peers[1], r.Peers[2]))
	check(1, 4, 100, 2, 3)
	require.Nil(t, send(0, 4, 50, r.Peers[1]))
	check(1, 4, 50, 2)
	require.Nil(t, send(2, 6, 0))
	check(3, 6, 0)
	refused(t, send(0, 5, 70, r.Peers[1]).GetHeader(), unknown, "a heartbeat of term 5 is stale")
	check(3, 6, 0)
	require.Nil(t, send(1, 0, 80), "a leader that does not say its term is believed")
	check(2, 0, 80)
	require.Nil(t, send(1, 7, 80, r.Peers[1], r.Peers[0], r.Peers[0], &metapb.Peer{Id: 9, StoreId: 3}, nil),
		"leaders and strangers are not pending")
	check(2, 7, 80, 1)
	r = reg(10, "", "", 5, 6, 2, 3)
	require.Nil(t, send(0, 7, 80))
	check(2, 7, 80)
	require.Zero(t, m.Status().Stores[0].Peers)
}

// What a caller does to its request, or to a response, does not change what is
// known.
func TestNothingIsShared(t *testing.T) {
	m := cluster(t, 3, scheduler.Options{})
	req := sized(reg(10, "", "", 1, 1, 1, 2, 3), 5)
	require.Nil(t, m.report(req))
	stats := &schedulerpb.StoreStats{StoreId: 1, Capacity: 100, Available: 100}
	ok(t, m.storeBeat(stats))
	want := fmt.Sprintf("%+v", m.Status().Regions)

	req.Region.EndKey, req.Leader.Id, req.Region.Peers[1].Id, req.Region.RegionEpoch.Version = []byte("x"), 7, 8, 9
	stats.Available = 0
	got, err := m.GetRegion(ctx, &schedulerpb.GetRegionRequest{Header: header})
	ok(t, m.header(got, err))
	got.Region.Peers[0].StoreId, got.Leader.StoreId, got.Slaves[0].Id = 9, 9, 9
	scan, err := m.ScanRegions(ctx, &schedulerpb.ScanRegionsRequest{Header: header})
	ok(t, m.header(scan, err))
	scan.Regions[0].RegionEpoch.Version, scan.Leaders[0].Id = 9, 9
	st, err := m.GetStore(ctx, &schedulerpb.GetStoreRequest{Header: header, StoreId: 1})
	ok(t, m.header(st, err))
	require.EqualValues(t, 100, st.Stats.Available)
	st.Store.Address, st.Stats.IsBusy = "", true
	require.Equal(t, want, fmt.Sprintf("%+v", m.Status().Regions))
	require.False(t, m.Status().Stores[0].Stats.IsBusy)
	require.Equal(t, "store-1:20160", m.Status().Stores[0].Address)
}

func TestFindRegions(t *testing.T) {
	m := cluster(t, 3, scheduler.Options{})
	for _, r := range []*metapb.Region{
		reg(10, "", "d", 3, 1, 1, 2, 3), reg(11, "d", "h", 2, 1, 2, 3, 1), reg(12, "p", "", 4, 1, 3, 1, 2),
	} {
		require.Nil(t, m.report(beat(r)))
	}
	describe := func(resp *schedulerpb.GetRegionResponse, err error) string {
		ok(t, m.header(resp, err))
		if resp.Region == nil {
			require.Nil(t, resp.Leader)
			require.Empty(t, resp.Slaves)
			return "none"
		}
		require.Len(t, resp.Slaves, 2)
		for _, p := range resp.Slaves {
			require.NotEqual(t, resp.Leader.Id, p.Id)
		}
		return fmt.Sprintf("%d led by %d", resp.Region.Id, resp.Leader.StoreId)
	}
	for _, c := range []struct{ key, at, before string }{
		{"", "10 led by 1", "none"},
		{"c", "10 led by 1", "none"},
		{"d", "11 led by 2", "10 led by 1"},
		{"g\xff", "11 led by 2", "10 led by 1"},
		{"h", "none", "none"},
		{"o", "none", "none"},
		{"p", "12 led by 3", "none"},
		{"zzz", "12 led by 3", "none"},
	} {
		req := &schedulerpb.GetRegionRequest{Header: header, RegionKey: []byte(c.key)}
		require.Equal(t, c.at, describe(m.GetRegion(ctx, req)), "key %q", c.key)
		require.Equal(t, c.before, describe(m.GetPrevRegion(ctx, req)), "before key %q", c.key)
	}
	for id, want := range map[uint64]string{10: "10 led by 1", 12: "12 led by 3", 13: "none"} {
		require.Equal(t, want, describe(m.GetRegionByID(ctx, &schedulerpb.GetRegionByIDRequest{Header: header, RegionId: id})))
	}
	for _, c := range []struct {
		start, end string
		limit      int32
		want       []uint64
	}{
		{"", "", 0, []uint64{10, 11, 12}},
		{"", "", -1, []uint64{10, 11, 12}},
		{"", "", 2, []uint64{10, 11}},
		{"e", "", 0, []uint64{11, 12}},
		{"h", "", 0, []uint64{12}},
		{"h", "p", 0, nil},
		{"", "d", 0, []uint64{10}},
		{"", "d\x00", 0, []uint64{10, 11}},
		{"f", "e", 0, nil},
	} {
		resp, err := m.ScanRegions(ctx, &schedulerpb.ScanRegionsRequest{
			Header: header, StartKey: []byte(c.start), EndKey: []byte(c.end), Limit: c.limit,
		})
		ok(t, m.header(resp, err))
		var ids []uint64
		for i, r := range resp.Regions {
			ids = append(ids, r.Id)
			require.Equal(t, r.Peers[0].String(), resp.Leaders[i].String())
		}
		require.Equal(t, c.want, ids, "[%q, %q) limit %d", c.start, c.end, c.limit)
		require.Len(t, resp.Leaders, len(c.want))
	}
}

func TestAskSplit(t *testing.T) {
	m := cluster(t, 4, scheduler.Options{RepairLimit: -1})
	ask := func(r *metapb.Region) (*schedulerpb.AskSplitResponse, *schedulerpb.ResponseHeader) {
		resp, err := m.AskSplit(ctx, &schedulerpb.AskSplitRequest{Header: header, Region: r})
		return resp, m.header(resp, err)
	}
	r := reg(10, "a", "m", 5, 5, 1, 2, 3)
	_, h := ask(r)
	refused(t, h, schedulerpb.ErrorType_REGION_NOT_FOUND, "region 10 is not known")
	require.Nil(t, m.report(beat(r)))

	first, h := ask(r)
	ok(t, h)
	second, h := ask(r)
	ok(t, h)
	seen := map[uint64]bool{}
	for _, ids := range []*schedulerpb.AskSplitResponse{first, second} {
		require.Len(t, ids.NewPeerIds, 3)
		for _, id := range append(ids.NewPeerIds, ids.NewRegionId) {
			require.Greater(t, id, uint64(9999))
			require.False(t, seen[id], "id %d comes twice", id)
			seen[id] = true
		}
	}
	next := m.id()
	for word, old := range map[string]*metapb.Region{
		"version 4":        reg(10, "a", "z", 4, 5, 1, 2, 3),
		"conf_ver 4":       reg(10, "a", "m", 5, 4, 1, 2),
		"two descriptions": reg(10, "a", "m", 5, 5, 1, 2, 4),
		"no peers":         reg(10, "a", "m", 5, 5),
	} {
		_, h := ask(old)
		refused(t, h, unknown, word)
	}
	require.Equal(t, next+1, m.id(), "a refusal costs no ids")

	// A leader may be ahead of its last heartbeat.
	ahead, h := ask(reg(10, "a", "m", 5, 6, 1, 2, 3, 4))
	ok(t, h)
	require.Len(t, ahead.NewPeerIds, 4)
	require.Equal(t, []string{"10[a,m)v5c5"}, m.known())
}

// Two schedulers that get the same random heartbeats are equal after each one, and
// what they know agrees with a plain list of regions.
func TestRandomHeartbeats(t *testing.T) {
	const keys = "abcdefgh"
	for seed := range dice.Dice(12) {
		d := dice.NewDrawer(seed, 1, 0)
		a, b := cluster(t, 5, scheduler.Options{}), cluster(t, 5, scheduler.Options{})
		var list []*metapb.Region
		accepted, stale := 0, 0
		for step := range 300 {
			from, to := d.IntN(len(keys)+1), d.IntN(len(keys)+1)
			start, end := "", ""
			if from > 0 {
				start = keys[from-1 : from]
			}
			if to < len(keys) {
				end = keys[to : to+1]
			}
			stores := []uint64{1, 2, 3, 4, 5}
			for i := range stores {
				j := d.Between(i, 4)
				stores[i], stores[j] = stores[j], stores[i]
			}
			r := reg(uint64(d.Between(10, 20)), start, end, uint64(d.Between(1, 3+step/30)), uint64(d.Between(1, 3+step/30)), stores[:d.Between(1, 4)]...)
			req := sized(r, uint64(d.IntN(1000)))
			if d.Chance(0.3) {
				req.PendingPeers = r.Peers[len(r.Peers)-1:]
			}
			if d.Chance(0.05) {
				a.crash()
				b.crash()
				list = nil
				for _, r := range a.Status().Regions {
					list = append(list, r.Region)
				}
			}
			if d.Chance(0.3) {
				a.pass(3e9)
				b.pass(3e9)
			}
			answer, other := a.RegionHeartbeat(req), b.RegionHeartbeat(req)
			require.Equal(t, answer.String(), other.String())
			require.Equal(t, fmt.Sprintf("%+v", a.Status()), fmt.Sprintf("%+v", b.Status()))

			next, ok := expect(list, r)
			require.Equal(t, ok, answer == nil || answer.Header.Error == nil, "seed %d, step %d: %v", seed, step, answer)
			if list = next; ok {
				accepted++
			} else {
				stale++
			}
			var want []string
			for _, r := range list {
				want = append(want, name(r))
			}
			require.ElementsMatch(t, want, a.known())
			a.tallies()
		}
		require.Greater(t, accepted, 10)
		require.Greater(t, stale, 10)
	}
}
