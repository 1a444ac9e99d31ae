package raftstore_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/raftstore"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/raftserverpb"
	"github.com/labkv/labkv/proto/schedulerpb"
)

// TestFullInboxKeepsPeer gives a peer more messages than wait for it. What does not fit is
// lost, and the peer stays.
func TestFullInboxKeepsPeer(t *testing.T) {
	f := newFleet(t, fleetConfig{stores: 3, members: []uint64{1, 2, 3}})
	f.put("a", "1")
	r := f.region(1)
	s := f.at(3)
	s.Step(&raftserverpb.RaftMessage{
		RegionId: 77, RegionEpoch: r.RegionEpoch, FromPeer: r.Peers[0], ToPeer: r.Peers[2],
		Message: &eraftpb.Message{MsgType: eraftpb.MessageType_MsgHeartbeatResponse, From: 1, To: 3, Term: 1},
	})
	for range 5000 {
		s.Step(&raftserverpb.RaftMessage{
			RegionId: 1, RegionEpoch: r.RegionEpoch, FromPeer: r.Peers[0], ToPeer: r.Peers[2],
			Message: &eraftpb.Message{MsgType: eraftpb.MessageType_MsgHeartbeat, From: 1, To: 3, Term: 1},
		})
	}
	s.Step(&raftserverpb.RaftMessage{RegionId: 1, RegionEpoch: r.RegionEpoch, FromPeer: r.Peers[0], ToPeer: r.Peers[2], IsTombstone: true})
	f.put("b", "2")
	f.settled(1)
	s.powerCut()
	f.settled(1)
	f.close()
}

// TestMalformedRequests gives a leader requests and orders that say nothing, or nonsense.
// None may change anything, or end the store.
func TestMalformedRequests(t *testing.T) {
	f := newFleet(t, fleetConfig{stores: 3, members: []uint64{1, 2, 3}})
	f.put("a", "1")
	r := f.region(1)
	leader := f.leader(1)
	for _, set := range []func(*raftstore.Admin){
		func(*raftstore.Admin) {},
		func(a *raftstore.Admin) { a.Split = &raftserverpb.Split{} },
		func(a *raftstore.Admin) { a.ChangePeer = &raftserverpb.ChangePeer{} },
		func(a *raftstore.Admin) { a.ChangePeer = &raftserverpb.ChangePeer{Type: 1} },
		func(a *raftstore.Admin) { a.ChangePeer = changePeer(7, 9, 9) },
		func(a *raftstore.Admin) { a.TransferLeader = &metapb.Peer{} },
		splits(string(make([]byte, engine.MaxKeySize+1)), 20, 21, 22, 23),
	} {
		a, answers := &raftstore.Admin{Context: &kvrpcpb.Context{RegionId: 1, RegionEpoch: r.RegionEpoch}}, 0
		a.Done = func(_ []*metapb.Region, err error) {
			answers++
			require.ErrorAs(t, err, new(*region.Error))
		}
		set(a)
		leader.Admin(a)
		f.settle()
		require.Equal(t, 1, answers)
	}
	me := region.PeerOn(r, leader.id)
	for _, o := range []*schedulerpb.RegionHeartbeatResponse{
		{}, {RegionId: 1},
		{RegionId: 1, RegionEpoch: r.RegionEpoch, TargetPeer: me},
		{RegionId: 1, RegionEpoch: r.RegionEpoch, TargetPeer: me, TransferLeader: &schedulerpb.TransferLeader{}},
		{RegionId: 1, RegionEpoch: r.RegionEpoch, TargetPeer: me, ChangePeer: &schedulerpb.ChangePeer{}},
		{RegionId: 1, RegionEpoch: r.RegionEpoch, TargetPeer: me, ChangePeer: &schedulerpb.ChangePeer{ChangeType: 7, Peer: &metapb.Peer{Id: 9, StoreId: 9}}},
	} {
		leader.Order(o)
		f.settle()
	}
	leader.SplitIDs(nil, nil)
	leader.SplitIDs(r, nil)
	leader.Found(nil)
	leader.Found(&metapb.Region{Id: 1})
	f.settle()
	require.Equal(t, describe(r), describe(f.region(1)))
	f.settled(1)
	f.close()
}

// TestMalformedMessages gives a store messages that lack what a message should have.
func TestMalformedMessages(t *testing.T) {
	f := newFleet(t, fleetConfig{stores: 4, members: []uint64{1, 2, 3}})
	f.put("a", "1")
	r := f.region(1)
	for _, s := range f.servers {
		for _, regionID := range []uint64{0, 1, 77} {
			for _, to := range []*metapb.Peer{nil, {}, {Id: s.id}, {Id: s.id, StoreId: s.id}, {Id: 90 + s.id}} {
				for _, from := range []*metapb.Peer{nil, {}, {Id: 9}, {Id: 1, StoreId: 1}} {
					for _, epoch := range []*metapb.RegionEpoch{nil, {}, {ConfVer: 1}} {
						for _, m := range []*raftserverpb.RaftMessage{
							{}, {IsTombstone: to.GetId() != s.id || to.GetStoreId() != s.id}, {AsksToLeave: true}, {Message: &eraftpb.Message{}},
							{Message: &eraftpb.Message{MsgType: eraftpb.MessageType_MsgSnapshot, Snapshot: &eraftpb.Snapshot{}}},
							{Message: &eraftpb.Message{MsgType: eraftpb.MessageType_MsgSnapshot, Snapshot: &eraftpb.Snapshot{Metadata: &eraftpb.SnapshotMetadata{}}}},
							{Message: &eraftpb.Message{MsgType: eraftpb.MessageType_MsgSnapshot, From: 1, To: s.id}},
							{Message: &eraftpb.Message{MsgType: eraftpb.MessageType_MsgHeartbeat, From: 1, To: s.id}},
						} {
							m.RegionId, m.ToPeer, m.FromPeer, m.RegionEpoch = regionID, to, from, epoch
							s.Step(m)
						}
					}
				}
			}
			s.work()
		}
	}
	f.wire = nil
	require.Equal(t, describe(r), describe(f.region(1)))
}

// TestLostSplitIDs loses the answer to a leader that asks for the ids of a split. Nothing is
// written meanwhile, and the region still is too large.
func TestLostSplitIDs(t *testing.T) {
	c := &scriptedScheduler{}
	f := newFleet(t, fleetConfig{
		stores: 1, members: []uint64{1}, splitSize: 100,
		scheduler: func(uint64) raftstore.Scheduler { return c },
	})
	for i := range 20 {
		f.put(fmt.Sprintf("k%02d", i), "0123456789")
	}
	f.ticks(100)
	require.NotEmpty(t, c.asked)
	c.asked = nil
	f.until("another one, because there was no answer", func() bool { return len(c.asked) > 0 })
	f.leader(1).SplitIDs(c.asked[0].Region, &schedulerpb.AskSplitResponse{NewRegionId: 20, NewPeerIds: []uint64{21}})
	f.until("the split", func() bool { return f.leader(20) != nil })
	f.close()
}

// TestDeposedLeaderWithoutGroup replaces all other members of a region while its leader is
// cut off. When it is back, nobody whom it knows is there.
func TestDeposedLeaderWithoutGroup(t *testing.T) {
	schedulers := map[uint64]*scriptedScheduler{}
	f := newFleet(t, fleetConfig{
		stores: 5, members: []uint64{1, 2, 3},
		scheduler: func(store uint64) raftstore.Scheduler {
			schedulers[store] = &scriptedScheduler{}
			return schedulers[store]
		},
	})
	f.put("a", "1")
	f.transfer(1, 1)
	f.isolate(1)
	f.add(1, 14, 4)
	f.add(1, 15, 5)
	f.remove(1, 1)
	f.remove(1, 2)
	f.remove(1, 3)
	f.put("b", "2")
	f.until("the ends of their peers", func() bool { return len(f.at(2).Peers())+len(f.at(3).Peers()) == 0 })
	f.reconnect()
	f.until("its question", func() bool { return len(schedulers[1].found) > 0 })
	f.at(1).Found(f.region(1))
	f.settled(1)
	f.close()
}

// TestLeaderIsRemovedBesideDeadMember removes the leader of a region, one of whose members
// has lost its power for good. Nothing else is asked of the region.
func TestLeaderIsRemovedBesideDeadMember(t *testing.T) {
	for _, dead := range []uint64{1, 3} {
		f := newFleet(t, fleetConfig{stores: 3, members: []uint64{1, 2, 3}})
		f.put("a", "1")
		f.transfer(1, 2)
		f.ticks(30)
		f.isolate(dead)
		f.remove(1, 2)
		f.settled(1)
		f.close()
	}
}

// A client that knows only the region before splits learns of all that it became, without
// a scheduler.
func TestOldEpochTellsAllHalves(t *testing.T) {
	f := newFleet(t, fleetConfig{stores: 3, members: []uint64{1, 2, 3}})
	f.put("a", "1")
	before := f.region(1)
	told := func(epoch *metapb.RegionEpoch) (regions []string) {
		var got *result
		leader := f.leader(1)
		leader.ask(&kvrpcpb.Context{RegionId: 1, RegionEpoch: epoch}, []engine.Op{set(engine.CFDefault, "x", "1")}, func(r result) { got = &r })
		f.settle()
		require.NotNil(t, got)
		var refused *region.Error
		require.ErrorAs(t, got.err, &refused)
		for _, r := range refused.Err.EpochNotMatch.GetCurrentRegions() {
			regions = append(regions, describe(r))
		}
		return regions
	}
	f.split(1, "p", 20, 21, 22, 23)
	require.Equal(t, []string{describe(f.region(1)), describe(f.region(20))}, told(before.RegionEpoch))
	f.split(1, "h", 30, 31, 32, 33)
	once := f.region(20)
	f.split(20, "t", 40, 41, 42, 43)
	require.Equal(t, []string{describe(f.region(1)), describe(f.region(30)), describe(f.region(20))}, told(before.RegionEpoch))
	require.Equal(t, []string{describe(f.region(1)), describe(f.region(30))}, told(once.RegionEpoch))

	// There is nothing to add if no split is the reason.
	require.Equal(t, []string{describe(f.region(1))}, told(nil))
	newer := &metapb.RegionEpoch{ConfVer: 1, Version: 1 << 60}
	require.Equal(t, []string{describe(f.region(1))}, told(newer))
	f.close()
}
