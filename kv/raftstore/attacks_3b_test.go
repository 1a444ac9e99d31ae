package raftstore_test

import (
	"fmt"
	"testing"

	"github.com/labkv/labkv/kv/engine/memory"
	"github.com/labkv/labkv/kv/raftstore"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/raftserverpb"
	"github.com/labkv/labkv/proto/schedulerpb"
)

// TestSplitOutlivesPromisesOfRightHalf3B has the right half of a split write its log on a
// store whose power is then cut, while the data of the split were not synced. Later the left
// half gets a snapshot there, so that it does not come to the split again.
func TestSplitOutlivesPromisesOfRightHalf3B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "what the right half of a split has promised is kept, also if a power cut comes before the data of the split were synced",
		Source: "doc.go: What is durable when",
	}, func(t *graded.T) {
		f := newFleet(t, fleetConfig{stores: 3, members: []uint64{1, 2, 3}, maxLog: 3})
		for _, key := range []string{"a", "m", "z"} {
			f.put(key, "before")
		}
		f.transfer(1, 1)
		f.split(1, "m", 20, 21, 22, 23)
		f.put("m", "after")
		f.put("n", "after")
		f.isolate(3)
		f.at(3).lose(&powerCut{log: memory.All}, nil)
		f.at(3).restart()
		for i := range 30 {
			f.put(fmt.Sprintf("b%d", i), "later")
		}
		f.transfer(1, 2)
		f.put("c", "later")
		f.settled(1, 20)
		f.put("x", "last")
		f.settled(1, 20)
		f.close()
	})
}

// TestEmptyPeerLearnsOfItsRemoval3B removes a peer before it gets its first data, and loses what
// tells it so.
func TestEmptyPeerLearnsOfItsRemoval3B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a peer that is removed before it gets data learns of it, also if what tells it so is lost",
		Source: "thesis §4.2.3",
	}, func(t *graded.T) {
		for _, managed := range []bool{false, true} {
			c := fleetConfig{stores: 4, members: []uint64{1, 2, 3}}
			schedulers := map[uint64]*scriptedScheduler{}
			if managed {
				c.scheduler = func(store uint64) raftstore.Scheduler {
					schedulers[store] = &scriptedScheduler{}
					return schedulers[store]
				}
			}
			f := newFleet(t, c)
			f.put("a", "1")
			f.loses = func(m *raftserverpb.RaftMessage) bool {
				return m.IsTombstone || m.Message.GetMsgType() == eraftpb.MessageType_MsgSnapshot
			}
			f.add(1, 14, 4)
			f.until("the creation of the peer", func() bool { _, ok := f.peer(4, 1); return ok })
			f.remove(1, 4)
			f.ticks(5)
			f.loses = nil
			if managed {
				f.until("its question", func() bool { return len(schedulers[4].found) > 0 })
				f.at(4).Found(f.region(1))
			}
			f.settled(1)
			f.close()
		}
	})
}

// TestMessagesForNobody3B sends peers what earlier peers were sent, and what members do not
// ask.
func TestMessagesForNobody3B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a message for an earlier peer of a region, and a question of a member whether it may leave, change nothing",
		Source: "the contract of RaftMessage",
	}, func(t *graded.T) {
		f := newFleet(t, fleetConfig{stores: 3, members: []uint64{1, 2, 3}})
		f.put("a", "1")
		f.transfer(1, 1)
		f.remove(1, 3)
		f.loses = func(m *raftserverpb.RaftMessage) bool {
			return m.Message.GetMsgType() == eraftpb.MessageType_MsgSnapshot
		}
		f.add(1, 33, 3)
		f.until("the creation of the peer", func() bool { st, ok := f.peer(3, 1); return ok && st.PeerID == 33 })
		r, s := f.region(1), f.at(3)
		st, _ := f.at(1).Status(1)
		s.Step(&raftserverpb.RaftMessage{
			RegionId: 1, RegionEpoch: &metapb.RegionEpoch{ConfVer: 1, Version: 1}, FromPeer: r.Peers[0], ToPeer: &metapb.Peer{Id: 3, StoreId: 3},
			Message: &eraftpb.Message{MsgType: eraftpb.MessageType_MsgHeartbeat, From: 1, To: 3, Term: st.Term, Commit: st.Commit},
		})
		// A candidate asks the earlier peer for its vote. It is not for the later one to give.
		s.Step(&raftserverpb.RaftMessage{
			RegionId: 1, RegionEpoch: &metapb.RegionEpoch{ConfVer: 1, Version: 1}, FromPeer: r.Peers[1], ToPeer: &metapb.Peer{Id: 3, StoreId: 3},
			Message: &eraftpb.Message{MsgType: eraftpb.MessageType_MsgRequestVote, From: 2, To: 3, Term: 90, Index: 900, LogTerm: 89},
		})
		s.work()
		if later, _ := f.peer(3, 1); later.Term >= 90 {
			t.Fatalf("peer 3 was removed, and peer 33 is on its store. A request for the vote of peer 3 in term 90 brings peer 33 to term %d", later.Term)
		}
		for _, member := range r.Peers {
			f.at(1).Step(&raftserverpb.RaftMessage{RegionId: 1, RegionEpoch: r.RegionEpoch, FromPeer: member, ToPeer: r.Peers[0], AsksToLeave: true})
		}
		f.settle()
		f.loses = nil
		f.settled(1)
		f.close()
	})
}

// TestSnapshotReplacesWhatRegionHad3B has a store miss a split and the removal of its peer of
// the right half. The left half gets a snapshot there, and nobody comes for the rest.
func TestSnapshotReplacesWhatRegionHad3B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a snapshot replaces all that the region has on a store, also the keys that are not the region's any more",
		Source: "the contract of installSnapshot",
	}, func(t *graded.T) {
		f := newFleet(t, fleetConfig{stores: 3, members: []uint64{1, 2, 3}, maxLog: 3})
		for _, key := range []string{"a", "m", "z"} {
			f.put(key, "before")
		}
		f.isolate(3)
		f.split(1, "m", 20, 21, 22, 23)
		f.remove(20, 3)
		for i := range 40 {
			f.put(fmt.Sprintf("b%d", i), "after")
		}
		f.settled(1, 20)
		f.close()
	})
}

// TestLaggingMemberIsNotPending3B cuts off a member that then lacks entries which the log
// still has.
func TestLaggingMemberIsNotPending3B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a member that lacks entries is not pending as long as the log has them",
		Source: "the contract of RegionHeartbeatRequest",
	}, func(t *graded.T) {
		c := &scriptedScheduler{}
		f := newFleet(t, fleetConfig{
			stores: 3, members: []uint64{1, 2, 3},
			scheduler: func(uint64) raftstore.Scheduler { return c },
		})
		f.put("a", "1")
		f.transfer(1, 1)
		f.ticks(20)
		f.isolate(3)
		f.put("b", "1")
		c.regions = nil
		f.ticks(60)
		for _, report := range c.regions {
			if len(report.PendingPeers) > 0 {
				t.Fatalf("a member lacks one entry, which the log still has, and is reported as pending: %v", report.PendingPeers)
			}
		}
		if len(c.regions) == 0 {
			t.Fatal("the region was not reported in 60 ticks")
		}
		f.settled(1)
		f.close()
	})
}

// TestSchedulerEndsRemovedPeer3B has a peer apply its removal, and loses all that it says to
// others and they to it from then on. The scheduler knows of the removal, and of nothing
// later.
func TestSchedulerEndsRemovedPeer3B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a peer that has applied its removal ends when the scheduler knows of the removal, too",
		Source: "lifecycle.go: How peers end",
	}, func(t *graded.T) {
		schedulers := map[uint64]*scriptedScheduler{}
		f := newFleet(t, fleetConfig{
			stores: 3, members: []uint64{1, 2, 3},
			scheduler: func(store uint64) raftstore.Scheduler {
				schedulers[store] = &scriptedScheduler{}
				return schedulers[store]
			},
		})
		f.put("a", "1")
		f.transfer(1, 1)
		f.loses = func(m *raftserverpb.RaftMessage) bool { return m.IsTombstone || m.AsksToLeave }
		f.remove(1, 3)
		f.until("its question", func() bool { return len(schedulers[3].found) > 0 })
		f.at(3).Found(f.region(1))
		f.until("its end", func() bool { _, ok := f.at(3).Status(1); return !ok })
		f.loses = nil
		f.settled(1)
		f.close()
	})
}

// TestRemovedRightHalfIsNeverBorn3B tells a store that comes late to a split that its peer of
// the right half was removed.
func TestRemovedRightHalfIsNeverBorn3B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a store that is told of the removal of a peer which a split has still to create there does not create it",
		Source: "the contract of RaftMessage",
	}, func(t *graded.T) {
		f := newFleet(t, fleetConfig{stores: 3, members: []uint64{1, 2, 3}})
		for _, key := range []string{"a", "m", "z"} {
			f.put(key, "before")
		}
		f.isolate(3)
		f.split(1, "m", 20, 21, 22, 23)
		f.remove(20, 3)
		f.wire = nil
		r := f.region(20)
		f.at(3).Step(&raftserverpb.RaftMessage{
			RegionId: 20, RegionEpoch: r.RegionEpoch, FromPeer: r.Peers[0], ToPeer: &metapb.Peer{Id: 23, StoreId: 3}, IsTombstone: true,
		})
		f.at(3).work()
		f.reconnect()
		f.until("the split on the store that is late", func() bool {
			if _, born := f.at(3).Status(20); born {
				t.Fatal("a peer is born whose removal was known")
			}
			st, _ := f.at(3).Status(1)
			return string(st.Region.EndKey) == "m"
		})
		f.settled(1, 20)
		f.close()
	})
}

// A scriptedScheduler writes down what a store says.
type scriptedScheduler struct {
	asked   []*schedulerpb.AskSplitRequest
	found   []uint64
	regions []*schedulerpb.RegionHeartbeatRequest
}

func (s *scriptedScheduler) RegionHeartbeat(r *schedulerpb.RegionHeartbeatRequest) {
	s.regions = append(s.regions, r)
}
func (s *scriptedScheduler) StoreHeartbeat(*schedulerpb.StoreStats)  {}
func (s *scriptedScheduler) AskSplit(r *schedulerpb.AskSplitRequest) { s.asked = append(s.asked, r) }
func (s *scriptedScheduler) FindRegion(id uint64)                    { s.found = append(s.found, id) }
