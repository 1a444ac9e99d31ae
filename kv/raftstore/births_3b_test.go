package raftstore_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/engine/memory"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

// of returns a condition on messages: they are about a region, and go to a store.
func of(regionID, to uint64) func(m *raftserverpb.RaftMessage) bool {
	return func(m *raftserverpb.RaftMessage) bool { return m.RegionId == regionID && m.ToPeer.StoreId == to }
}

// TestPeersAddedOneAfterAnother3B adds peers to a region whose leader never changes and
// never compacts its log, and splits it in between. Each new peer needs a snapshot in
// which it is a member, and which has no keys of the right half.
func TestPeersAddedOneAfterAnother3B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "every peer that is added gets its data, however many were added before, and whether the region was split since",
		Source: "thesis §4.2.1; Raft §7",
	}, func(t *graded.T) {
		f := newFleet(t, fleetConfig{stores: 5, members: []uint64{1}})
		f.put("a", "1")
		f.put("z", "1")
		f.add(1, 12, 2)
		f.ticks(20)
		f.add(1, 13, 3)
		f.ticks(20)
		f.put("b", "1")
		f.split(1, "m", 20, 21, 22, 23)
		f.add(20, 24, 4)
		f.ticks(20)
		f.add(1, 14, 4)
		f.ticks(20)
		f.add(1, 15, 5)
		f.settled(1, 20)
		f.close()
	})
}

// TestNewRegionIsElectedSoon3B splits a region. Its leader applies the split first, and
// stands for election in the right half, before the others know that the split is
// committed. They vote as soon as they do: nobody waits for an election timeout.
func TestNewRegionIsElectedSoon3B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "the right half of a split has a leader within an election timeout, though votes are asked for before the split is applied everywhere",
		Source: "the contract of (*lobby).receive",
	}, func(t *graded.T) {
		for _, lag := range []bool{false, true} {
			f := newFleet(t, fleetConfig{stores: 3, members: []uint64{1, 2, 3}})
			f.fill("1", "a", "z")
			f.transfer(1, 1)
			f.ticks(5)
			if lag {
				// Nothing tells the others that the split is committed, until they have been
				// asked for their votes.
				acknowledged := false
				f.waits = func(m *raftserverpb.RaftMessage) bool {
					acknowledged = acknowledged || m.RegionId == 1 && m.Message.GetMsgType() == eraftpb.MessageType_MsgAppendResponse
					return acknowledged && m.RegionId == 1 && m.FromPeer.StoreId == 1
				}
			}
			a := f.ask(f.at(1), f.region(1), splits("m", 20, 21, 22, 23))
			f.settle()
			f.waits = nil
			elected := -1
			for n := range 40 {
				f.settle()
				if f.leader(20) != nil {
					elected = n
					break
				}
				for _, s := range f.servers {
					s.Tick()
				}
			}
			a.isDone()
			if elected < 0 || elected >= 9 {
				t.Fatalf("%v. An election timeout is 10 ticks or more, but the right half has its first leader after %d ticks (-1: not within 40)", a, elected)
			}
			f.settled(1, 20)
			f.close()
		}
	})
}

// TestRightHalfWaitsForLeft3B splits a region while messages about it do not reach one
// store. There the whole region still has the keys. Votes, appends, heartbeats and
// snapshots of the right half come, and must do nothing until the store comes to the
// split, by its log or by a snapshot of the left half.
func TestRightHalfWaitsForLeft3B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a peer of the right half gets no data on a store on which the whole still has the keys",
		Source: "the contract of directory; regions of a store never overlap",
	}, func(t *graded.T) {
		for _, maxLog := range []uint64{0, 3} {
			for _, trouble := range []string{"nothing", "a restart", "a power cut"} {
				explaining(t, func() string {
					return fmt.Sprintf("at most %d entries are kept (0: all); meanwhile %s", maxLog, trouble)
				}, func() {
					f := newFleet(t, fleetConfig{stores: 3, members: []uint64{1, 2, 3}, maxLog: maxLog})
					f.fill("1", "a", "m", "z")
					f.transfer(1, 1)
					f.settled(1)
					f.loses = of(1, 3)
					f.split(1, "m", 20, 21, 22, 23)
					f.fill("2", "a", "n")
					for i := range 30 {
						f.fill(fmt.Sprint(i), fmt.Sprint("b", i%5), fmt.Sprint("p", i%5))
					}
					f.ticks(40)
					whole, ok := f.peer(3, 1)
					require.True(t, ok && len(whole.Region.EndKey) == 0, "store 3 has not heard of the split")
					if st, ok := f.peer(3, 20); ok && (st.Region.RegionEpoch != nil || st.Applied > 0) {
						t.Fatalf("store 3 has the whole region, and data of its right half, too: %s", f.state())
					}
					switch trouble {
					case "a restart":
						f.at(3).restart()
					case "a power cut":
						f.at(3).powerCut()
					}
					f.ticks(10)
					f.loses = nil
					f.fill("3", "a", "q")
					f.settled(1, 20)
					f.at(3).powerCut()
					f.settled(1, 20)
					f.close()
				})
			}
		}
	})
}

// TestSnapshotWaitsForNeighbour3B has a peer on a store that does not hear that its region
// was split and that it was removed. Other stores give that store a peer of a region that
// has some of the same keys. The new one gets its data once the old one has left.
func TestSnapshotWaitsForNeighbour3B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a snapshot is not installed as long as another region on the store still has some of its keys, and it is installed soon after that",
		Source: "the contract of directory; regions of a store never overlap",
	}, func(t *graded.T) {
		for _, crash := range []bool{false, true} {
			f := newFleet(t, fleetConfig{stores: 4, members: []uint64{1, 2, 3}})
			f.fill("1", "a", "m", "z")
			f.transfer(1, 1)
			f.settled(1)
			f.loses = of(1, 3)
			f.remove(1, 3)
			f.split(1, "m", 20, 21, 22)
			f.add(20, 23, 3)
			f.fill("2", "a", "n")
			f.ticks(40)
			if st, ok := f.peer(3, 1); ok {
				if right, ok := f.peer(3, 20); ok && right.Region.RegionEpoch != nil {
					t.Fatalf("store 3 still has %s. It has got data of another region that overlaps it, %s", describe(st.Region), describe(right.Region))
				}
			}
			if crash {
				f.at(3).powerCut()
			}
			f.loses = nil
			f.settled(1, 20)
			f.add(1, 33, 3)
			f.fill("3", "b", "q")
			f.settled(1, 20)
			f.close()
		}
	})
}

// TestBirthBySplitAndBySnapshot3B lets messages create a peer of the right half on a store
// that has no data of the whole yet. Then the whole comes, from before the split, and the
// split after it, and a snapshot of the right half, in each order. Whichever comes first
// gives the peer its data. It forgets no vote.
func TestBirthBySplitAndBySnapshot3B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a peer that a message has created and a split gives data to has these data, and keeps its promises",
		Source: "the contract of (*Store).bear; Raft Figure 2 (persistent state)",
	}, func(t *graded.T) {
		for _, held := range []string{"the snapshot of the right half", "appends and the snapshot of the right half", "slow work"} {
			for _, crash := range []bool{false, true} {
				explaining(t, func() string { return fmt.Sprintf("what is held up is %s; a power cut meanwhile: %v", held, crash) }, func() {
					f := newFleet(t, fleetConfig{stores: 3, members: []uint64{1, 2}})
					f.fill("1", "a", "m", "z")
					f.transfer(1, 1)
					f.ticks(5)
					// The snapshot of the whole is on its way, and the split goes on.
					isSnapshot := func(id uint64) func(m *raftserverpb.RaftMessage) bool {
						return func(m *raftserverpb.RaftMessage) bool { return of(id, 3)(m) && m.Message.GetSnapshot() != nil }
					}
					f.waits = isSnapshot(1)
					f.add(1, 13, 3)
					f.ticks(10)
					f.waits = func(m *raftserverpb.RaftMessage) bool {
						switch {
						case isSnapshot(1)(m), isSnapshot(20)(m):
							return true
						case held == "appends and the snapshot of the right half":
							return of(20, 3)(m) && m.Message.GetMsgType() == eraftpb.MessageType_MsgAppend
						}
						return false
					}
					f.split(1, "m", 20, 21, 22, 23)
					f.fill("2", "a", "n")
					f.ticks(15)
					if crash {
						f.at(3).powerCut()
						f.ticks(5)
					}
					f.at(3).hold = held == "slow work"
					f.waits = isSnapshot(20)
					f.ticks(15)
					f.waits = nil
					f.ticks(5)
					f.at(3).hold = false
					f.fill("3", "b", "q")
					f.settled(1, 20)
					f.at(3).powerCut()
					f.settled(1, 20)
					f.close()
				})
			}
		}
	})
}

// TestVoteBeforeBirthIsKept3B asks a peer for its vote that the request creates. Then a
// split gives it its data. It has voted, and does not vote again in the same term.
func TestVoteBeforeBirthIsKept3B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a peer that has voted before a split gives it data votes for nobody else in that term afterwards",
		Source: "Raft §5.2, Figure 2 (persistent state); the contract of (*Store).bear",
	}, func(t *graded.T) {
		for _, when := range []string{"never", "before the split", "after the split", "before and after the split"} {
			f := newFleet(t, fleetConfig{stores: 3, members: []uint64{1, 2}})
			f.fill("1", "a", "z")
			f.transfer(1, 1)
			f.ticks(5)
			// The snapshot is of the region from before the split.
			f.waits = func(m *raftserverpb.RaftMessage) bool { return of(1, 3)(m) && m.Message.GetSnapshot() != nil }
			f.add(1, 13, 3)
			f.ticks(10)
			granted := map[uint64]bool{} // by the peer that asked
			f.waits = func(m *raftserverpb.RaftMessage) bool {
				answer := m.Message
				if m.RegionId == 20 && m.FromPeer.StoreId == 3 && answer.GetMsgType() == eraftpb.MessageType_MsgRequestVoteResponse && answer.Term == 90 && !answer.Reject {
					granted[m.ToPeer.Id] = true
				}
				return m.FromPeer.StoreId == 3 || m.ToPeer.StoreId == 3
			}
			f.split(1, "m", 20, 21, 22, 23)
			r := f.region(20)
			ask := func(store uint64) {
				f.at(3).Step(&raftserverpb.RaftMessage{
					RegionId: 20, RegionEpoch: r.RegionEpoch, StartKey: r.StartKey, EndKey: r.EndKey, FromPeer: r.Peers[store-1], ToPeer: r.Peers[2],
					Message: &eraftpb.Message{MsgType: eraftpb.MessageType_MsgRequestVote, From: r.Peers[store-1].Id, To: 23, Term: 90, Index: 900, LogTerm: 80},
				})
				f.settle()
			}
			ask(1)
			if when == "before the split" || when == "before and after the split" {
				f.at(3).powerCut()
			}
			waits := f.waits
			f.waits = func(m *raftserverpb.RaftMessage) bool { return m.RegionId == 20 && waits(m) }
			f.until("the split on store 3", func() bool {
				st, ok := f.peer(3, 1)
				return ok && string(st.Region.EndKey) == "m"
			})
			if when == "after the split" || when == "before and after the split" {
				f.at(3).powerCut()
			}
			ask(2)
			if granted[21] && granted[22] {
				t.Fatalf("peer 23 votes for peer 21 in term 90, gets its data by a split, and then votes for peer 22 in the same term; its store loses its power %s", when)
			}
			f.waits = nil
			f.settled(1, 20)
			f.close()
		}
	})
}

// TestStrangeMessagesCreateNothing3B sends a store messages for regions that are not there,
// of kinds that no leader or candidate sends, for another store, or for a range that is
// taken.
func TestStrangeMessagesCreateNothing3B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a message creates a peer only if a leader or a candidate sends it to this store, for a range that is free",
		Source: "the contract of (*lobby).receive; raftserverpb.RaftMessage.start_key",
	}, func(t *graded.T) {
		f := newFleet(t, fleetConfig{stores: 3, members: []uint64{1, 2, 3}})
		f.fill("1", "a", "m", "z")
		f.split(1, "m", 20, 21, 22, 23)
		f.remove(20, 3) // so that the keys from "m" are free on store 3
		f.settled(1, 20)
		message := func(kind eraftpb.MessageType, change func(m *raftserverpb.RaftMessage)) *raftserverpb.RaftMessage {
			m := &raftserverpb.RaftMessage{
				RegionId: 50, RegionEpoch: &metapb.RegionEpoch{ConfVer: 1, Version: 1}, StartKey: []byte("p"), EndKey: []byte("t"),
				FromPeer: &metapb.Peer{Id: 51, StoreId: 1}, ToPeer: &metapb.Peer{Id: 53, StoreId: 3},
				Message: &eraftpb.Message{MsgType: kind, From: 51, To: 53, Term: 5},
			}
			change(m)
			return m
		}
		nothing := func(m *raftserverpb.RaftMessage) {}
		for _, m := range []*raftserverpb.RaftMessage{
			message(eraftpb.MessageType_MsgAppendResponse, nothing),
			message(eraftpb.MessageType_MsgHeartbeatResponse, nothing),
			message(eraftpb.MessageType_MsgRequestVoteResponse, nothing),
			message(eraftpb.MessageType_MsgTimeoutNow, nothing),
			message(eraftpb.MessageType_MsgHeartbeat, func(m *raftserverpb.RaftMessage) { m.ToPeer = nil }),
			message(eraftpb.MessageType_MsgHeartbeat, func(m *raftserverpb.RaftMessage) { m.ToPeer.StoreId = 2 }),
			message(eraftpb.MessageType_MsgHeartbeat, func(m *raftserverpb.RaftMessage) { m.RegionEpoch = nil }),
			message(eraftpb.MessageType_MsgHeartbeat, func(m *raftserverpb.RaftMessage) { m.StartKey = []byte("c") }),
			message(eraftpb.MessageType_MsgRequestVote, func(m *raftserverpb.RaftMessage) { m.StartKey, m.EndKey = nil, nil }),
			message(eraftpb.MessageType_MsgRequestVote, func(m *raftserverpb.RaftMessage) { m.StartKey, m.EndKey = nil, []byte("a") }),
			message(eraftpb.MessageType_MsgHeartbeat, func(m *raftserverpb.RaftMessage) { m.Message, m.AsksToLeave = nil, true }),
			message(eraftpb.MessageType_MsgHeartbeat, func(m *raftserverpb.RaftMessage) { m.Message, m.IsTombstone = nil, true }),
		} {
			if m.IsTombstone {
				m.ToPeer.Id = 40 // not the one that is wanted at last
			}
			f.at(3).Step(proto.CloneOf(m))
			f.settle()
			f.ticks(2)
			if _, ok := f.peer(3, 50); ok {
				t.Fatalf("a message creates a peer of a region on store 3, and should not: %v", m)
			}
		}
		f.at(3).Step(message(eraftpb.MessageType_MsgHeartbeat, nothing))
		f.settle()
		if st, ok := f.peer(3, 50); !ok || st.PeerID != 53 {
			t.Fatal("a heartbeat of a leader to a new peer of its region creates no peer, although all keys of the region are free")
		}
		f.at(3).Step(message(eraftpb.MessageType_MsgHeartbeat, func(m *raftserverpb.RaftMessage) {
			m.Message, m.IsTombstone, m.RegionEpoch.ConfVer = nil, true, 2
		}))
		f.settled(1, 20)
		f.close()
	})
}

// TestVoteWhileDiskIsFullAndBirth3B has a peer that a message has created. It is asked for its
// vote while its log cannot be written, and a split gives it its data before there is room.
func TestVoteWhileDiskIsFullAndBirth3B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a peer to which a split gives data while a full disk holds up its vote votes once in that term",
		Source: "the contract of (*peer).initialize; Raft §5.2, Figure 2 (persistent state)",
	}, func(t *graded.T) {
		f := newFleet(t, fleetConfig{stores: 3, members: []uint64{1, 2}})
		f.fill("1", "a", "z")
		f.transfer(1, 1)
		f.ticks(5)
		isSnapshot := func(m *raftserverpb.RaftMessage) bool { return of(1, 3)(m) && m.Message.GetSnapshot() != nil }
		f.waits = isSnapshot
		f.add(1, 13, 3)
		f.ticks(10)
		granted := map[uint64]bool{} // by the peer that asked
		right := func(m *raftserverpb.RaftMessage) bool {
			answer := m.Message
			if m.RegionId == 20 && m.FromPeer.StoreId == 3 && answer.GetMsgType() == eraftpb.MessageType_MsgRequestVoteResponse && answer.Term == 90 && !answer.Reject {
				granted[m.ToPeer.Id] = true
			}
			return m.RegionId == 20 && (m.FromPeer.StoreId == 3 || m.ToPeer.StoreId == 3)
		}
		f.waits = func(m *raftserverpb.RaftMessage) bool { return right(m) || of(1, 3)(m) }
		f.split(1, "m", 20, 21, 22, 23)
		r, s := f.region(20), f.at(3)
		ask := func(store, term uint64) {
			s.Step(&raftserverpb.RaftMessage{
				RegionId: 20, RegionEpoch: r.RegionEpoch, StartKey: r.StartKey, EndKey: r.EndKey, FromPeer: r.Peers[store-1], ToPeer: r.Peers[2],
				Message: &eraftpb.Message{MsgType: eraftpb.MessageType_MsgRequestVote, From: r.Peers[store-1].Id, To: 23, Term: term, Index: 900, LogTerm: 80},
			})
			f.settle()
		}
		ask(1, 80) // creates the peer
		f.waits = func(m *raftserverpb.RaftMessage) bool {
			return right(m) || of(1, 3)(m) && m.Message.GetMsgType() == eraftpb.MessageType_MsgAppend
		}
		f.until("the whole region on store 3", func() bool { st, ok := f.peer(3, 1); return ok && st.Region.RegionEpoch != nil })
		s.hold = true
		f.waits = right
		f.until("the split on store 3", func() bool { st, ok := f.peer(3, 1); return ok && string(st.Region.EndKey) == "m" })
		if st, ok := f.peer(3, 20); !ok || st.Applied > 0 {
			// The split has given the peer its data already, with a sync of its own, or it
			// has not been created: then nothing is to be seen here.
			s.hold, f.waits = false, nil
			f.settled(1, 20)
			f.close()
			return
		}
		s.whileFull(s.log, func() {
			ask(1, 90)
			s.hold = false
			f.settle()
		})
		f.ticks(2)
		ask(2, 90)
		f.ticks(2)
		if granted[21] && granted[22] {
			t.Fatal("peer 23 is asked by peer 21 for its vote in term 90 while its log cannot be written, gets its data by a split, and votes for peer 21 and for peer 22 in term 90")
		}
		f.waits = nil
		f.settled(1, 20)
		f.close()
	})
}

// TestSplitDuringSync3B splits a region once more while a store syncs what the first split
// has written there. The data of the second one are not durable by that, and the power is
// cut.
func TestSplitDuringSync3B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "what the right half of a split has promised is kept, also if the store was syncing an earlier split meanwhile",
		Source: "doc.go: What is durable when, 5",
	}, func(t *graded.T) {
		f := newFleet(t, fleetConfig{stores: 3, members: []uint64{1, 2, 3}, maxLog: 3})
		f.fill("1", "a", "m", "n", "t", "z")
		f.transfer(1, 1)
		f.settled(1)
		s := f.at(3)
		s.hold = true
		f.split(1, "t", 20, 21, 22, 23)
		f.until("the first split on store 3", func() bool { st, ok := f.peer(3, 1); return ok && string(st.Region.EndKey) == "t" })
		// All slow work is done so far, and its result comes later.
		var results []func()
		for _, task := range s.tasks {
			results = append(results, task())
		}
		s.tasks = nil
		f.split(1, "m", 30, 31, 32, 33)
		f.until("the second split on store 3", func() bool { st, ok := f.peer(3, 1); return ok && string(st.Region.EndKey) == "m" })
		for _, result := range results {
			result()
		}
		f.put("n", "after")
		f.put("z", "after")
		f.ticks(5)
		f.isolate(3)
		s.lose(&powerCut{log: memory.All}, nil)
		s.hold = false
		s.restart()
		for i := range 30 {
			f.put(fmt.Sprintf("b%d", i), "later")
		}
		f.transfer(1, 2)
		f.put("c", "later")
		f.settled(1, 20, 30)
		f.put("x", "last")
		f.put("o", "last")
		f.settled(1, 20, 30)
		f.close()
	})
}

// TestRemovalBesideSplitWithoutRoom3B removes a peer that could not write a split, because
// its disk was full. The peer of the right half is still wanted on its store.
func TestRemovalBesideSplitWithoutRoom3B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "where a peer is removed before its disk had room for a split, the peer of the right half is created by messages",
		Source: "the contract of directory.expect; doc.go: Regions that change",
	}, func(t *graded.T) {
		f := newFleet(t, fleetConfig{stores: 3, members: []uint64{1, 2, 3}})
		f.fill("1", "a", "m", "z")
		f.transfer(1, 1)
		f.settled(1)
		s := f.at(3)
		s.whileFull(s.data, func() {
			f.split(1, "m", 20, 21, 22, 23)
			f.ticks(3)
			f.remove(1, 3)
			f.ticks(10)
		})
		f.fill("2", "b", "n")
		f.settled(1, 20)
		s.powerCut()
		f.settled(1, 20)
		f.close()
	})
}
