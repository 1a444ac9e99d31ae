package scheduler_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/schedulerpb"
	"github.com/labkv/labkv/scheduler"
)

func scatter(region uint64) *schedulerpb.AddOperatorRequest {
	return &schedulerpb.AddOperatorRequest{RegionId: region, Change: schedulerpb.RegionChange_SCATTER}
}

func TestMovePeer(t *testing.T) {
	s := &script{machine: cluster(t, 4, still), r: reg(10, "", "", 1, 5, 1, 2, 3)}
	require.Empty(t, s.beat())
	require.Equal(t, "none", s.status())
	o := s.mustAdd(movePeer(10, 2, 4))
	require.Equal(t, []string{"add peer 10000 on store 4", "remove peer 1002 from store 2"}, o.Steps)
	require.Equal(t, "RUNNING admin", s.status())
	for range 3 { // an order is repeated until it has taken effect
		require.Equal(t, "add 10000@4", s.beat())
	}
	s.pending = append(s.pending, s.join(10000, 4))
	for range 3 { // the new peer is not of use yet
		require.Empty(t, s.beat())
	}
	s.pending = nil
	for range 3 {
		require.Equal(t, "remove 1002@2", s.beat())
	}
	s.leave(1)
	require.Empty(t, s.beat())
	require.Equal(t, "SUCCESS admin", s.status())
	require.Empty(t, s.beat())
}

func TestMoveLeader(t *testing.T) {
	s := &script{machine: cluster(t, 4, still), r: reg(10, "", "", 1, 5, 1, 2, 3)}
	require.Empty(t, s.beat())
	require.Nil(t, s.report(beat(reg(11, "", "", 2, 1, 2, 3, 1)))) // replaces 10
	s.r.RegionEpoch.Version = 3
	require.Empty(t, s.beat())
	o := s.mustAdd(movePeer(10, 1, 4))
	require.Len(t, o.Steps, 3)
	require.Equal(t, "add 10000@4", s.beat())
	s.join(10000, 4)
	require.Equal(t, "lead 1002@2", s.beat())
	s.leader = 3 // another one than was asked for
	require.Equal(t, "lead 1002@2", s.beat())
	s.leader = 1
	require.Equal(t, "remove 1001@1", s.beat())
	// The leadership comes back, before the order arrives: the leader is asked
	// to hand over once more, to a member that has caught up.
	s.leader = 0
	s.pending = []*metapb.Peer{s.r.Peers[1]}
	require.Equal(t, "lead 1003@3", s.beat())
	s.leader = 2
	require.Equal(t, "remove 1001@1", s.beat())
	s.leave(0)
	require.Empty(t, s.beat())
	require.Equal(t, "SUCCESS admin", s.status())
}

// A heartbeat may show several steps at once, and an old one shows nothing.
func TestStepsShowLate(t *testing.T) {
	s := &script{machine: cluster(t, 4, still), r: reg(10, "", "", 1, 5, 1, 2, 3)}
	require.Empty(t, s.beat())
	old := s.r
	s.mustAdd(movePeer(10, 1, 4))
	require.Equal(t, "add 10000@4", s.beat())
	s.join(10000, 4)
	s.leader = 1 // it has taken over on its own
	require.Equal(t, "remove 1001@1", s.beat())
	refused(t, s.RegionHeartbeat(beat(old)).Header, unknown, "stale")
	require.Equal(t, "remove 1001@1", s.beat())
	s.leave(0)
	require.Empty(t, s.beat())
	require.Equal(t, "SUCCESS admin", s.status())
}

func TestEachOperator(t *testing.T) {
	for name, c := range map[string]struct {
		add   *schedulerpb.AddOperatorRequest
		order string
		does  func(s *script)
	}{
		"add":      {addPeer(10, 4), "add 10000@4", func(s *script) { s.join(10000, 4) }},
		"remove":   {removePeer(10, 3), "remove 1003@3", func(s *script) { s.leave(2) }},
		"transfer": {transferLeader(10, 2), "lead 1002@2", func(s *script) { s.leader = 1 }},
		"split": {splitRegion(10, "m"), "split m", func(s *script) {
			s.r = proto.Clone(s.r).(*metapb.Region)
			s.r.EndKey, s.r.RegionEpoch.Version = []byte("m"), 3
		}},
		"split in the middle": {splitRegion(10, ""), "split ", func(s *script) {
			s.r = proto.Clone(s.r).(*metapb.Region)
			s.r.EndKey, s.r.RegionEpoch.Version = []byte("k"), 3
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := &script{machine: cluster(t, 4, still), r: reg(10, "a", "z", 2, 5, 1, 2, 3)}
			require.Empty(t, s.beat())
			require.Len(t, s.mustAdd(c.add).Steps, 1)
			for range 2 {
				require.Equal(t, c.order, s.beat())
				require.Equal(t, "RUNNING admin", s.status())
			}
			c.does(s)
			require.Empty(t, s.beat())
			require.Equal(t, "SUCCESS admin", s.status())
			running, history := s.operators(10)
			require.Empty(t, running)
			require.Len(t, history, 1)
			require.EqualValues(t, 1, history[0].Done)
		})
	}
}

// An operator ends when the region changes in another way than by its present
// step.
func TestOperatorIsCancelled(t *testing.T) {
	for name, change := range map[string]func(s *script){
		"by a split": func(s *script) {
			s.r = proto.Clone(s.r).(*metapb.Region)
			s.r.EndKey, s.r.RegionEpoch.Version = []byte("m"), 3
		},
		"by a split and the step": func(s *script) {
			s.join(10000, 4)
			s.r.EndKey, s.r.RegionEpoch.Version = []byte("m"), 3
		},
		"by another peer":                   func(s *script) { s.join(777, 4) },
		"by another store":                  func(s *script) { s.join(10000, 5) },
		"by another peer's end":             func(s *script) { s.leave(2) },
		"by the next step before this one":  func(s *script) { s.leave(1) },
		"by this step and one more":         func(s *script) { s.join(10000, 4); s.leave(2) },
		"by this step and one in its place": func(s *script) { s.join(10000, 4); s.r.Peers[2] = &metapb.Peer{Id: 778, StoreId: 5} },
	} {
		t.Run(name, func(t *testing.T) {
			s := &script{machine: cluster(t, 5, still), r: reg(10, "a", "z", 2, 5, 1, 2, 3)}
			require.Empty(t, s.beat())
			s.mustAdd(movePeer(10, 2, 4))
			require.Equal(t, "add 10000@4", s.beat())
			change(s)
			require.Empty(t, s.beat())
			require.Equal(t, "CANCEL admin", s.status())
			_, history := s.operators(10)
			require.Contains(t, history[0].Reason, "not to be expected")
		})
	}
	t.Run("by another peer's end than that which is asked for", func(t *testing.T) {
		s := &script{machine: cluster(t, 5, still), r: reg(10, "a", "z", 2, 5, 1, 2, 3)}
		require.Empty(t, s.beat())
		s.mustAdd(removePeer(10, 2))
		require.Equal(t, "remove 1002@2", s.beat())
		s.leave(2)
		require.Empty(t, s.beat())
		require.Equal(t, "CANCEL admin", s.status())
	})
	t.Run("by the end of the region", func(t *testing.T) {
		s := &script{machine: cluster(t, 5, still), r: reg(10, "a", "z", 2, 5, 1, 2, 3)}
		require.Empty(t, s.beat())
		s.mustAdd(movePeer(10, 2, 4))
		require.Nil(t, s.report(beat(reg(11, "c", "d", 3, 1, 1, 2, 3))))
		require.Equal(t, "CANCEL admin", s.status())
	})
	t.Run("by hand", func(t *testing.T) {
		s := &script{machine: cluster(t, 5, still), r: reg(10, "a", "z", 2, 5, 1, 2, 3)}
		require.Empty(t, s.beat())
		cancel := func() *schedulerpb.ResponseHeader {
			return s.header(s.CancelOperator(ctx, &schedulerpb.CancelOperatorRequest{Header: header, RegionId: 10}))
		}
		refused(t, cancel(), unknown, "no operator under way")
		s.mustAdd(movePeer(10, 2, 4))
		ok(t, cancel())
		require.Equal(t, "CANCEL admin", s.status())
		require.Empty(t, s.beat())
		refused(t, cancel(), unknown, "no operator under way")
	})
	t.Run("by the end of a store", func(t *testing.T) {
		s := &script{machine: cluster(t, 5, still), r: reg(10, "a", "z", 2, 5, 1, 2, 3)}
		require.Empty(t, s.beat())
		s.mustAdd(movePeer(10, 2, 4))
		s.silent[4] = true
		s.pass(15 * time.Second)
		require.Equal(t, "RUNNING admin", s.status())
		s.pass(10 * time.Second)
		require.Equal(t, "CANCEL admin", s.status())
		s.mustAdd(movePeer(10, 2, 5))
		ok(t, s.removeStore(5))
		s.pass(time.Second)
		require.Equal(t, "CANCEL admin", s.status())
		require.Empty(t, s.beat())
	})
}

func TestOperatorTimesOut(t *testing.T) {
	o := still
	o.PeerTimeout, o.LeaderTimeout = 100*time.Second, 10*time.Second
	for _, c := range []struct {
		add   *schedulerpb.AddOperatorRequest
		after time.Duration
	}{
		{movePeer(10, 2, 4), 100 * time.Second},
		{addPeer(10, 4), 100 * time.Second},
		{removePeer(10, 3), 100 * time.Second},
		{transferLeader(10, 3), 10 * time.Second},
		{splitRegion(10, ""), 10 * time.Second},
	} {
		s := &script{machine: cluster(t, 4, o), r: reg(10, "a", "z", 2, 5, 1, 2, 3)}
		require.Empty(t, s.beat())
		s.mustAdd(c.add)
		s.pass(c.after)
		require.Equal(t, "RUNNING admin", s.status())
		require.NotEmpty(t, s.beat())
		s.pass(time.Second)
		require.Equal(t, "TIMEOUT admin", s.status())
		require.Empty(t, s.beat())
		_, history := s.operators(0)
		require.Equal(t, "it took too long", history[0].Reason)
		require.Equal(t, int64(c.after/time.Millisecond)+1000, history[0].Ended-history[0].Created)
	}
}

func TestImpossibleOperators(t *testing.T) {
	m := cluster(t, 6, still)
	ok(t, m.removeStore(5))
	m.silent[6] = true
	m.pass(30 * time.Second)
	r := beat(reg(10, "a", "z", 2, 5, 1, 2, 3, 5))
	r.PendingPeers = r.Region.Peers[2:3]
	require.Nil(t, m.report(r))
	require.Nil(t, m.report(beat(reg(11, "z", "", 2, 5, 1))))
	for _, c := range []struct {
		add  *schedulerpb.AddOperatorRequest
		word string
	}{
		{&schedulerpb.AddOperatorRequest{RegionId: 10}, "NO_CHANGE is no change"},
		{&schedulerpb.AddOperatorRequest{RegionId: 10, Change: 99}, "99 is no change"},
		{addPeer(10, 0), "store 0 is not known"},
		{addPeer(10, 9), "store 9 is not known"},
		{addPeer(10, 2), "has a peer on store 2 already"},
		{addPeer(11, 5), "store 5 is not in service"},
		{addPeer(10, 6), "store 6 is not in service"},
		{removePeer(10, 4), "no peer on store 4"},
		{removePeer(11, 1), "the last one of region 11"},
		{movePeer(10, 4, 4), "no peer on store 4"},
		{movePeer(10, 1, 2), "has a peer on store 2 already"},
		{movePeer(10, 1, 6), "store 6 is not in service"},
		{transferLeader(10, 4), "no peer on store 4"},
		{transferLeader(10, 3), "too far behind"},
		{transferLeader(10, 5), "store 5 is not in service"},
		{splitRegion(10, "a"), "cannot be split at"},
		{splitRegion(10, "z"), "cannot be split at"},
		{splitRegion(11, "x"), "cannot be split at"},
	} {
		o, h := m.add(c.add)
		refused(t, h, unknown, c.word)
		require.Nil(t, o)
	}
	_, h := m.add(addPeer(12, 4))
	refused(t, h, schedulerpb.ErrorType_REGION_NOT_FOUND, "region 12 is not known")
	require.Nil(t, m.mustAdd(transferLeader(10, 1)), "there is nothing to do")
	require.Empty(t, m.Status().Operators)

	// A region of two peers of which the other one cannot lead.
	two := beat(reg(10, "a", "z", 2, 6, 1, 6))
	require.Nil(t, m.report(two))
	_, h = m.add(removePeer(10, 1))
	refused(t, h, unknown, "no other one can")
	require.NotNil(t, m.mustAdd(removePeer(10, 6)))

	// After a restart, no leader is known that could be given an order.
	m.disk.Crash(1000)
	m.start()
	_, h = m.add(removePeer(10, 6))
	refused(t, h, unknown, "no leader of region 10 is known")
}

// A region has at most one operator. One with a higher priority takes its place.
func TestPriorities(t *testing.T) {
	s := &script{machine: cluster(t, 6, scheduler.Options{RegionLimit: -1}), r: reg(10, "", "", 1, 5, 1, 2)}
	require.Equal(t, "add 10000@3", s.beat())
	require.Equal(t, "RUNNING replica", s.status())
	resp, err := s.ScatterRegion(ctx, &schedulerpb.ScatterRegionRequest{Header: header, RegionId: 10})
	ok(t, s.header(resp, err)) // nothing to do: it is where it should be
	require.Equal(t, "RUNNING replica", s.status())

	s.mustAdd(addPeer(10, 6))
	require.Equal(t, "RUNNING admin", s.status())
	running, history := s.operators(0)
	require.Len(t, running, 1)
	require.Len(t, history, 1)
	require.Equal(t, schedulerpb.OperatorStatus_REPLACE, history[0].Status)
	require.Equal(t, "add 10001@6", s.beat())

	_, h := s.add(addPeer(10, 5))
	refused(t, h, unknown, "has an operator already")
	s.pass(time.Second)
	require.Equal(t, "add 10001@6", s.beat())
	s.join(10001, 6)
	require.Empty(t, s.beat())
	require.Equal(t, "SUCCESS admin", s.status())
}

func TestHistoryIsBounded(t *testing.T) {
	o := still
	o.History = 5
	s := &script{machine: cluster(t, 4, o), r: reg(10, "a", "z", 2, 5, 1, 2, 3)}
	require.Empty(t, s.beat())
	for i := range 12 {
		to := uint64(2 - i%2)
		s.mustAdd(transferLeader(10, to))
		require.Equal(t, fmt.Sprintf("lead %d@%d", 1000+to, to), s.beat())
		s.leader = int(to) - 1
		require.Empty(t, s.beat())
		_, history := s.operators(0)
		require.Len(t, history, min(i+1, 5))
		require.Equal(t, []string{fmt.Sprintf("transfer the leadership to peer %d on store %d", 1000+to, to)}, history[0].Steps, "the latest comes first")
	}
	require.Equal(t, map[string]map[string]uint64{"admin": {"RUNNING": 12, "SUCCESS": 12}}, s.Status().Counts.Operators)
	require.EqualValues(t, 12, s.Status().Counts.Orders)
}
