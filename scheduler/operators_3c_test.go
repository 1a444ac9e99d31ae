package scheduler_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/engine/memory"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/schedulerpb"
	"github.com/labkv/labkv/scheduler"
)

// splitAt is the left half of a split.
func (s *script) splitAt(key string) {
	s.r = proto.Clone(s.r).(*metapb.Region)
	s.r.EndKey = []byte(key)
	s.r.RegionEpoch.Version++
}

// is requires that the operator of the region is in a state, such as "RUNNING admin".
func (s *script) is(want, when string) {
	s.t.Helper()
	require.Equal(s.t, want, s.status(), "the operator, %s", when)
}

func TestOrdersAreRepeated3C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "an order is repeated with every heartbeat until one shows that it has taken effect; a peer is of use when it has caught up",
		Source: "step, (*operator).advance",
	}, func(t *graded.T) {
		s := &script{machine: cluster(t, 4, still), r: reg(10, "", "", 1, 5, 1, 2, 3)}
		s.gives("", "nothing is to be done")
		s.is("none", "before there is one")
		s.mustAdd(movePeer(10, 2, 4))
		s.is("RUNNING admin", "when it was made")
		for range 3 {
			s.gives("add 10000@4", "a peer is to move from store 2 to store 4, and nothing has happened")
		}
		s.pending = append(s.pending, s.join(10000, 4))
		for range 3 {
			s.gives("", "the new peer is a member, and pending")
			s.is("RUNNING admin", "while the new peer is pending")
		}
		s.pending = []*metapb.Peer{s.r.Peers[2]} // another one
		for range 3 {
			s.gives("remove 1002@2", "the new peer is a member, and has caught up")
		}
		s.pending = []*metapb.Peer{s.r.Peers[3]}
		s.gives("remove 1002@2", "the new peer is behind once more")
		s.leave(1)
		s.gives("", "the old peer has left")
		s.is("SUCCESS admin", "when the old peer has left")
		s.gives("", "the operator has succeeded")
		running, history := s.operators(10)
		require.Empty(t, running, "operators under way, when the only one has ended")
		require.Len(t, history, 1, "operators that have ended")
	})
}

func TestMoveOfLeader3C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a leader is not asked to remove itself: it hands over first, to a member that can lead, as often as it takes",
		Source: "(*Scheduler).move, (*removePeer).order",
	}, func(t *graded.T) {
		o := still
		s := &script{machine: cluster(t, 5, o), r: reg(10, "a", "b", 1, 5, 1, 2, 3)}
		// Store 4 leads a region, and store 2 two: store 3 leads the fewest.
		s.report(beat(reg(11, "b", "c", 1, 1, 2)))
		s.report(beat(reg(12, "c", "d", 1, 1, 2)))
		s.report(beat(reg(13, "d", "e", 1, 1, 4)))
		s.beat()
		s.mustAdd(movePeer(10, 1, 4))
		s.gives("add 10000@4", "the leader's peer is to move from store 1 to store 4")
		s.pending = []*metapb.Peer{s.join(10000, 4)}
		s.gives("", "the new peer is a member, and pending")
		s.pending = nil
		s.gives("lead 1003@3", "the new peer has caught up, the old one leads, and store 3 has the fewest leaders")
		s.leader = 3 // another one than was asked for
		s.gives("lead 1003@3|remove 1001@1", "another member has taken over than that which was asked for")
		s.leader = 2
		s.gives("remove 1001@1", "the leadership has gone to the right member")
		// It comes back before the order arrives.
		s.leader = 0
		s.pending = []*metapb.Peer{s.r.Peers[2]}
		s.gives("lead 10000@4", "the peer that is to go leads again, and that on store 3 is pending")
		s.leader = 3
		s.gives("remove 1001@1", "another member leads")
		s.leave(0)
		s.gives("", "the old peer has left")
		s.is("SUCCESS admin", "when the old peer has left")

		// A member that is behind is no heir, though its store has the fewest leaders.
		p := &script{machine: cluster(t, 5, o), r: reg(10, "a", "b", 1, 5, 1, 2, 3)}
		p.report(beat(reg(11, "b", "c", 1, 1, 2)))
		p.report(beat(reg(12, "c", "d", 1, 1, 2)))
		p.report(beat(reg(13, "d", "e", 1, 1, 4)))
		p.pending = p.r.Peers[2:]
		p.beat()
		p.mustAdd(movePeer(10, 1, 4))
		p.join(10000, 4)
		p.gives("lead 10000@4", "the old peer leads, the one on store 3 is pending, and of the others the new one is on the store with the fewest leaders")

		// With nobody to hand over to, the leader waits.
		s.pending, s.leader = nil, 0
		s.beat()
		s.mustAdd(removePeer(10, s.r.Peers[0].StoreId))
		s.pending = s.r.Peers[1:]
		s.gives("", "the leader is to be removed, and all others are pending")
		s.is("RUNNING admin", "while nobody can take over")
		s.pending = nil
		if got := s.beat(); len(got) < 4 || got[:4] != "lead" {
			t.Fatalf("the leader is to be removed, and others can take over: the order is %s, and should be a transfer", ordered(got))
		}
	})
}

// A heartbeat may show several steps at once, and an old one shows nothing.
func TestStepsShowLate3C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "all that counts is the region, as heartbeats show it: steps may show late, together, or without an order",
		Source: "(*operator).advance",
	}, func(t *graded.T) {
		s := &script{machine: cluster(t, 4, still), r: reg(10, "", "", 1, 5, 1, 2, 3)}
		s.beat()
		old := s.r
		s.mustAdd(movePeer(10, 1, 4))
		s.gives("add 10000@4", "the leader's peer is to move to store 4")
		heir := s.heir()
		s.join(10000, 4)
		s.leader = s.index(heir) // it has taken over on its own
		s.gives("remove 1001@1", "the new peer has joined, and the next leader has taken over by itself")
		s.mustRefuse(beat(old), "a heartbeat from before the new peer had joined")
		s.gives("remove 1001@1", "a stale heartbeat came in between")
		s.leave(0)
		s.gives("", "the old peer has left")
		s.is("SUCCESS admin", "when the old peer has left")

		// An operator that finds its work done.
		s.mustAdd(transferLeader(10, 4))
		s.leader = s.index(10000)
		s.gives("", "the peer on store 4 leads without an order")
		s.is("SUCCESS admin", "when the leader is the right one")
	})
}

// heir returns the peer that the running operator of the region hands the leadership
// to: the new one, if the operator does not say.
func (s *script) heir() uint64 {
	s.t.Helper()
	running, _ := s.operators(s.r.Id)
	require.Len(s.t, running, 1, "operators under way")
	for _, step := range running[0].Steps {
		var id uint64
		if n, _ := fmt.Sscanf(step, "transfer the leadership to peer %d", &id); n == 1 {
			return id
		}
	}
	return 10000
}

func TestEachChange3C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "an operator succeeds when its last step has taken effect; that it has begun, and how it has ended, is counted",
		Source: "step, (*operator).advance, (*Scheduler).start",
	}, func(t *graded.T) {
		for _, c := range []struct {
			add   *schedulerpb.AddOperatorRequest
			order string
			does  func(s *script)
		}{
			{addPeer(10, 4), "add 10000@4", func(s *script) { s.join(10000, 4) }},
			{removePeer(10, 3), "remove 1003@3", func(s *script) { s.leave(2) }},
			{transferLeader(10, 2), "lead 1002@2", func(s *script) { s.leader = 1 }},
			{splitRegion(10, "m"), "split m", func(s *script) { s.splitAt("m") }},
			{splitRegion(10, ""), "split ", func(s *script) { s.splitAt("k") }},
		} {
			s := &script{machine: cluster(t, 4, still), r: reg(10, "a", "z", 2, 5, 1, 2, 3)}
			s.beat()
			s.mustAdd(c.add)
			for range 2 {
				s.gives(c.order, "people have asked for it")
				s.is("RUNNING admin", "before it has taken effect")
			}
			require.Equal(t, map[string]uint64{"RUNNING": 1}, s.Status().Counts.Operators["admin"], "what is counted when an operator has begun")
			c.does(s)
			s.gives("", "it has taken effect")
			s.is("SUCCESS admin", "when it has taken effect")
			require.Equal(t, map[string]uint64{"RUNNING": 1, "SUCCESS": 1}, s.Status().Counts.Operators["admin"], "what is counted when an operator has ended")
		}
	})
}

func TestForeignChangesCancel3C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "an operator is cancelled when its region changes in another way than by the step under way: it was made for another region",
		Source: "(*operator).advance, step",
	}, func(t *graded.T) {
		for _, c := range []struct {
			name   string
			change func(s *script)
		}{
			{"a split", func(s *script) { s.splitAt("m") }},
			{"a split, and the step", func(s *script) { s.join(10000, 4); s.splitAt("m") }},
			{"another peer on the same store", func(s *script) { s.join(777, 4) }},
			{"the same peer on another store", func(s *script) { s.join(10000, 5) }},
			{"the end of another peer", func(s *script) { s.leave(2) }},
			{"the next step before this one", func(s *script) { s.leave(1) }},
			{"the step, and the end of another peer", func(s *script) { s.join(10000, 4); s.leave(2) }},
			{"the step, and another peer in the place of one", func(s *script) { s.join(10000, 4); s.r.Peers[2] = &metapb.Peer{Id: 778, StoreId: 5} }},
		} {
			s := &script{machine: cluster(t, 5, still), r: reg(10, "a", "z", 2, 5, 1, 2, 3)}
			s.beat()
			s.mustAdd(movePeer(10, 2, 4))
			s.gives("add 10000@4", "a peer is to move from store 2 to store 4")
			c.change(s)
			s.gives("", "an addition is under way, and what has happened is "+c.name)
			s.is("CANCEL admin", "after "+c.name)
		}
		for _, c := range []struct {
			name   string
			change func(s *script)
		}{
			{"the end of another peer", func(s *script) { s.leave(2) }},
			{"another peer's coming", func(s *script) { s.join(777, 4) }},
			{"a split", func(s *script) { s.splitAt("m") }},
			{"a split, and the step", func(s *script) { s.leave(1); s.splitAt("m") }},
			{"the step, and another peer's end", func(s *script) { s.leave(1); s.leave(1) }},
			{"the step, and another peer in the place of one", func(s *script) { s.leave(1); s.r.Peers[1] = &metapb.Peer{Id: 778, StoreId: 5} }},
		} {
			s := &script{machine: cluster(t, 5, still), r: reg(10, "a", "z", 2, 5, 1, 2, 3)}
			s.beat()
			s.mustAdd(removePeer(10, 2))
			s.gives("remove 1002@2", "a peer is to be removed from store 2")
			c.change(s)
			s.gives("", "a removal is under way, and what has happened is "+c.name)
			s.is("CANCEL admin", "after "+c.name)
		}

		// What was made for the region as it was after the first step is compared with that.
		s := &script{machine: cluster(t, 5, still), r: reg(10, "a", "z", 2, 5, 1, 2, 3)}
		s.beat()
		s.mustAdd(movePeer(10, 2, 4))
		s.join(10000, 4)
		s.gives("remove 1002@2", "the new peer has joined")
		s.join(777, 5)
		s.gives("", "a removal is under way, and another peer has come")
		s.is("CANCEL admin", "after another peer has come")

		s = &script{machine: cluster(t, 5, still), r: reg(10, "a", "z", 2, 5, 1, 2, 3)}
		s.beat()
		s.mustAdd(movePeer(10, 2, 4))
		require.Nil(t, s.report(beat(reg(11, "c", "d", 3, 1, 1, 2, 3))), "an order for another region")
		s.is("CANCEL admin", "after another region has taken its keys")
		running, _ := s.operators(0)
		require.Empty(t, running, "operators of regions that are gone")
		require.NoError(t, s.Tick(), "a tick")
	})
}

func TestOperatorsTimeOut3C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "an operator ends when its time is over, and not before: PeerTimeout if it adds or removes peers, or else LeaderTimeout",
		Source: "(*Scheduler).start, (*Scheduler).expire",
	}, func(t *graded.T) {
		o := still
		o.PeerTimeout, o.LeaderTimeout = 100*time.Second, 10*time.Second
		for _, c := range []struct {
			add   *schedulerpb.AddOperatorRequest
			after time.Duration
		}{
			{movePeer(10, 2, 4), 100 * time.Second},
			{movePeer(10, 1, 4), 100 * time.Second},
			{addPeer(10, 4), 100 * time.Second},
			{removePeer(10, 3), 100 * time.Second},
			{transferLeader(10, 3), 10 * time.Second},
			{splitRegion(10, ""), 10 * time.Second},
		} {
			s := &script{machine: cluster(t, 4, o), r: reg(10, "a", "z", 2, 5, 1, 2, 3)}
			s.beat()
			s.pass(500 * time.Second) // the scheduler is not new
			s.mustAdd(c.add)
			s.pass(c.after - time.Second)
			s.is("RUNNING admin", "a second before its time is over")
			require.NotEmpty(t, s.beat(), "the order of an operator a second before its time is over")
			s.pass(2 * time.Second)
			s.is("TIMEOUT admin", "a second after its time is over")
			s.gives("", "the operator has timed out")
			s.mustAdd(c.add) // the region is free again
		}

		// Peers move from stores 2 and 3 to 4 and 5, and one of these leads at the end.
		s := &script{machine: cluster(t, 6, o), r: reg(10, "", "01", 1, 5, 1, 2, 3)}
		for i, at := range [][]uint64{{1}, {1}, {6, 4, 5}, {6, 4, 5}, {2, 3}, {2, 3}, {2, 3}, {2, 3}} {
			s.report(placed{1, at, false}.heartbeat(i+1, 9))
		}
		s.beat()
		scatter := s.mustAdd(&schedulerpb.AddOperatorRequest{RegionId: 10, Change: schedulerpb.RegionChange_SCATTER})
		require.Contains(t, scatter.Steps[len(scatter.Steps)-1], "transfer", "the last step, where store 1 leads more regions than others")
		s.pass(99 * time.Second)
		s.is("RUNNING scatter", "a second before the time of an operator is over that adds peers and then transfers the leadership")
		s.pass(2 * time.Second)
		s.is("TIMEOUT scatter", "a second after its time is over")
	})
}

// A region has at most one operator. One with a higher priority takes its place.
func TestOneOperatorPerRegion3C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a region has at most one operator: a new one is refused, or takes the place of one with a smaller priority",
		Source: "(*Scheduler).start",
	}, func(t *graded.T) {
		s := &script{machine: cluster(t, 6, scheduler.Options{RegionLimit: -1, LeaderLimit: -1}), r: reg(10, "", "", 1, 5, 1, 2)}
		first := s.beat()
		s.is("RUNNING replica", "of a region with too few peers")
		s.mustAdd(addPeer(10, 6))
		s.is("RUNNING admin", "when people have asked for one")
		running, history := s.operators(0)
		require.Len(t, running, 1, "operators under way")
		require.Len(t, history, 1, "operators that have ended")
		require.Equal(t, schedulerpb.OperatorStatus_REPLACE, history[0].Status, "how the one that gave way has ended")
		second := s.beat()
		var id, a uint64
		if n, _ := fmt.Sscanf(first, "add %d@", &a); n != 1 {
			t.Fatalf("the order for a region with too few peers is %s", ordered(first))
		}
		if n, _ := fmt.Sscanf(second, "add %d@6", &id); n != 1 || id == a || id < 10000 {
			t.Fatalf("the order to add a peer on store 6, after that to add peer %d, is %s", a, ordered(second))
		}

		_, h := s.add(addPeer(10, 5))
		denied(t, h, "a second operator by hand")
		next := s.id()
		_, h = s.add(addPeer(10, 5))
		denied(t, h, "a second operator by hand")
		require.Equal(t, next+1, s.id(), "the next id, where a refused operator has taken none")
		s.pass(time.Second)
		s.gives(second, "a checker has come by")
		s.join(id, 6)
		s.gives("", "the peer has joined")
		s.is("SUCCESS admin", "when the peer has joined")
	})
}

// A full disk can refuse an operator, and a heartbeat: then all is as before.
func TestOperatorsOutliveFullDisk3C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "an operator goes on if what would have taken its place, or its region's, could not be made durable",
		Source: "(*Scheduler).start, (*Scheduler).learn",
	}, func(t *graded.T) {
		o := checking
		o.IDBatch = 1
		s := &script{machine: cluster(t, 6, o), r: reg(10, "", "", 1, 5, 1, 2)}
		first := s.beat()
		s.is("RUNNING replica", "of a region with too few peers")
		s.disk.SetCapacity(0)
		full := addPeer(10, 6)
		full.Header = header
		_, err := s.AddOperator(ctx, full)
		require.Error(t, err, "an operator by hand that needs an id for a peer, while the disk is full")
		s.is("RUNNING replica", "after one by hand that the disk had no room for")
		s.mustRefuse(beat(reg(11, "c", "d", 2, 1, 1, 2, 3)), "a heartbeat of a new region, while the disk is full")
		s.is("RUNNING replica", "after a heartbeat of a region that would have taken the keys, and that the disk had no room for")
		s.gives(first, "nothing has happened that the disk knows of")
		s.disk.SetCapacity(memory.Unlimited)
		s.mustAdd(addPeer(10, 6))
		s.is("RUNNING admin", "when people have asked for one, and the disk has room")
	})
}

// Stores that get much get no more, and some operators are enough in all.
func TestOperatorLimits3C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a store gets no more than StoreLimit operators bring it, and there are no more than RepairLimit that repair; people are above the limits",
		Source: "Options, (*Scheduler).target",
	}, func(t *graded.T) {
		o := checking
		o.StoreLimit, o.RepairLimit = 2, 3
		started := func(m *machine) (n int) {
			for i := range uint64(10) {
				key := func(i uint64) string { return fmt.Sprintf("%02d", i) }
				if order(m.report(beat(reg(10+i, key(i), key(i+1), 1, 1, 1, 2)))) != "" {
					n++
				}
			}
			return n
		}
		m := cluster(t, 4, o)
		for range 2 {
			require.Equal(t, 3, started(m), "orders for ten regions with too few peers, where RepairLimit is 3")
		}
		for _, s := range m.Status().Stores {
			if s.Incoming > 2 {
				t.Fatalf("%d operators bring a peer to store %d, where StoreLimit is 2", s.Incoming, s.ID)
			}
		}
		o.RepairLimit = 100
		m = cluster(t, 4, o)
		for range 2 {
			require.Equal(t, 4, started(m), "orders for ten regions with too few peers, where two stores may get two each")
		}
		m.mustAdd(addPeer(19, 3))
		require.Equal(t, 3, m.Status().Stores[2].Incoming, "operators that bring store 3 a peer, one of them by hand")
	})
}
