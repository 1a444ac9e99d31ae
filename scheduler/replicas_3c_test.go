package scheduler_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/schedulerpb"
)

// A replicaCase is a region, and what the checker does about it.
type replicaCase struct {
	name    string
	stores  int
	fill    []uint64 // bytes that store 1, 2, ... has besides
	peers   []uint64 // stores of the region's peers; the first one leads
	pending []uint64
	gone    []uint64 // stores that are silent: disconnected after 20 s, down after 60 s
	after   time.Duration
	offline []uint64
	busy    []uint64
	full    []uint64 // stores without space
	max     uint32   // peers that a region should have, if not 3
	want    string   // the order that follows a heartbeat; several are separated by "|"
}

func checkReplicas(t *graded.T, cases []replicaCase) {
	t.Helper()
	for _, c := range cases {
		m := cluster(t, c.stores, checking)
		m.maxPeers(9) // so that nothing happens yet
		for i, size := range c.fill {
			m.fill(uint64(i)+1, size)
		}
		for _, s := range c.busy {
			m.stats[s] = &schedulerpb.StoreStats{StoreId: s, IsBusy: true}
		}
		for _, s := range c.full {
			m.stats[s] = &schedulerpb.StoreStats{StoreId: s, Capacity: 1000, Available: 99}
		}
		for _, s := range c.gone {
			m.silent[s] = true
		}
		m.pass(max(c.after, time.Second))
		for _, s := range c.offline {
			ok(t, m.removeStore(s))
		}
		for _, o := range m.Status().Operators {
			ok(t, m.header(m.CancelOperator(ctx, &schedulerpb.CancelOperatorRequest{Header: header, RegionId: o.RegionId})))
		}
		m.maxPeers(cmp.Or(c.max, 3))
		req := beat(reg(10, "", "m", 1, 5, c.peers...))
		for _, p := range req.Region.Peers {
			if slices.Contains(c.pending, p.StoreId) {
				req.PendingPeers = append(req.PendingPeers, p)
			}
		}
		got := order(m.report(req))
		if peer, add := strings.CutPrefix(got, "add "); add {
			_, at, _ := strings.Cut(peer, "@")
			got = "add @" + at
		}
		if !slices.Contains(strings.Split(c.want, "|"), got) {
			t.Fatalf("a region with peers on stores %v, of %d stores; %s: the order is %s, and should be %s",
				c.peers, c.stores, c.name, ordered(got), ordered(strings.ReplaceAll(c.want, "|", " or ")))
		}
	}
}

func TestTooFewPeers3C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a region with too few peers gets one on the emptiest store that takes one and has none",
		Source: "(*cluster).checkReplicas, (*cluster).target",
	}, func(t *graded.T) {
		checkReplicas(t, []replicaCase{
			{name: "all is well", stores: 5, peers: []uint64{1, 2, 3}, want: ""},
			{name: "no store is left", stores: 2, peers: []uint64{1, 2}, want: ""},
			{name: "stores are equal", stores: 5, peers: []uint64{1, 2}, want: "add @3|add @4|add @5"},
			{name: "only one peer", stores: 2, peers: []uint64{2}, want: "add @1"},
			{name: "store 4 is the emptiest", stores: 5, fill: []uint64{9, 9, 30, 20, 25}, peers: []uint64{1, 2}, want: "add @4"},
			{name: "store 4 is the emptiest, and busy", stores: 5, fill: []uint64{9, 9, 30, 20, 25}, peers: []uint64{1, 2}, busy: []uint64{4}, want: "add @5"},
			{name: "stores 4 and 5 have no space", stores: 5, fill: []uint64{9, 9, 30, 20, 25}, peers: []uint64{1, 2}, full: []uint64{4, 5}, want: "add @3"},
			{name: "store 4 is disconnected", stores: 5, fill: []uint64{9, 9, 30, 20, 25}, peers: []uint64{1, 2}, gone: []uint64{4}, after: 30 * time.Second, want: "add @5"},
			{name: "store 4 is offline", stores: 5, fill: []uint64{9, 9, 30, 20, 25}, peers: []uint64{1, 2}, offline: []uint64{4}, want: "add @5"},
			{name: "the only other store is busy", stores: 3, peers: []uint64{1, 2}, busy: []uint64{3}, want: ""},
			{name: "store 4 is the emptiest, and a peer is pending", stores: 5, fill: []uint64{9, 9, 30, 20, 25}, peers: []uint64{1, 2}, pending: []uint64{2}, want: "add @4"},
			// With a fifth peer, three must work, and three do.
			{name: "four peers of five, and store 4 is disconnected", stores: 5, max: 5, peers: []uint64{1, 2, 3, 4}, gone: []uint64{4}, after: 30 * time.Second, want: "add @5"},
			{name: "three peers of five, and store 3 is disconnected", stores: 5, max: 5, peers: []uint64{1, 2, 3}, gone: []uint64{3}, after: 30 * time.Second, want: ""},
		})

		// The second peer goes where the first one does not.
		m := cluster(t, 4, checking)
		first := order(m.report(sized(reg(10, "", "m", 1, 1, 1, 2), 10)))
		second := order(m.report(sized(reg(11, "m", "", 1, 1, 1, 2), 10)))
		_, to, _ := strings.Cut(first, "@")
		if other := map[string]string{"3": "4", "4": "3"}[to]; other == "" || !strings.HasPrefix(second, "add ") || !strings.HasSuffix(second, "@"+other) {
			t.Fatalf("stores 3 and 4 are empty, and two regions have too few peers: the orders are %s and %s, and should be to add one on each of the two stores", ordered(first), ordered(second))
		}
	})
}

func TestTooManyPeers3C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "of too many peers, the one goes first that is worth the least; never by an order to a leader to remove itself",
		Source: "(*cluster).checkReplicas",
	}, func(t *graded.T) {
		four, fill := []uint64{1, 2, 3, 4}, []uint64{9, 30, 20, 8, 7}
		checkReplicas(t, []replicaCase{
			{name: "store 2 is the fullest", stores: 5, fill: fill, peers: four, want: "remove 1002@2"},
			{name: "the peer on store 3 is pending", stores: 5, fill: fill, peers: four, pending: []uint64{3}, want: "remove 1003@3"},
			{name: "store 4 is offline", stores: 5, fill: fill, peers: four, pending: []uint64{3}, offline: []uint64{4}, want: "remove 1004@4"},
			{name: "store 3 is disconnected, store 4 offline", stores: 5, fill: fill, peers: four, offline: []uint64{4}, gone: []uint64{3}, after: 30 * time.Second, want: "remove 1003@3"},
			{name: "store 3 is down, store 4 offline", stores: 5, fill: fill, peers: four, offline: []uint64{4}, gone: []uint64{3}, after: 70 * time.Second, want: "remove 1003@3"},
			{name: "store 1 is the fullest, and leads", stores: 5, fill: []uint64{50, 30, 20, 9, 9}, peers: four, want: "lead 1002@2|lead 1003@3|lead 1004@4"},
		})

		// Without the dead one, there are as many as there should be.
		s := &script{machine: cluster(t, 5, checking), r: reg(10, "", "", 1, 5, four...)}
		s.silent[4] = true
		s.pass(70 * time.Second)
		s.gives("remove 1004@4", "a region has four peers of three, one of them on a store that is down")
		s.leave(3)
		s.gives("", "a region has three peers of three")
		s.is("SUCCESS replica", "when the peer on the store that is down has left")
	})
}

func TestDeadPeers3C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a peer on a dead store is replaced, and goes before the new one comes; a region without a quorum is not touched",
		Source: "(*cluster).checkReplicas; package scheduler, what always holds",
	}, func(t *graded.T) {
		three := []uint64{1, 2, 3}
		checkReplicas(t, []replicaCase{
			{name: "store 3 has been silent for less than MaxStoreDownTime", stores: 5, peers: three, gone: []uint64{3}, after: 50 * time.Second, want: ""},
			{name: "store 3 is down", stores: 5, peers: three, gone: []uint64{3}, after: 70 * time.Second, want: "remove 1003@3"},
			{name: "store 3 is down, and all other stores have a peer", stores: 3, peers: three, gone: []uint64{3}, after: 70 * time.Second, want: ""},
			{name: "stores 2 and 3 are down: a majority", stores: 6, peers: three, gone: []uint64{2, 3}, after: 70 * time.Second, want: ""},
			{name: "store 2 is down: half of the peers", stores: 6, peers: []uint64{1, 2}, gone: []uint64{2}, after: 70 * time.Second, want: ""},
			{name: "stores 2 and 3 are down: half of too many peers", stores: 6, peers: []uint64{1, 2, 3, 4}, gone: []uint64{2, 3}, after: 70 * time.Second, want: ""},
			{name: "store 3 is offline and down", stores: 5, peers: three, offline: []uint64{3}, gone: []uint64{3}, after: 70 * time.Second, want: "remove 1003@3"},
			{name: "store 3 is offline and disconnected", stores: 5, peers: three, offline: []uint64{3}, gone: []uint64{3}, after: 30 * time.Second, want: "remove 1003@3"},
		})
	})
}

func TestOfflineStores3C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a peer on an offline store is replaced, and stays until the new one has come, unless the larger group could lose its quorum",
		Source: "(*cluster).checkReplicas, (*Scheduler).move",
	}, func(t *graded.T) {
		three := []uint64{1, 2, 3}
		checkReplicas(t, []replicaCase{
			{name: "store 3 is offline", stores: 4, peers: three, offline: []uint64{3}, want: "add @4"},
			{name: "store 1 is offline, and leads", stores: 4, peers: three, offline: []uint64{1}, want: "add @4"},
			{name: "store 3 is offline; store 5 is emptier than store 4", stores: 5, fill: []uint64{1, 1, 1, 9, 5}, peers: three, offline: []uint64{3}, want: "add @5"},
			{name: "store 3 is offline, and all other stores have a peer", stores: 3, peers: three, offline: []uint64{3}, want: ""},
			// With a fourth peer, which is empty at first, three would have to work.
			{name: "store 3 is offline, and store 2 is disconnected", stores: 5, peers: three, offline: []uint64{3}, gone: []uint64{2}, after: 30 * time.Second, want: ""},
			// One of two is a majority of neither.
			{name: "too few peers, and store 2 is disconnected", stores: 5, peers: []uint64{1, 2}, gone: []uint64{2}, after: 30 * time.Second, want: ""},
		})
	})
}

// From the death of a store to a region that is well again.
func TestDeadPeerIsReplaced3C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "after the death of a store, a region comes to be well again",
		Source: "(*cluster).checkReplicas",
	}, func(t *graded.T) {
		s := &script{machine: cluster(t, 4, checking), r: reg(10, "", "", 1, 5, 1, 2, 3)}
		s.gives("", "all is well")
		s.silent[2] = true
		s.pass(60 * time.Second)
		s.gives("", "a store has been silent for MaxStoreDownTime, and not for longer")
		s.pass(time.Second)
		s.gives("remove 1002@2", "a store is down")
		s.is("RUNNING replica", "when a store is down")
		s.leave(1)
		var id uint64
		if got := s.beat(); got == "" {
			t.Fatalf("the dead peer has left: the order is none, and should be to add one on store 4")
		} else if n, _ := fmt.Sscanf(got, "add %d@4", &id); n != 1 || id < 10000 {
			t.Fatalf("the dead peer has left: the order is %s, and should be to add one with a new id on store 4", got)
		}
		s.pending = append(s.pending, s.join(id, 4))
		s.gives("", "the new peer is pending")
		s.is("RUNNING replica", "while the new peer is pending")
		s.pending = nil
		s.gives("", "the new peer has caught up")
		s.is("SUCCESS replica", "when the new peer has caught up")
		s.pass(time.Second)
		s.gives("", "all is well again")
	})
}

// A region grows and shrinks one peer after the other.
func TestMaxPeerCountChanges3C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a region grows and shrinks to MaxPeerCount, one peer after the other; the next one comes when the last one has caught up",
		Source: "(*cluster).checkReplicas, (*addPeer).finished",
	}, func(t *graded.T) {
		o := checking
		o.MaxPeerCount = 5
		s := &script{machine: cluster(t, 6, o), r: reg(10, "", "", 1, 1, 1)}
		for n := 2; n <= 5; n++ {
			got := s.beat()
			var id, at uint64
			if n, _ := fmt.Sscanf(got, "add %d@%d", &id, &at); n != 2 || id < 10000 {
				t.Fatalf("a region has too few peers: the order is %s, and should be to add one with a new id", ordered(got))
			}
			for _, p := range s.r.Peers {
				require.NotEqual(t, p.StoreId, at, "the store of a new peer, which has none of the region")
			}
			s.pending = []*metapb.Peer{s.join(id, at)}
			s.gives("", "the new peer is pending")
			s.pending = nil
		}
		s.gives("", "a region has five peers of five")
		s.maxPeers(3)
		for range 10 {
			got := s.beat()
			var id, at uint64
			if n, _ := fmt.Sscanf(got, "remove %d@%d", &id, &at); n == 2 {
				require.NotEqual(t, s.leader, s.index(id), "the peer to remove, and the leader")
				s.leave(s.index(id))
			} else if n, _ := fmt.Sscanf(got, "lead %d@%d", &id, &at); n == 2 {
				s.leader = s.index(id)
			}
		}
		require.Len(t, s.r.Peers, 3, "peers of a region that had five, and should have three")
		s.gives("", "a region has three peers of three")
	})
}

// An order that comes late may put a peer on a store that is a tombstone already.
func TestPeerOnTombstone3C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a peer that a late order has put on a tombstone is replaced",
		Source: "(*cluster).checkReplicas",
	}, func(t *graded.T) {
		s := &script{machine: cluster(t, 5, checking), r: reg(10, "", "", 1, 5, 1, 2)}
		var id, at uint64
		if got := s.beat(); len(got) == 0 {
			t.Fatalf("a region with two peers of three gets no order")
		} else {
			fmt.Sscanf(got, "add %d@%d", &id, &at)
		}
		ok(t, s.removeStore(at))
		s.pass(time.Second)
		require.Equal(t, "tombstone", s.states()[at-1], "the state of an empty store that was taken offline")
		s.join(id, at)
		s.gives(fmt.Sprintf("remove %d@%d", id, at), "a peer is on a tombstone")
	})
}

// Regions whose leaders are not heard of are found by ticks.
func TestTicksFindRegions3C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "ticks find what is to be repaired; the orders wait for heartbeats",
		Source: "(*Scheduler).Tick, (*cluster).checkReplicas",
	}, func(t *graded.T) {
		m := cluster(t, 4, checking)
		for i := range uint64(4) {
			require.Nil(t, m.report(beat(reg(10+i, fmt.Sprint(i), fmt.Sprint(i+1), 1, 1, 1, 2, 3))), "an order for a region that is well")
		}
		ok(t, m.removeStore(3))
		m.pass(time.Second)
		running, _ := m.operators(0)
		require.Len(t, running, 4, "operators for four regions that have a peer on an offline store")
		for i := range uint64(4) {
			if got := order(m.report(beat(reg(10+i, fmt.Sprint(i), fmt.Sprint(i+1), 1, 1, 1, 2, 3)))); !strings.HasPrefix(got, "add ") || !strings.HasSuffix(got, "@4") {
				t.Fatalf("a region has a peer on an offline store, and its heartbeat gets the order %s, which should be to add one on store 4", ordered(got))
			}
		}
	})
}

// After a restart, a region is known as the disk has it: who leads it, and whether
// that is still true, is not.
func TestRestartWaitsForLeaders3C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a region whose leader is not known is left alone, until a heartbeat comes",
		Source: "(*cluster).checkReplicas",
	}, func(t *graded.T) {
		m := cluster(t, 4, checking)
		m.maxPeers(2)
		r := reg(10, "", "", 1, 5, 1, 2)
		require.Nil(t, m.report(beat(r)), "an order for a region that is well")
		m.maxPeers(3) // synced, and so is the region
		m.crash()
		require.Equal(t, []string{name(r)}, m.known(), "the regions that are known after a restart")
		m.pass(5 * time.Second)
		for _, o := range m.Status().Operators {
			t.Fatalf("after a restart, region %d gets an operator (%s) before a heartbeat has said who leads it", o.RegionId, o.Desc)
		}
		if got := order(m.report(beat(r))); !strings.HasPrefix(got, "add ") {
			t.Fatalf("after a restart, the first heartbeat of a region with two peers of three gets the order %s, which should be to add one", ordered(got))
		}
	})
}
