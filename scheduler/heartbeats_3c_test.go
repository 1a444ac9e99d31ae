package scheduler_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/engine/memory"
	"github.com/labkv/labkv/lab/dice"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/schedulerpb"
	"github.com/labkv/labkv/scheduler"
)

// A heartbeatCase says what a heartbeat does to what is known.
type heartbeatCase struct {
	name  string
	known []*metapb.Region // that sent heartbeats before
	then  *metapb.Region
	want  string // the known regions
	stale bool
}

func checkHeartbeats(t *graded.T, cases []heartbeatCase) {
	t.Helper()
	for _, c := range cases {
		m := cluster(t, 6, still)
		for _, r := range c.known {
			require.Nil(t, m.report(beat(r)), "an order, where all operators are off")
		}
		if c.stale {
			m.mustRefuse(beat(c.then), c.name)
		} else if h := m.RegionHeartbeat(beat(c.then)).GetHeader(); h.GetError() != nil {
			t.Fatalf("%s: it is refused (%s), and should be accepted", c.name, h.Error.Message)
		}
		if got := strings.Join(m.known(), " "); got != c.want {
			t.Fatalf("%s: afterwards the known regions are %s, and should be %s", c.name, got, c.want)
		}
		m.tallies()
	}
}

var abc = []uint64{1, 2, 3}

func TestNewHeartbeats3C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a heartbeat of a region that is new, or has changed, makes it known",
		Source: "(*regions).check",
	}, func(t *graded.T) {
		checkHeartbeats(t, []heartbeatCase{
			{"a new region", nil, reg(10, "", "", 1, 1, abc...), "10[,)v1c1", false},
			{"the same again", []*metapb.Region{reg(10, "", "", 1, 1, abc...)}, reg(10, "", "", 1, 1, abc...), "10[,)v1c1", false},
			{"the same, with its peers in another order", []*metapb.Region{reg(10, "", "", 1, 1, 1, 2, 3)}, reg(10, "", "", 1, 1, 3, 1, 2), "10[,)v1c1", false},
			{"a greater version", []*metapb.Region{reg(10, "", "", 1, 1, abc...)}, reg(10, "", "m", 2, 1, abc...), "10[,m)v2c1", false},
			{"a greater conf_ver", []*metapb.Region{reg(10, "", "", 1, 1, abc...)}, reg(10, "", "", 1, 2, 1, 2, 3, 4), "10[,)v1c2", false},
			{"both parts of the epoch jump", []*metapb.Region{reg(10, "", "", 1, 1, abc...)}, reg(10, "", "b", 8, 9, 4, 5, 6), "10[,b)v8c9", false},
			{"a neighbor on both sides", []*metapb.Region{reg(10, "", "d", 3, 1, abc...), reg(12, "h", "", 4, 1, abc...)}, reg(11, "d", "h", 1, 1, abc...),
				"10[,d)v3c1 11[d,h)v1c1 12[h,)v4c1", false},
			{"a region that has come from elsewhere", []*metapb.Region{reg(10, "a", "d", 3, 1, abc...), reg(11, "x", "z", 3, 1, abc...)}, reg(10, "x", "y", 4, 1, abc...),
				"10[x,y)v4c1", false},
		})
	})
}

func TestStaleHeartbeats3C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a heartbeat is stale if either part of its epoch is smaller than what is known, and if its epoch already names another region; it changes nothing",
		Source: "(*regions).check",
	}, func(t *graded.T) {
		known := []*metapb.Region{reg(10, "", "m", 5, 5, abc...)}
		checkHeartbeats(t, []heartbeatCase{
			{"a smaller version", known, reg(10, "", "", 4, 5, abc...), "10[,m)v5c5", true},
			{"a smaller conf_ver", known, reg(10, "", "m", 5, 4, 1, 2, 4), "10[,m)v5c5", true},
			{"a smaller version with a greater conf_ver", known, reg(10, "", "", 4, 6, 1, 2, 3, 4), "10[,m)v5c5", true},
			{"a greater version with a smaller conf_ver", known, reg(10, "", "c", 6, 4, 1, 2, 3, 4), "10[,m)v5c5", true},
			{"other keys at the same epoch", known, reg(10, "", "n", 5, 5, abc...), "10[,m)v5c5", true},
			{"other peers at the same epoch", known, reg(10, "", "m", 5, 5, 1, 2, 4), "10[,m)v5c5", true},
		})
	})
}

func TestOverlappingHeartbeats3C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "of two regions that overlap, the one with the greater version has the keys: a heartbeat replaces all that it overlaps, or is stale, whichever half of a split comes first",
		Source: "(*regions).check",
	}, func(t *graded.T) {
		whole, left, right := reg(10, "", "", 1, 1, abc...), reg(10, "", "m", 2, 1, abc...), reg(11, "m", "", 2, 1, abc...)
		checkHeartbeats(t, []heartbeatCase{
			{"the left half of a split", []*metapb.Region{whole}, left, "10[,m)v2c1", false},
			{"the right half of a split", []*metapb.Region{whole}, right, "11[m,)v2c1", false},
			{"the left half after the right one", []*metapb.Region{whole, right}, left, "10[,m)v2c1 11[m,)v2c1", false},
			{"the right half after the left one", []*metapb.Region{whole, left}, right, "10[,m)v2c1 11[m,)v2c1", false},
			{"the whole after its right half", []*metapb.Region{right}, whole, "11[m,)v2c1", true},
			{"the whole after its left half", []*metapb.Region{left}, whole, "10[,m)v2c1", true},
			{"the whole after both halves", []*metapb.Region{right, left}, whole, "10[,m)v2c1 11[m,)v2c1", true},
			{"the whole with a newer conf_ver, after its right half", []*metapb.Region{right}, reg(10, "", "", 1, 9, 4, 5, 6), "11[m,)v2c1", true},
			{"one with the same version as what it overlaps", []*metapb.Region{left}, reg(12, "c", "d", 2, 1, abc...), "12[c,d)v2c1", false},
			{"one that overlaps three others, all older", []*metapb.Region{reg(10, "", "d", 3, 1, abc...), reg(11, "d", "h", 2, 1, abc...), reg(12, "h", "p", 4, 1, abc...), reg(13, "p", "", 2, 1, abc...)},
				reg(14, "c", "m", 5, 1, abc...), "14[c,m)v5c1 13[p,)v2c1", false},
			{"one that overlaps three others, of which one is newer", []*metapb.Region{reg(10, "", "d", 3, 1, abc...), reg(11, "d", "h", 6, 1, abc...), reg(12, "h", "p", 4, 1, abc...)},
				reg(14, "c", "m", 5, 1, abc...), "10[,d)v3c1 11[d,h)v6c1 12[h,p)v4c1", true},
			{"one that grows over a newer one", []*metapb.Region{reg(10, "", "d", 3, 1, abc...), reg(11, "d", "h", 6, 1, abc...)},
				reg(10, "", "h", 4, 1, abc...), "10[,d)v3c1 11[d,h)v6c1", true},
		})
	})
}

func TestImpossibleHeartbeats3C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a heartbeat that cannot be true is refused, and changes nothing",
		Source: "(*Scheduler).wellFormed, (*Scheduler).learn",
	}, func(t *graded.T) {
		type request = *schedulerpb.RegionHeartbeatRequest
		good := func() request { return beat(reg(10, "a", "m", 5, 5, 1, 2, 3)) }
		for _, c := range []struct {
			what  string
			spoil func(r request)
		}{
			{"no region", func(r request) { r.Region = nil }},
			{"a region without an id", func(r request) { r.Region.Id = 0 }},
			{"a region without an epoch", func(r request) { r.Region.RegionEpoch = nil }},
			{"version 0", func(r request) { r.Region.RegionEpoch.Version = 0 }},
			{"conf_ver 0", func(r request) { r.Region.RegionEpoch.ConfVer = 0 }},
			{"no peers", func(r request) { r.Region.Peers = nil }},
			{"a range without keys", func(r request) { r.Region.StartKey = []byte("m") }},
			{"a range that ends before it starts", func(r request) { r.Region.StartKey = []byte("x") }},
			{"no leader", func(r request) { r.Leader = nil }},
			{"a leader that is no member", func(r request) { r.Leader = &metapb.Peer{Id: 99, StoreId: 1} }},
			{"a leader on another store than its peer", func(r request) { r.Leader = &metapb.Peer{Id: 1001, StoreId: 2} }},
			{"a peer without an id", func(r request) { r.Region.Peers[2].Id = 0 }},
			{"a peer that is nil", func(r request) { r.Region.Peers[1] = nil }},
			{"a peer on an unknown store", func(r request) { r.Region.Peers[2].StoreId = 9 }},
			{"two peers on one store", func(r request) { r.Region.Peers[2].StoreId = 2 }},
			{"two peers with the same id", func(r request) { r.Region.Peers[2].Id = 1002 }},
			{"its first and its last peer on one store", func(r request) { r.Region.Peers[2].StoreId = 1 }},
			{"the same id for its first and its last peer", func(r request) { r.Region.Peers[2].Id = 1001 }},
			{"a region id that was never handed out", func(r request) { r.Region.Id = 77777 }},
			{"a peer id that was never handed out", func(r request) { r.Region.Peers[2].Id = 88888 }},
			// 9999 ids were handed out, and 10000 are reserved.
			{"a region id that is reserved, and was not handed out yet", func(r request) { r.Region.Id = 10000 }},
			{"a peer id that is reserved, and was not handed out yet", func(r request) { r.Region.Peers[2].Id = 10000 }},
			{"another cluster", func(r request) { r.Header = &schedulerpb.RequestHeader{ClusterId: 8} }},
			{"no header", func(r request) { r.Header = nil }},
		} {
			for _, known := range []bool{false, true} {
				m := cluster(t, 3, scheduler.Options{})
				if known {
					require.Nil(t, m.report(beat(reg(10, "a", "m", 4, 4, 1, 2, 3))), "an order for a region that is well")
				}
				before := m.Status()
				bad := good()
				c.spoil(bad)
				m.mustRefuse(bad, "a heartbeat with "+c.what)
				after := m.Status()
				before.Counts, after.Counts = scheduler.Counts{}, scheduler.Counts{}
				unchanged(t, before, after, "a heartbeat with "+c.what)
				require.Nil(t, m.report(good()), "an order for a region that is well")
			}
		}
		// A region with the last keys of all has no end, and is no mistake.
		m := cluster(t, 3, scheduler.Options{})
		require.Nil(t, m.report(beat(reg(10, "m", "", 1, 1, 1, 2, 3))), "an order for a region that is well")

		m = boot(t, scheduler.Options{})
		for range 2000 {
			m.id()
		}
		m.mustRefuse(beat(reg(10, "", "", 1, 1, 1)), "a heartbeat before there is a first store")
	})
}

func TestLeadersAndPendingPeers3C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "leader, pending peers and size are as in the last heartbeat that is not stale; one of an earlier term is",
		Source: "(*regions).check, (*regions).put",
	}, func(t *graded.T) {
		m := cluster(t, 3, still)
		r := reg(10, "", "", 5, 5, 1, 2, 3)
		send := func(leader int, term, size uint64, pending ...*metapb.Peer) *schedulerpb.RegionHeartbeatRequest {
			return &schedulerpb.RegionHeartbeatRequest{
				Header: header, Region: r, Leader: r.Peers[leader], Term: term, ApproximateSize: size, PendingPeers: pending,
			}
		}
		is := func(leader, size uint64, pending ...uint64) {
			t.Helper()
			require.Len(t, m.Status().Regions, 1, "the known regions")
			got := m.Status().Regions[0]
			require.Equal(t, leader, got.Leader.GetStoreId(), "the store of the leader")
			require.Equal(t, size, got.Size, "the size")
			var ids []uint64
			for _, p := range got.Pending {
				ids = append(ids, p.StoreId)
			}
			require.Equal(t, pending, ids, "the stores of pending peers")
			m.tallies()
		}
		m.report(send(0, 4, 100, r.Peers[1], r.Peers[2]))
		is(1, 100, 2, 3)
		m.report(send(0, 4, 50, r.Peers[1]))
		is(1, 50, 2)
		m.report(send(2, 6, 0))
		is(3, 0)
		m.mustRefuse(send(0, 5, 70, r.Peers[1]), "a heartbeat of term 5 after one of term 6")
		is(3, 0)
		m.report(send(1, 0, 80)) // a leader that does not say its term is believed
		is(2, 80)
		m.report(send(1, 7, 80, r.Peers[0]))
		is(2, 80, 1)
		// Terms of another epoch are not compared: a split region may begin anew.
		r = reg(10, "", "", 5, 6, 2, 3)
		m.report(send(0, 3, 90))
		is(2, 90)
	})
}

func TestRegionsSurviveRestart3C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "regions are written when their epoch changes, with what they replace, and without a sync; what a crash has lost, the next heartbeats bring",
		Source: "package scheduler, what is durable; (*Scheduler).learn",
	}, func(t *graded.T) {
		m := cluster(t, 3, still)
		is := func(want, when string) {
			t.Helper()
			if got := strings.Join(m.known(), " "); got != want {
				t.Fatalf("%s, the known regions are %s, and should be %s", when, got, want)
			}
		}
		m.report(beat(reg(10, "", "", 1, 1, 1, 2, 3)))
		m.report(beat(reg(10, "", "m", 2, 1, 1, 2, 3)))
		m.report(beat(reg(13, "m", "", 2, 1, 1, 2, 3)))
		m.report(beat(reg(12, "m", "", 3, 1, 1, 2, 3))) // in the place of 13
		m.report(beat(reg(10, "", "m", 2, 2, 1, 2)))
		want := "10[,m)v2c2 12[m,)v3c1"
		is(want, "after some heartbeats")
		before := m.disk.Writes()
		for range 10 {
			m.report(sized(reg(10, "", "m", 2, 2, 1, 2), 77))
			m.mustRefuse(beat(reg(10, "", "", 1, 1, 1, 2, 3)), "a stale heartbeat")
		}
		if n := m.disk.Writes() - before; n > 0 {
			t.Fatalf("10 heartbeats that bring no new epoch, and 10 stale ones, have cost %d writes", n)
		}
		if m.disk.Unsynced() == 0 {
			t.Fatalf("a heartbeat has waited for a sync")
		}
		m.disk.Crash(memory.All)
		m.start()
		is(want, "after a restart in which nothing was lost")
		m.mustRefuse(beat(reg(10, "", "", 1, 1, 1, 2, 3)), "a heartbeat that was stale before the restart")
		ok(t, m.storeBeat(&schedulerpb.StoreStats{StoreId: 1})) // has nothing to do with them
		ok(t, m.putStore(store(3)))                             // synced, and so are they

		m.report(beat(reg(12, "m", "p", 4, 1, 1, 2, 3)))
		m.crash()
		is(want, "after a crash that has lost the last heartbeat")
		m.report(beat(reg(12, "m", "p", 4, 1, 1, 2, 3)))
		is("10[,m)v2c2 12[m,p)v4c1", "when the heartbeat comes again")
	})
}

// Two schedulers that get the same random heartbeats are equal after each one, and
// what they know agrees with a plain list of regions.
func TestRandomHeartbeats3C(t *testing.T) {
	graded.Seeds(t, graded.Claim{
		Text:   "no two regions that are known overlap, and what is known of stores is what is known of regions; the same heartbeats lead to the same decisions",
		Source: "package scheduler, what always holds",
	}, 20, func(t *graded.T, seed uint64) uint64 {
		const keys = "abcdefgh"
		d := dice.NewDrawer(dice.Dice(seed), 1, 0)
		a, b := cluster(t, 5, scheduler.Options{}), cluster(t, 5, scheduler.Options{})
		var list []*metapb.Region
		for step := range 150 {
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
			r := reg(uint64(d.Between(10, 20)), start, end, uint64(d.Between(1, 3+step/15)), uint64(d.Between(1, 3+step/15)), stores[:d.Between(1, 4)]...)
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
			require.Equal(t, answer.String(), other.String(), "the answers of two schedulers to the same heartbeats")
			next, accepted := expect(list, r)
			if got := answer.GetHeader().GetError() == nil; got != accepted {
				t.Fatalf("step %d: a heartbeat of %s, where %v are known: accepted is %v, and should be %v", step, name(r), a.known(), got, accepted)
			}
			list = next
			var want []string
			for _, r := range list {
				want = append(want, name(r))
			}
			got := a.known()
			slices.Sort(want)
			slices.Sort(got)
			if !slices.Equal(want, got) {
				t.Fatalf("step %d: after a heartbeat of %s, the known regions are %v, and should be %v", step, name(r), got, want)
			}
			a.tallies()
			if one, other := fmt.Sprintf("%+v", a.Status()), fmt.Sprintf("%+v", b.Status()); one != other {
				t.Fatalf("step %d: the same heartbeats and ticks have led two schedulers to other decisions:\n%s", step, difference(one, other))
			}
		}
		return 0
	})
}
