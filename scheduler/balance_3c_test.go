package scheduler_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/schedulerpb"
	"github.com/labkv/labkv/scheduler"
)

// A placed region has a size, and peers on stores of which the first one leads.
type placed struct {
	size    uint64
	peers   []uint64
	pending bool // the last peer is
}

// alone are regions with one peer each, on one store.
func alone(store uint64, sizes ...uint64) []placed {
	var regions []placed
	for _, size := range sizes {
		regions = append(regions, placed{size: size, peers: []uint64{store}})
	}
	return regions
}

// heartbeat is that of the i-th of n regions, which together have all keys; its id is
// 10+i.
func (p placed) heartbeat(i, n int) *schedulerpb.RegionHeartbeatRequest {
	start, end := "", ""
	if i > 0 {
		start = fmt.Sprintf("%02d", i)
	}
	if i < n-1 {
		end = fmt.Sprintf("%02d", i+1)
	}
	req := sized(reg(uint64(10+i), start, end, 1, 5, p.peers...), p.size)
	if p.pending {
		req.PendingPeers = req.Region.Peers[len(p.peers)-1:]
	}
	return req
}

// moves describes the balancers' operators under way: "12: 1 -> 4" for a move of a
// peer of region 12, "12: lead 3" for a transfer.
func (m *machine) moves() []string {
	m.t.Helper()
	running, _ := m.operators(0)
	var all []string
	for _, o := range running {
		var peer, from, to uint64
		if n, _ := fmt.Sscanf(o.Steps[0], "transfer the leadership to peer %d on store %d", &peer, &to); n == 2 {
			all = append(all, fmt.Sprintf("%d: lead %d", o.RegionId, to))
			continue
		}
		n, _ := fmt.Sscanf(o.Steps[0], "add peer %d on store %d", &peer, &to)
		k, _ := fmt.Sscanf(o.Steps[len(o.Steps)-1], "remove peer %d from store %d", &peer, &from)
		if n != 2 || k != 2 {
			m.t.Fatalf("the steps of a balancer's operator are %q: want first an addition, at the end a removal", o.Steps)
		}
		all = append(all, fmt.Sprintf("%d: %d -> %d", o.RegionId, from, to))
	}
	return all
}

// A balanceCase is a cluster, and what the balancers make of it in one tick.
type balanceCase struct {
	name    string
	regions [][]placed
	prepare func(m *machine)
	want    string // the move, with or without the region; several are separated by "|"
}

func checkBalance(t *graded.T, stores int, o scheduler.Options, cases []balanceCase) {
	t.Helper()
	for _, c := range cases {
		m := cluster(t, stores, o)
		if c.prepare != nil {
			c.prepare(m)
		}
		m.pass(time.Second)
		regions := slices.Concat(c.regions...)
		for i, p := range regions {
			require.Nil(t, m.report(p.heartbeat(i, len(regions))), "an order for a region that is well")
		}
		m.now = m.now.Add(100 * time.Millisecond)
		require.NoError(t, m.Tick(), "a tick")
		moves := m.moves()
		if len(moves) > 1 {
			t.Fatalf("%s: after one tick the balancer moves %v", c.name, moves)
		}
		got := strings.Join(moves, "")
		if !slices.ContainsFunc(strings.Split(c.want, "|"), func(want string) bool {
			_, move, _ := strings.Cut(got, ": ")
			return got == want || move == want
		}) {
			t.Fatalf("%s: the move is %s, and should be %s", c.name, ordered(got), ordered(strings.ReplaceAll(c.want, "|", " or ")))
		}
	}
}

var one = scheduler.Options{MaxPeerCount: 1, LeaderLimit: -1, StoreDisconnectTime: 20 * time.Second, MaxStoreDownTime: time.Minute}

func TestBalanceRegions3C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a peer moves from the fullest store to the emptiest one, if the source stays the fuller of the two",
		Source: "(*cluster).balanceRegions",
	}, func(t *graded.T) {
		type r = [][]placed
		checkBalance(t, 3, one, []balanceCase{
			{"no region", nil, nil, ""},
			{"equal stores", r{alone(1, 10), alone(2, 10), alone(3, 10)}, nil, ""},
			{"store 2 is the fullest, store 3 the emptiest", r{alone(1, 10, 10), alone(2, 10, 10, 10, 10), alone(3, 10)}, nil, "2 -> 3"},
			{"store 3 is the fullest, store 2 the emptiest", r{alone(3, 10, 10, 10, 10), alone(1, 10), alone(2)}, nil, "3 -> 2"},
			{"by bytes, not by count", r{alone(1, 100, 20), alone(2, 1, 1, 1, 1, 1, 1), alone(3, 30)}, nil, "11: 1 -> 2"},
			{"two stores are equally full", r{alone(2, 10, 10, 10), alone(3, 10, 10, 10)}, nil, "2 -> 1|3 -> 1"},
			{"two stores are equally empty", r{alone(3, 10, 10, 10)}, nil, "3 -> 1|3 -> 2"},
			{"the difference is the size of the region", r{alone(1, 10, 10), alone(2, 10), alone(3, 10)}, nil, ""},
			{"the difference is twice the size of the region", r{alone(1, 10, 10, 10), alone(2, 10), alone(3, 10)}, nil, ""},
			{"the difference is a little more than twice the size", r{alone(1, 10, 10, 11), alone(2, 10), alone(3, 10)}, nil, "10: 1 -> 2|11: 1 -> 2|10: 1 -> 3|11: 1 -> 3"},
			{"the only region is too large", r{alone(1, 60), alone(2, 10), alone(3, 10)}, nil, ""},
			{"a small region is beside a large one", r{alone(1, 60, 5), alone(2, 10), alone(3, 10)}, nil, "11: 1 -> 2|11: 1 -> 3"},
			{"empty regions count", r{alone(1, 0, 0, 0)}, nil, "1 -> 2|1 -> 3"},
			{"empty regions, balanced", r{alone(1, 0, 0), alone(2, 0), alone(3, 0)}, nil, ""},
			{"the fullest store has nothing that can move, the next one has", r{alone(1, 100), alone(2, 20, 20, 20), alone(3, 5)}, nil, "2 -> 3"},
		})
	})
}

func TestBalanceTargets3C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "nothing moves to a store that takes no peers, nor away from one that is disconnected or is to lose all its peers anyway",
		Source: "(*cluster).balanceRegions, (*cluster).takesPeers",
	}, func(t *graded.T) {
		regions := [][]placed{alone(3, 10, 10, 10, 10), alone(1, 10)}
		stats := func(stats *schedulerpb.StoreStats) func(m *machine) {
			return func(m *machine) { m.stats[2] = stats }
		}
		checkBalance(t, 3, one, []balanceCase{
			{"store 2 is busy", regions, stats(&schedulerpb.StoreStats{StoreId: 2, IsBusy: true}), "3 -> 1"},
			{"store 2 has less than a tenth of its disk free", regions, stats(&schedulerpb.StoreStats{StoreId: 2, Capacity: 1000, Available: 99}), "3 -> 1"},
			{"store 2 has a tenth of its disk free", regions, stats(&schedulerpb.StoreStats{StoreId: 2, Capacity: 1000, Available: 100}), "3 -> 2"},
			{"store 2 has as many snapshots under way as it may", regions, stats(&schedulerpb.StoreStats{StoreId: 2, ReceivingSnapCount: 3, ApplyingSnapCount: 3, SendingSnapCount: 2}), "3 -> 1"},
			{"store 2 is disconnected", regions, func(m *machine) {
				m.silent[2] = true
				m.pass(21 * time.Second)
			}, "3 -> 1"},
			{"store 2 is offline", regions, func(m *machine) { ok(m.t, m.removeStore(2)) }, "3 -> 1"},
			{"store 3, the source, is disconnected", regions, func(m *machine) {
				m.silent[3] = true
				m.pass(21 * time.Second)
			}, ""},
			{"store 3, the source, is busy and has no space", regions, func(m *machine) {
				m.stats[3] = &schedulerpb.StoreStats{StoreId: 3, IsBusy: true, Capacity: 1000, Available: 99}
			}, "3 -> 2"},
		})
		three := one
		three.MaxPeerCount = 3
		same := func(n int, pending ...int) []placed {
			var all []placed
			for i := range n {
				all = append(all, placed{10, []uint64{1, 2, 3}, slices.Contains(pending, i)})
			}
			return all
		}
		checkBalance(t, 4, three, []balanceCase{
			{"three stores have a peer of each region", [][]placed{same(3)}, nil, "1 -> 4|2 -> 4|3 -> 4"},
			{"regions 10 and 12 have a pending peer", [][]placed{same(3, 0, 2)}, nil, "11: 1 -> 4|11: 2 -> 4|11: 3 -> 4"},
			{"all regions have a pending peer", [][]placed{same(3, 0, 1, 2)}, nil, ""},
		})
		checkBalance(t, 3, three, []balanceCase{
			{"no store is without a peer", [][]placed{same(3)}, nil, ""},
		})
		two := one
		two.MaxPeerCount = 2
		checkBalance(t, 4, two, []balanceCase{
			// Stores 1 to 4 have 110, 10, 111 and 11 bytes.
			{"the emptiest store has a peer of the only region that can move", [][]placed{{
				{10, []uint64{1, 2}, false}, {100, []uint64{1, 3}, true}, {11, []uint64{4, 3}, true},
			}}, nil, "10: 1 -> 4"},
		})
		checkBalance(t, 5, three, []balanceCase{
			{"the only small region has peers on all emptier stores", [][]placed{{
				{90, []uint64{1, 2, 3}, false}, {10, []uint64{1, 4, 5}, false}, {90, []uint64{2, 3, 4}, false}, {80, []uint64{5, 4, 3}, false},
			}}, nil, ""},
		})
	})
}

// The balancers count what operators under way will do, and stop in time.
func TestBalanceInFlight3C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "balancers count what is under way, once; there are at most RegionLimit moves at a time, and none is made twice",
		Source: "(*cluster).loads, (*cluster).balanceRegions",
	}, func(t *graded.T) {
		o := one
		o.RegionLimit = 3
		m := cluster(t, 3, o)
		for i, p := range alone(1, 10, 10, 10, 10, 10, 10, 10, 10, 10) {
			require.Nil(t, m.report(p.heartbeat(i, 9)), "an order for a region that is well")
		}
		for tick := 1; tick <= 6; tick++ {
			m.now = m.now.Add(100 * time.Millisecond)
			require.NoError(t, m.Tick(), "a tick")
			moves := m.moves()
			if want := min(tick, 3); len(moves) != want {
				t.Fatalf("nine regions are on one store of three, RegionLimit is 3, and after %d ticks the moves are %v", tick, moves)
			}
			to := map[string]int{}
			for _, move := range moves {
				_, move, _ = strings.Cut(move, ": ")
				to[move]++
			}
			if to["1 -> 2"] > (len(moves)+1)/2 || to["1 -> 3"] > (len(moves)+1)/2 {
				t.Fatalf("nine regions are on one store of three, and after %d ticks the moves are %v: not to the stores in turn", tick, moves)
			}
		}

		// With nothing to stop it, it stops when the stores would be equal.
		o.RegionLimit, o.StoreLimit = 100, 100
		m = cluster(t, 3, o)
		regions := alone(1, 10, 10, 10, 10, 10, 10, 10, 10, 10)
		for i, p := range regions {
			require.Nil(t, m.report(p.heartbeat(i, 9)), "an order for a region that is well")
		}
		m.pass(20 * time.Second)
		if moves := m.moves(); len(moves) < 4 || len(moves) > 6 {
			t.Fatalf("nine equal regions are on one store of three, and the moves under way are %v", moves)
		}
		o.StoreLimit = 2
		m = cluster(t, 3, o)
		for i, p := range regions {
			require.Nil(t, m.report(p.heartbeat(i, 9)), "an order for a region that is well")
		}
		m.pass(20 * time.Second)
		if moves := m.moves(); len(moves) != 4 {
			t.Fatalf("nine equal regions are on one store of three, StoreLimit is 2, and the moves under way are %v", moves)
		}
	})
}

// A step that has taken effect counts once: the region's heartbeat shows it.
func TestMovesCountOnce3C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a peer that has joined counts as a peer, and no more as one to come; one that is to go counts no more",
		Source: "(*cluster).loads",
	}, func(t *graded.T) {
		m := cluster(t, 3, one)
		m.pass(time.Second)
		for i, p := range slices.Concat(alone(1, 10, 10, 10, 10), alone(2, 9), alone(3, 10)) {
			require.Nil(t, m.report(p.heartbeat(i, 6)), "an order for a region that is well")
		}
		m.now = m.now.Add(100 * time.Millisecond)
		require.NoError(t, m.Tick(), "a tick")
		moves := m.moves()
		require.Len(t, moves, 1, "moves after one tick")
		var id uint64
		if n, _ := fmt.Sscanf(moves[0], "%d: 1 -> 2", &id); n != 1 {
			t.Fatalf("store 1 is the fullest, store 2 the emptiest, and the move is %s", moves[0])
		}
		i := int(id - 10)
		s := &script{machine: m, r: alone(1, 10)[0].heartbeat(i, 6).Region, size: 10}
		only := func(n int, when string) {
			t.Helper()
			s.pass(5 * time.Second)
			if moves := m.moves(); len(moves) != n {
				t.Fatalf("one region is on its way from store 1 to store 2, and the stores will be equal then; %s, the moves are %v", when, moves)
			}
		}
		only(1, "before it has begun")
		s.gives("add 10000@2", "a peer is to move from store 1 to store 2")
		s.pending = []*metapb.Peer{s.join(10000, 2)}
		s.gives("", "the new peer is pending")
		only(1, "while the new peer is pending")
		s.pending = nil
		s.gives("lead 10000@2", "the new peer has caught up")
		only(1, "when the new peer has caught up")
		s.leader = 1
		s.gives(fmt.Sprintf("remove %d@1", 100*id+1), "the new peer leads")
		only(1, "when the new peer leads")
		s.leader = 0
		s.leave(0)
		s.gives("", "the old peer has left")
		only(0, "when the old peer has left")
	})
}

// A leadership that has moved counts where it is.
func TestTransfersCountOnce3C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a leadership that has moved counts once, also while its operator has more to do",
		Source: "(*cluster).loads",
	}, func(t *graded.T) {
		m := cluster(t, 4, scheduler.Options{RegionLimit: -1, RepairLimit: -1})
		// Store 4 leads one region, each other one two.
		leaders := [][]uint64{{1, 2, 3}, {1, 2, 3}, {2, 1, 3}, {2, 1, 3}, {3, 1, 2}, {3, 1, 2}, {4, 1, 2}}
		for i, at := range leaders {
			require.Nil(t, m.report(placed{10, at, false}.heartbeat(i, len(leaders))), "an order for a region that is well")
		}
		s := &script{machine: m, r: placed{10, leaders[0], false}.heartbeat(0, len(leaders)).Region, size: 10}
		only := func(when string) {
			t.Helper()
			s.pass(5 * time.Second)
			running, _ := s.operators(0)
			if len(running) != 1 || running[0].RegionId != 10 {
				t.Fatalf("a region that store 1 leads moves from there to store 4; with that, the stores lead 1, 2, 2 and 2 regions; %s, the operators under way are %v", when, running)
			}
		}
		s.mustAdd(movePeer(10, 1, 4))
		only("before it has begun")
		s.join(10000, 4)
		s.gives("lead 10000@4", "the new peer is there, and store 4 leads the fewest regions")
		only("before the new peer leads")
		s.leader = s.index(10000)
		s.gives("remove 1001@1", "the new peer leads")
		only("when the new peer leads")
	})
}

// A region on which an operator has failed is left alone for a while.
func TestFailedMovesRest3C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a region on which an operator has failed is left alone by the balancers for RetryTime; others are tried",
		Source: "Options.RetryTime, (*cluster).settled",
	}, func(t *graded.T) {
		o := one
		o.RegionLimit, o.PeerTimeout, o.RetryTime = 1, 30*time.Second, 50*time.Second
		m := cluster(t, 2, o)
		for i, p := range alone(1, 10, 10, 10) {
			require.Nil(t, m.report(p.heartbeat(i, 3)), "an order for a region that is well")
		}
		seen := map[string]bool{}
		for n := 1; n <= 2; n++ {
			m.pass(time.Second)
			moves := m.moves()
			require.Len(t, moves, 1, "moves under way, where one of three regions is to move")
			region, _, _ := strings.Cut(moves[0], ":")
			if seen[region] {
				t.Fatalf("the move of region %s has timed out, and it is moved again before RetryTime is over", region)
			}
			seen[region] = true
			m.pass(31 * time.Second)
		}
	})
}

func TestBalanceLeaders3C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a leadership goes from a store with more to one with at least two fewer leaders, which has a peer that can lead",
		Source: "(*cluster).balanceLeaders",
	}, func(t *graded.T) {
		o := scheduler.Options{RegionLimit: -1, StoreDisconnectTime: 20 * time.Second, MaxStoreDownTime: time.Minute}
		led := func(peers ...uint64) []placed { return []placed{{size: 1, peers: peers}} }
		late := func(peers ...uint64) []placed { return []placed{{size: 1, peers: peers, pending: true}} }
		type r = [][]placed
		checkBalance(t, 4, o, []balanceCase{
			{"one leader", r{led(1, 2, 3)}, nil, ""},
			{"two leaders on one store", r{led(1, 2, 3), led(1, 2, 3)}, nil, "lead 2|lead 3"},
			{"one more than others", r{led(1, 2, 3), led(1, 2, 3), led(2, 1, 3), led(3, 1, 2)}, nil, ""},
			{"store 3 leads the fewest", r{led(1, 2, 3), led(1, 2, 3), led(1, 2, 3), led(2, 1, 3)}, nil, "lead 3"},
			{"store 4 leads the fewest, and has no peer", r{led(1, 2, 3), led(1, 2, 3), led(1, 2, 3), led(2, 1, 3), led(3, 1, 2)}, nil, "lead 2|lead 3"},
			{"store 3 leads the most", r{led(1, 2, 3), led(1, 2, 3), led(3, 2, 4), led(3, 2, 4), led(3, 2, 4)}, nil, "12: lead 2|12: lead 4|13: lead 2|13: lead 4|14: lead 2|14: lead 4"},
			{"by count, not by bytes", r{{{size: 1000, peers: []uint64{1, 2, 3}}}, led(2, 1, 3), led(2, 1, 3), led(3, 1, 2)}, nil, ""},
			{"a peer of each region is pending", r{late(1, 3, 2), late(1, 3, 2)}, nil, ""},
			{"store 2 is busy", r{led(1, 2, 3), led(1, 2, 3)}, func(m *machine) { m.stats[2] = &schedulerpb.StoreStats{StoreId: 2, IsBusy: true} }, "lead 3"},
			{"store 2 is disconnected", r{led(1, 2, 3), led(1, 2, 3)}, func(m *machine) {
				m.silent[2] = true
				m.pass(21 * time.Second)
			}, ""},
		})

		o.LeaderLimit = 2
		m := cluster(t, 3, o)
		for i := range 9 {
			require.Nil(t, m.report(placed{1, []uint64{1, 2, 3}, false}.heartbeat(i, 9)), "an order for a region that is well")
		}
		for tick := 1; tick <= 5; tick++ {
			m.now = m.now.Add(100 * time.Millisecond)
			require.NoError(t, m.Tick(), "a tick")
			if moves := m.moves(); len(moves) != min(tick, 2) {
				t.Fatalf("nine leaders are on one store of three, LeaderLimit is 2, and after %d ticks the transfers are %v", tick, moves)
			}
		}
		o.LeaderLimit, o.StoreLimit = 100, 100
		m = cluster(t, 3, o)
		for i := range 9 {
			require.Nil(t, m.report(placed{1, []uint64{1, 2, 3}, false}.heartbeat(i, 9)), "an order for a region that is well")
		}
		m.pass(20 * time.Second)
		if moves := m.moves(); len(moves) < 5 || len(moves) > 6 {
			t.Fatalf("nine leaders are on one store of three, and the transfers under way are %v", moves)
		}
		o.StoreLimit = 2
		m = cluster(t, 3, o)
		for i := range 9 {
			require.Nil(t, m.report(placed{1, []uint64{1, 2, 3}, false}.heartbeat(i, 9)), "an order for a region that is well")
		}
		m.pass(20 * time.Second)
		if moves := m.moves(); len(moves) != 4 {
			t.Fatalf("nine leaders are on one store of three, StoreLimit is 2, and the transfers under way are %v", moves)
		}
	})
}

// Ties are everywhere here, and maps have another order each time.
func TestSameDecisions3C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "what a scheduler does is a function of what it was told and of the clock, not of the order in which it looks at things",
		Source: "package scheduler, using it",
	}, func(t *graded.T) {
		run := func() string {
			m := cluster(t, 12, scheduler.Options{StoreDisconnectTime: 20 * time.Second, MaxStoreDownTime: time.Minute, PeerTimeout: 40 * time.Second})
			var orders []string
			for i := range 24 {
				n := 2 + i%3
				at := []uint64{1, 2, 3, 4}
				if i%2 == 0 {
					at = []uint64{8, 7, 6, 5}
				}
				orders = append(orders, order(m.report(placed{10, at[:n], i%5 == 0}.heartbeat(i, 24))))
			}
			ok(t, m.removeStore(3))
			m.silent[7] = true
			m.pass(90 * time.Second)

			// Six stores are equally full, and six are empty.
			full := cluster(t, 12, scheduler.Options{MaxPeerCount: 1})
			for i := range 36 {
				orders = append(orders, order(full.report(placed{10, []uint64{uint64(i%6) + 1}, false}.heartbeat(i, 36))))
			}
			full.pass(20 * time.Second)
			// Three stores lead all regions, and three none.
			lead := cluster(t, 6, scheduler.Options{MaxPeerCount: 6})
			for i := range 24 {
				at := uint64(i%3) + 1
				orders = append(orders, order(lead.report(placed{10, []uint64{at, at%3 + 1, (at+1)%3 + 1, 4, 5, 6}, false}.heartbeat(i, 24))))
			}
			lead.pass(20 * time.Second)
			return fmt.Sprintf("%v %v %v %+v", orders, full.moves(), lead.moves(), m.Status())
		}
		first := run()
		for range 7 {
			if next := run(); next != first {
				t.Fatalf("the same heartbeats and ticks have led to other decisions:\n%s\n%s", difference(first, next), "does something depend on the order of a map?")
			}
		}
	})
}

// difference shows where two texts begin to differ.
func difference(a, b string) string {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	from := max(0, i-60)
	return fmt.Sprintf("once   … %s\nthen   … %s", a[from:min(len(a), i+60)], b[from:min(len(b), i+60)])
}
