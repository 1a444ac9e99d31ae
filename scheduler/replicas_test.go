package scheduler_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/schedulerpb"
)

// What the checker does about the region 10 = ["", m), as the order that follows
// a heartbeat, or "". Store s holds fill[s-1] bytes besides.
func TestCheckReplicas(t *testing.T) {
	for name, c := range map[string]struct {
		stores  int
		fill    []uint64
		peers   []uint64 // the first one leads
		pending []uint64
		gone    []uint64 // stores that are silent: disconnected after 30 s, down after 70 s
		after   time.Duration
		offline []uint64
		busy    []uint64
		full    []uint64 // stores without space
		want    string
	}{
		"three peers are right":             {stores: 5, peers: []uint64{1, 2, 3}, want: ""},
		"no store is left":                  {stores: 2, peers: []uint64{1, 2}, want: ""},
		"too few":                           {stores: 5, peers: []uint64{1, 2}, want: "add @3"},
		"only one":                          {stores: 5, peers: []uint64{2}, want: "add @1"},
		"too few: the emptiest store":       {stores: 5, fill: []uint64{9, 9, 30, 20, 25}, peers: []uint64{1, 2}, want: "add @4"},
		"too few: not a busy store":         {stores: 5, fill: []uint64{9, 9, 30, 20, 25}, peers: []uint64{1, 2}, busy: []uint64{4}, want: "add @5"},
		"too few: not a store that is full": {stores: 5, fill: []uint64{9, 9, 30, 20, 25}, peers: []uint64{1, 2}, full: []uint64{4, 5}, want: "add @3"},
		"too few: not a silent store":       {stores: 5, fill: []uint64{9, 9, 30, 20, 25}, peers: []uint64{1, 2}, gone: []uint64{4}, after: 30 * time.Second, want: "add @5"},
		"too few: not an offline store":     {stores: 5, fill: []uint64{9, 9, 30, 20, 25}, peers: []uint64{1, 2}, offline: []uint64{4}, want: "add @5"},
		"too few: no store takes any":       {stores: 3, peers: []uint64{1, 2}, busy: []uint64{3}, want: ""},
		"too many: the fullest":             {stores: 5, fill: []uint64{9, 30, 20, 9, 9}, peers: []uint64{1, 2, 3, 4}, want: "remove 1002@2"},
		"too many: the first of equals":     {stores: 5, peers: []uint64{4, 3, 2, 5}, want: "remove 1002@2"},
		"too many: a pending one":           {stores: 5, fill: []uint64{9, 30, 20, 9, 9}, peers: []uint64{1, 2, 3, 4}, pending: []uint64{3}, want: "remove 1003@3"},
		"too many: an offline one":          {stores: 5, fill: []uint64{9, 30, 20, 9, 9}, peers: []uint64{1, 2, 3, 4}, pending: []uint64{3}, offline: []uint64{4}, want: "remove 1004@4"},
		"too many: a silent one":            {stores: 5, fill: []uint64{9, 30, 20, 9, 9}, peers: []uint64{1, 2, 3, 4}, offline: []uint64{4}, gone: []uint64{3}, after: 30 * time.Second, want: "remove 1003@3"},
		"too many: a dead one":              {stores: 5, fill: []uint64{9, 30, 20, 9, 9}, peers: []uint64{1, 2, 3, 4}, offline: []uint64{4}, gone: []uint64{3}, after: 70 * time.Second, want: "remove 1003@3"},
		"too many: the leader hands over":   {stores: 5, fill: []uint64{50, 30, 20, 9, 9}, peers: []uint64{1, 2, 3, 4}, want: "lead 1002@2"},
		"silent, but not for long":          {stores: 5, peers: []uint64{1, 2, 3}, gone: []uint64{3}, after: 50 * time.Second, want: ""},
		"dead: the dead one goes first":     {stores: 5, peers: []uint64{1, 2, 3}, gone: []uint64{3}, after: 70 * time.Second, want: "remove 1003@3"},
		"dead, and no store to go to":       {stores: 3, peers: []uint64{1, 2, 3}, gone: []uint64{3}, after: 70 * time.Second, want: ""},
		"a majority is dead":                {stores: 6, peers: []uint64{1, 2, 3}, gone: []uint64{2, 3}, after: 70 * time.Second, want: ""},
		"half of the peers are dead":        {stores: 6, peers: []uint64{1, 2}, gone: []uint64{2}, after: 70 * time.Second, want: ""},
		"half of four are dead":             {stores: 6, peers: []uint64{1, 2, 3, 4}, gone: []uint64{2, 3}, after: 70 * time.Second, want: ""},
		"offline: the new one comes first":  {stores: 5, peers: []uint64{1, 2, 3}, offline: []uint64{3}, want: "add @4"},
		"offline: the leader":               {stores: 5, peers: []uint64{1, 2, 3}, offline: []uint64{1}, want: "add @4"},
		"offline, and no store to go to":    {stores: 3, peers: []uint64{1, 2, 3}, offline: []uint64{3}, want: ""},
		"offline and dead":                  {stores: 5, peers: []uint64{1, 2, 3}, offline: []uint64{3}, gone: []uint64{3}, after: 70 * time.Second, want: "remove 1003@3"},
		"offline and silent":                {stores: 5, peers: []uint64{1, 2, 3}, offline: []uint64{3}, gone: []uint64{3}, after: 30 * time.Second, want: "remove 1003@3"},
		// With a fourth peer, which is empty at first, three would have to work.
		"offline, while another one is silent": {stores: 5, peers: []uint64{1, 2, 3}, offline: []uint64{3}, gone: []uint64{2}, after: 30 * time.Second, want: ""},
	} {
		t.Run(name, func(t *testing.T) {
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
				_, err := m.CancelOperator(ctx, &schedulerpb.CancelOperatorRequest{Header: header, RegionId: o.RegionId})
				require.NoError(t, err)
			}
			m.maxPeers(3)
			req := beat(reg(10, "", "m", 1, 5, c.peers...))
			for _, s := range c.pending {
				for _, p := range req.Region.Peers {
					if p.StoreId == s {
						req.PendingPeers = append(req.PendingPeers, p)
					}
				}
			}
			got := order(m.report(req))
			if new, add := strings.CutPrefix(got, "add "); add {
				_, at, _ := strings.Cut(new, "@")
				got = "add @" + at
			}
			require.Equal(t, c.want, got)
			if len(c.gone) > 0 {
				st := m.Status().Regions[0]
				lost := strings.HasPrefix(name, "a majority") || strings.HasPrefix(name, "half")
				require.Equal(t, lost, st.Lost)
			}
		})
	}
}

// From the death of a store to a region that is well again.
func TestReplaceDeadPeer(t *testing.T) {
	s := &script{machine: cluster(t, 4, checking), r: reg(10, "", "", 1, 5, 1, 2, 3)}
	require.Empty(t, s.beat())
	s.silent[2] = true
	s.pass(60 * time.Second)
	require.Empty(t, s.beat())
	s.pass(time.Second)
	require.Equal(t, "remove 1002@2", s.beat())
	require.Equal(t, "RUNNING replica", s.status())
	s.leave(1)
	require.Equal(t, "add 10000@4", s.beat())
	s.pending = append(s.pending, s.join(10000, 4))
	require.Empty(t, s.beat())
	require.Equal(t, "RUNNING replica", s.status())
	s.pending = nil
	require.Empty(t, s.beat())
	require.Equal(t, "SUCCESS replica", s.status())
	s.pass(time.Second)
	require.Empty(t, s.beat())
}

// A region grows one peer after the other: the next one comes when the last one
// has caught up.
func TestGrow(t *testing.T) {
	o := checking
	o.MaxPeerCount = 5
	s := &script{machine: cluster(t, 6, o), r: reg(10, "", "", 1, 1, 1)}
	for n := uint64(2); n <= 5; n++ {
		id := 10000 + n - 2
		require.Equal(t, fmt.Sprintf("add %d@%d", id, n), s.beat())
		s.pending = []*metapb.Peer{s.join(id, n)}
		require.Empty(t, s.beat())
		s.pending = nil
	}
	require.Empty(t, s.beat())
	s.maxPeers(3)
	require.Equal(t, "lead 10000@2", s.beat()) // of equals, store 1 goes, which leads
	s.leader = 1
	require.Equal(t, "remove 1001@1", s.beat())
	s.leave(0)
	require.Equal(t, "lead 10001@3", s.beat())
}

// Regions whose leaders are not heard of are found by ticks, some at a time, and
// get their orders when they send heartbeats.
func TestPatrol(t *testing.T) {
	m := cluster(t, 6, checking)
	const regions = 300
	for i := range uint64(regions) {
		stores := []uint64{1, 2, 3}
		if i == regions-1 {
			stores = []uint64{1, 2, 4}
		}
		r := reg(1000+i, fmt.Sprintf("%03d", i), fmt.Sprintf("%03d", i+1), 1, 1, stores...)
		for _, p := range r.Peers {
			p.Id = m.id()
		}
		require.Nil(t, m.report(beat(r)))
	}
	tick := func() []*schedulerpb.Operator {
		m.now = m.now.Add(100 * time.Millisecond)
		require.NoError(t, m.Tick())
		running, _ := m.operators(0)
		return running
	}
	for range 2 { // the second time, the patrol begins somewhere in the middle
		ok(t, m.removeStore(4))
		ticks := 1
		for ; len(tick()) == 0; ticks++ {
			require.Less(t, ticks, 6)
		}
		require.Greater(t, ticks, 1)
		running, _ := m.operators(0)
		require.Len(t, running, 1)
		require.EqualValues(t, 1000+regions-1, running[0].RegionId)
		require.Contains(t, running[0].Desc, "store 4 is offline")
		ok(t, m.restoreStore(4))
		ok(t, m.header(m.CancelOperator(ctx, &schedulerpb.CancelOperatorRequest{Header: header, RegionId: running[0].RegionId})))
		tick()
	}

	ok(t, m.removeStore(3))
	for range 3 {
		tick()
	}
	running := tick()
	require.Len(t, running, 12, "three stores take four each")
	for _, o := range running {
		require.Equal(t, "replica", o.Kind)
	}
}

// A store whose peers are far behind gets no more of them.
func TestPendingStore(t *testing.T) {
	o := checking
	o.MaxPendingPeers = 2
	m := cluster(t, 4, o)
	m.fill(3, 100)
	for i, want := range []uint64{4, 4, 3} {
		key := func(i int) string { return fmt.Sprintf("%02d", i) }
		s := &script{machine: m, r: reg(uint64(10+i), key(i), key(i+1), 1, 1, 1, 2)}
		require.Equal(t, fmt.Sprintf("add %d@%d", 10001+i, want), s.beat()) // 10000 is for the region of store 3
		s.pending = []*metapb.Peer{s.join(10001+uint64(i), want)}
		require.Empty(t, s.beat())
	}
}

// An order that comes late may put a peer on a store that is a tombstone already:
// it is replaced.
func TestPeerOnTombstone(t *testing.T) {
	s := &script{machine: cluster(t, 5, checking), r: reg(10, "", "", 1, 5, 1, 2)}
	require.Equal(t, "add 10000@3", s.beat())
	ok(t, s.removeStore(3))
	s.pass(time.Second)
	require.Equal(t, "tombstone", s.states()[2])
	s.join(10000, 3)
	require.Equal(t, "remove 10000@3", s.beat())
	s.leave(2)
	require.Equal(t, "add 10002@4", s.beat())
}

// Stores that get much get no more, and some operators are enough in all.
func TestLimits(t *testing.T) {
	o := checking
	o.StoreLimit, o.RepairLimit = 2, 3
	m := cluster(t, 4, o)
	started := func() (n int) {
		for i := range uint64(10) {
			key := func(i uint64) string { return fmt.Sprintf("%02d", i) }
			if order(m.report(beat(reg(10+i, key(i), key(i+1), 1, 1, 1, 2)))) != "" {
				n++
			}
		}
		return n
	}
	require.Equal(t, 3, started())
	require.Equal(t, 3, started())
	incoming := map[uint64]int{}
	for _, s := range m.Status().Stores {
		incoming[s.ID] = s.Incoming
	}
	require.Equal(t, map[uint64]int{1: 0, 2: 0, 3: 2, 4: 1}, incoming)

	o.RepairLimit = 100
	m = cluster(t, 4, o)
	require.Equal(t, 4, started())

	// People are above the limits.
	m.mustAdd(addPeer(19, 3))
	require.Equal(t, 3, m.Status().Stores[2].Incoming)
}
