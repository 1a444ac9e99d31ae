package scheduler_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/engine/memory"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/schedulerpb"
	"github.com/labkv/labkv/scheduler"
)

// A piece is a region of a balance test.
type piece struct {
	size    uint64
	peers   []uint64 // the first one leads
	pending bool     // the last one is
}

// balances reports regions 10, 11, ... and requires what a tick makes of them: ""
// for nothing, "1 -> 4" for a move of a peer, "lead 3" for a transfer, "12: 1 -> 4"
// if it must be region 12. Otherwise, which region is taken is free.
func (m *machine) balances(want string, pieces ...piece) {
	m.t.Helper()
	got := m.balance(pieces...)
	if _, what, found := strings.Cut(got, ": "); found && !strings.Contains(want, ":") {
		got = what
	}
	require.Equal(m.t, want, got)
}

// bounds returns the keys of region i of n, which together hold all keys.
func bounds(i, n int) (start, end string) {
	if i > 0 {
		start = fmt.Sprintf("%02d", i)
	}
	if i < n-1 {
		end = fmt.Sprintf("%02d", i+1)
	}
	return start, end
}

// balance returns the operator that a tick makes of regions, or "".
func (m *machine) balance(pieces ...piece) string {
	m.t.Helper()
	for i, p := range pieces {
		start, end := bounds(i, len(pieces))
		req := sized(reg(uint64(10+i), start, end, 1, 5, p.peers...), p.size)
		if p.pending {
			req.PendingPeers = req.Region.Peers[len(p.peers)-1:]
		}
		require.Nil(m.t, m.report(req))
	}
	m.now = m.now.Add(100 * time.Millisecond)
	require.NoError(m.t, m.Tick())
	running, _ := m.operators(0)
	if len(running) == 0 {
		return ""
	}
	require.Len(m.t, running, 1)
	o := running[0]
	var peer, from, to uint64
	if len(o.Steps) == 1 {
		n, err := fmt.Sscanf(o.Steps[0], "transfer the leadership to peer %d on store %d", &peer, &to)
		require.Equal(m.t, 2, n, err)
		return fmt.Sprintf("%d: lead %d", o.RegionId, to)
	}
	n, err := fmt.Sscanf(o.Steps[0], "add peer %d on store %d", &peer, &to)
	require.Equal(m.t, 2, n, err)
	n, err = fmt.Sscanf(o.Steps[len(o.Steps)-1], "remove peer %d from store %d", &peer, &from)
	require.Equal(m.t, 2, n, err)
	return fmt.Sprintf("%d: %d -> %d", o.RegionId, from, to)
}

var balancing = scheduler.Options{MaxPeerCount: 1, LeaderLimit: -1, StoreDisconnectTime: 20 * time.Second, MaxStoreDownTime: time.Minute}

func on(store uint64, sizes ...uint64) []piece {
	var all []piece
	for _, size := range sizes {
		all = append(all, piece{size: size, peers: []uint64{store}})
	}
	return all
}

func all(groups ...[]piece) []piece {
	var pieces []piece
	for _, g := range groups {
		pieces = append(pieces, g...)
	}
	return pieces
}

func TestBalanceRegions(t *testing.T) {
	for name, c := range map[string]struct {
		pieces  []piece
		prepare func(m *machine)
		want    string
	}{
		"nothing to balance":            {nil, nil, ""},
		"equal stores":                  {all(on(1, 10), on(2, 10), on(3, 10)), nil, ""},
		"from the fullest":              {all(on(1, 10, 10), on(2, 10, 10, 10, 10), on(3, 10)), nil, "2 -> 3"},
		"to the emptiest":               {all(on(3, 10, 10, 10, 10), on(1, 10), on(2)), nil, "3 -> 2"},
		"ties: the smaller id":          {all(on(2, 10, 10, 10), on(3, 10, 10, 10)), nil, "2 -> 1"},
		"ties: of targets":              {all(on(3, 10, 10, 10)), nil, "3 -> 1"},
		"exactly twice is not worth it": {all(on(1, 10, 10), on(2, 10), on(3, 10)), nil, ""},
		"twice the size":                {all(on(1, 10, 10, 10), on(2, 10), on(3, 10)), nil, ""},
		"more than twice the size":      {all(on(1, 10, 10, 11), on(2, 10), on(3, 10)), nil, "1 -> 2"},
		"a large one is not worth it":   {all(on(1, 60), on(2, 10), on(3, 10)), nil, ""},
		"but a small one beside it":     {all(on(1, 60, 5), on(2, 10), on(3, 10)), nil, "11: 1 -> 2"},
		"empty regions count":           {all(on(1, 0, 0, 0)), nil, "1 -> 2"},
		"empty regions, balanced":       {all(on(1, 0, 0), on(2, 0), on(3, 0)), nil, ""},
		"not to a busy store": {all(on(3, 10, 10, 10, 10), on(1, 10)), func(m *machine) {
			m.stats[2] = &schedulerpb.StoreStats{StoreId: 2, IsBusy: true}
		}, "3 -> 1"},
		"not to a full store": {all(on(3, 10, 10, 10, 10), on(1, 10)), func(m *machine) {
			m.stats[2] = &schedulerpb.StoreStats{StoreId: 2, Capacity: 1000, Available: 99}
		}, "3 -> 1"},
		"to a store with some space": {all(on(3, 10, 10, 10, 10), on(1, 10)), func(m *machine) {
			m.stats[2] = &schedulerpb.StoreStats{StoreId: 2, Capacity: 1000, Available: 100}
		}, "3 -> 2"},
		"not to a store with many snapshots": {all(on(3, 10, 10, 10, 10), on(1, 10)), func(m *machine) {
			m.stats[2] = &schedulerpb.StoreStats{StoreId: 2, ReceivingSnapCount: 3, ApplyingSnapCount: 3, SendingSnapCount: 2}
		}, "3 -> 1"},
		"not to a silent store": {all(on(3, 10, 10, 10, 10), on(1, 10)), func(m *machine) {
			m.silent[2] = true
			m.pass(21 * time.Second)
		}, "3 -> 1"},
		"not to an offline store": {all(on(3, 10, 10, 10, 10), on(1, 10)), func(m *machine) {
			ok(m.t, m.removeStore(2))
		}, "3 -> 1"},
		"not from a silent store": {all(on(3, 10, 10, 10, 10), on(1, 10)), func(m *machine) {
			m.silent[3] = true
			m.pass(21 * time.Second)
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			m := cluster(t, 3, balancing)
			if c.prepare != nil {
				c.prepare(m)
			}
			m.pass(time.Second)
			m.balances(c.want, c.pieces...)
		})
	}
}

func TestBalanceReplicatedRegions(t *testing.T) {
	o := balancing
	o.MaxPeerCount, o.RepairLimit = 3, -1
	for name, c := range map[string]struct {
		pieces []piece
		want   string
	}{
		"a store with a peer is no target": {[]piece{
			{size: 10, peers: []uint64{1, 2, 3}}, {size: 10, peers: []uint64{1, 2, 3}}, {size: 10, peers: []uint64{1, 2, 3}},
		}, "1 -> 4"},
		"a region with a pending peer stays": {[]piece{
			{size: 10, peers: []uint64{1, 2, 3}, pending: true}, {size: 10, peers: []uint64{1, 2, 3}}, {size: 10, peers: []uint64{1, 2, 3}, pending: true},
		}, "11: 1 -> 4"},
		"a region with a peer too many stays": {[]piece{
			{size: 10, peers: []uint64{1, 2, 3, 4}}, {size: 10, peers: []uint64{1, 2, 3, 4}}, {size: 10, peers: []uint64{1, 2, 3, 4}},
		}, ""},
		"a region with a peer too few stays": {[]piece{
			{size: 10, peers: []uint64{1, 2}}, {size: 10, peers: []uint64{1, 2}}, {size: 10, peers: []uint64{1, 2}},
		}, ""},
		"the only movable region is led by the source": {[]piece{
			{size: 90, peers: []uint64{1, 2, 3}}, {size: 10, peers: []uint64{1, 4, 5}}, {size: 90, peers: []uint64{2, 3, 4}}, {size: 80, peers: []uint64{5, 4, 3}},
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			m := cluster(t, 5, o)
			m.pass(time.Second)
			m.balances(c.want, c.pieces...)
		})
	}
}

// The balancers count what operators under way will do, and stop in time. A region
// on which an operator has failed is left alone for a while.
func TestBalanceInFlight(t *testing.T) {
	o := balancing
	o.RegionLimit, o.PeerTimeout, o.RetryTime = 3, 30*time.Second, 50*time.Second
	m := cluster(t, 3, o)
	send := func() {
		for i := range 9 {
			start, end := bounds(i, 9)
			m.report(sized(reg(uint64(10+i), start, end, 1, 5, 1), 10))
		}
	}
	send()
	// moves returns the regions that are moving, and where to.
	moves := func() (regions []uint64, to []string) {
		running, _ := m.operators(0)
		slices.SortFunc(running, func(a, b *schedulerpb.Operator) int { return cmp.Compare(a.Created, b.Created) })
		for _, o := range running {
			regions = append(regions, o.RegionId)
			_, store, _ := strings.Cut(o.Steps[0], " on ")
			to = append(to, store)
		}
		return regions, to
	}
	for _, want := range [][]string{
		{"store 2"},
		{"store 2", "store 3"},
		{"store 2", "store 3", "store 2"},
		{"store 2", "store 3", "store 2"}, // as many as there may be
	} {
		m.now = m.now.Add(100 * time.Millisecond)
		require.NoError(t, m.Tick())
		_, to := moves()
		require.Equal(t, want, to)
	}
	first, _ := moves()
	send()
	m.pass(33 * time.Second)
	send() // heartbeats do not end the rest
	second, to := moves()
	require.Equal(t, []string{"store 2", "store 3", "store 2"}, to)
	m.pass(33 * time.Second)
	third, _ := moves()
	tried := slices.Concat(first, second, third)
	slices.Sort(tried)
	require.Equal(t, []uint64{10, 11, 12, 13, 14, 15, 16, 17, 18}, tried, "a region whose move has failed rests")
	m.pass(33 * time.Second)
	fourth, _ := moves()
	require.ElementsMatch(t, first, fourth, "those have rested")
}

// After a restart, the balancers wait for a heartbeat of each region, but not
// forever.
func TestBalanceAfterARestart(t *testing.T) {
	o := balancing
	o.WarmUpTime = time.Minute
	restarted := func() *machine {
		m := cluster(t, 3, o)
		m.balances("1 -> 2", on(1, 10, 10, 10, 10)...)
		m.disk.Crash(memory.All)
		m.start()
		m.pass(time.Second)
		return m
	}
	send := func(m *machine, i int) {
		start, end := bounds(i, 4)
		require.Nil(t, m.report(sized(reg(uint64(10+i), start, end, 1, 5, 1), 10)))
	}
	m := restarted()
	for i := range 4 {
		require.Empty(t, m.Status().Operators, "%d of 4 regions have reported", i)
		send(m, i)
		m.pass(5 * time.Second)
	}
	require.NotEmpty(t, m.Status().Operators)

	m = restarted()
	for i := range 3 {
		send(m, i)
	}
	m.pass(59 * time.Second)
	require.Empty(t, m.Status().Operators)
	m.pass(time.Second)
	require.NotEmpty(t, m.Status().Operators, "one region is lost, but the others are balanced")
}

// A step that has taken effect counts once: the region's heartbeat shows it.
func TestBalanceCountsOnce(t *testing.T) {
	m := cluster(t, 3, balancing)
	m.pass(time.Second)
	m.balances("1 -> 2", all(on(1, 10, 10, 10, 10), on(2, 9), on(3, 10))...)
	moved := m.Status().Operators[0].RegionId
	start, end := bounds(int(moved-10), 6)
	s := &script{machine: m, r: reg(moved, start, end, 1, 5, 1), size: 10}
	require.Equal(t, "add 10000@2", s.beat())
	s.pending = []*metapb.Peer{s.join(10000, 2)}
	require.Empty(t, s.beat())
	s.pass(5 * time.Second)
	require.Len(t, s.Status().Operators, 1)
	s.pending = nil
	require.Equal(t, "lead 10000@2", s.beat())
	s.pass(5 * time.Second)
	require.Len(t, s.Status().Operators, 1)
	s.leader = 1
	require.Equal(t, fmt.Sprintf("remove %d@1", 100*moved+1), s.beat())
	s.pass(5 * time.Second)
	require.Len(t, s.Status().Operators, 1)
	s.leader = 0
	s.leave(0)
	require.Empty(t, s.beat())
	s.pass(5 * time.Second)
	require.Empty(t, s.Status().Operators)
}

func TestBalanceLeaders(t *testing.T) {
	o := scheduler.Options{RegionLimit: -1, StoreDisconnectTime: 20 * time.Second, MaxStoreDownTime: time.Minute}
	led := func(peers ...uint64) piece { return piece{size: 1, peers: peers} }
	for name, c := range map[string]struct {
		pieces  []piece
		prepare func(m *machine)
		want    string
	}{
		"one leader":          {[]piece{led(1, 2, 3)}, nil, ""},
		"two on one store":    {[]piece{led(1, 2, 3), led(1, 2, 3)}, nil, "lead 2"},
		"ties":                {[]piece{led(1, 3, 2), led(1, 2, 3)}, nil, "lead 2"},
		"one more is fine":    {[]piece{led(1, 2, 3), led(1, 2, 3), led(2, 1, 3), led(3, 1, 2)}, nil, ""},
		"to the fewest":       {[]piece{led(1, 2, 3), led(1, 2, 3), led(1, 2, 3), led(2, 1, 3)}, nil, "lead 3"},
		"only to members":     {[]piece{led(1, 2, 3), led(1, 2, 3), led(1, 2, 3), led(2, 1, 3), led(3, 1, 2)}, nil, "lead 2"},
		"from the most":       {[]piece{led(1, 2, 3), led(1, 2, 3), led(3, 2, 4), led(3, 2, 4), led(3, 2, 4)}, nil, "lead 2"},
		"not to a pending":    {[]piece{{size: 1, peers: []uint64{1, 3, 2}, pending: true}, {size: 1, peers: []uint64{1, 3, 2}, pending: true}}, nil, ""},
		"not to a busy store": {[]piece{led(1, 2, 3), led(1, 2, 3)}, func(m *machine) { m.stats[2] = &schedulerpb.StoreStats{StoreId: 2, IsBusy: true} }, "lead 3"},
		"not while a member is silent": {[]piece{led(1, 2, 3), led(1, 2, 3)}, func(m *machine) {
			m.silent[2] = true
			m.pass(21 * time.Second)
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			m := cluster(t, 4, o)
			if c.prepare != nil {
				c.prepare(m)
			}
			m.pass(time.Second)
			m.balances(c.want, c.pieces...)
		})
	}
}

func TestScatter(t *testing.T) {
	m := cluster(t, 6, scheduler.Options{RegionLimit: -1, LeaderLimit: -1, RepairLimit: -1, StoreLimit: 100})
	scatterRegion := func(req *schedulerpb.ScatterRegionRequest) *schedulerpb.ResponseHeader {
		req.Header = header
		return m.header(m.ScatterRegion(ctx, req))
	}
	refused(t, scatterRegion(&schedulerpb.ScatterRegionRequest{RegionId: 10}), schedulerpb.ErrorType_REGION_NOT_FOUND, "region 10 is not known")
	refused(t, scatterRegion(&schedulerpb.ScatterRegionRequest{RegionId: 11, Region: reg(10, "", "a", 1, 1, 1)}), unknown, "describes region 10")
	refused(t, scatterRegion(&schedulerpb.ScatterRegionRequest{Region: reg(10, "", "a", 1, 1, 1)}), unknown, "not a member")

	// Twelve regions on three stores; scattered, they are on six.
	for i := range uint64(12) {
		r := reg(10+i, fmt.Sprintf("%02d", i), fmt.Sprintf("%02d", i+1), 1, 1, 1, 2, 3)
		if i%2 == 0 {
			require.Nil(t, m.report(beat(r)))
		} else {
			// The scheduler need not know the region yet.
			ok(t, scatterRegion(&schedulerpb.ScatterRegionRequest{RegionId: r.Id, Region: r, Leader: r.Peers[0]}))
		}
	}
	require.Equal(t, "admin", m.mustAdd(transferLeader(10, 2)).Kind)
	_, h := m.add(scatter(10))
	refused(t, h, unknown, "has an operator already")
	ok(t, m.header(m.CancelOperator(ctx, &schedulerpb.CancelOperatorRequest{Header: header, RegionId: 10})))
	require.Equal(t, "scatter", m.mustAdd(scatter(10)).Kind)
	for i := uint64(2); i < 12; i += 2 {
		ok(t, scatterRegion(&schedulerpb.ScatterRegionRequest{RegionId: 10 + i}))
	}
	peers, leaders := map[uint64]int{}, map[uint64]int{}
	for i := range uint64(12) {
		s := &script{machine: m, r: reg(10+i, fmt.Sprintf("%02d", i), fmt.Sprintf("%02d", i+1), 1, 1, 1, 2, 3)}
		for o := s.beat(); o != ""; o = s.beat() {
			var id, store uint64
			switch n, _ := fmt.Sscanf(o, "add %d@%d", &id, &store); {
			case n == 2:
				s.join(id, store)
				require.LessOrEqual(t, len(s.r.Peers), 4, "at most one peer too many at a time")
			case o[0] == 'l':
				fmt.Sscanf(o, "lead %d@%d", &id, &store)
				s.leader = s.index(id)
			default:
				fmt.Sscanf(o, "remove %d@%d", &id, &store)
				require.NotEqual(t, s.leader, s.index(id))
				s.leave(s.index(id))
			}
		}
		require.Len(t, s.r.Peers, 3)
		for _, p := range s.r.Peers {
			peers[p.StoreId]++
		}
		leaders[s.r.Peers[s.leader].StoreId]++
	}
	for id := uint64(1); id <= 6; id++ {
		require.InDelta(t, 6, peers[id], 1.5, "peers %v", peers)
		require.InDelta(t, 2, leaders[id], 1.5, "leaders %v", leaders)
	}
	require.Empty(t, m.Status().Operators)
}
