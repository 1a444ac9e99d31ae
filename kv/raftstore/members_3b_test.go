package raftstore_test

import (
	"fmt"
	"testing"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/raftserverpb"
)

// TestPeersComeAndGo3B adds a peer to a region that has one, then another, removes the
// first, and shrinks the region to one peer again, on another store than at first.
func TestPeersComeAndGo3B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a region can grow, shrink, and move from store to store, and loses nothing",
		Source: "thesis §4.1, §4.2",
	}, func(t *graded.T) {
		f := newFleet(t, fleetConfig{stores: 3, members: []uint64{1}})
		f.put("a", "1")
		f.add(1, 12, 2)
		f.put("b", "2")
		f.add(1, 13, 3)
		f.put("c", "3")
		f.remove(1, 1)
		f.put("d", "4")
		f.remove(1, 2)
		f.put("e", "5")
		for _, key := range []string{"a", "b", "c", "d", "e", "f"} {
			f.reads(key)
		}
		f.settled(1)
		f.close()
	})
}

// TestMajorityWithLateMember3B adds a fourth peer, and keeps one of the three others from
// applying that: it misses the entry, or does not learn that it is committed. Then the leader
// is lost, after an entry that the new peer alone has got. Only the new peer can be elected,
// and it needs both others for that, and to commit.
func TestMajorityWithLateMember3B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "if they hear each other, three of four members elect a leader and serve, also while one of them has not applied the addition of another",
		Source: "thesis §4.1; invariant 11 of the guide",
	}, func(t *graded.T) {
		for _, inLog := range []bool{false, true} {
			explaining(t, func() string {
				return fmt.Sprintf("region 1 has peers on stores 1 to 4. Store 1 is lost. Peer 14 on store 4 was added last, and has the longest log. Store 3 has the addition in its log: %v; it does not know that the addition is committed", inLog)
			}, func() {
				f := newFleet(t, fleetConfig{stores: 4, members: []uint64{1, 2, 3}})
				f.put("a", "1")
				f.transfer(1, 1)
				f.ticks(5)
				if inLog {
					f.waits = func(m *raftserverpb.RaftMessage) bool { return m.ToPeer.StoreId != 3 }
					f.ask(f.at(1), f.region(1), adds(14, 4))
					f.settle()
				}
				f.isolate(3)
				f.waits = nil
				f.add(1, 14, 4)
				f.until("the addition on stores 2 and 4", func() bool {
					for _, id := range []uint64{2, 4} {
						if st, ok := f.peer(id, 1); !ok || region.Peer(st.Region, 14) == nil {
							return false
						}
					}
					return true
				})
				f.ticks(5)

				last := f.at(2).status().LastIndex
				f.loses = func(m *raftserverpb.RaftMessage) bool {
					return m.ToPeer.StoreId == 2 && len(m.Message.GetEntries()) > 0
				}
				f.at(1).submit("a write that reaches store 4 alone", set(engine.CFDefault, "b", "2"))
				f.until("the write on store 4", func() bool { return f.at(4).status().LastIndex > last })
				f.isolate(1)
				f.settle()
				f.loses = nil
				delete(f.cut, 3)
				f.until("the election of a leader by the peers on stores 2, 3 and 4", func() bool { return f.leader(1) != nil })
				f.want["default/b"] = "2"
				f.reads("b")
				f.put("c", "3")
				f.settled(1)
				f.close()
			})
		}
	})
}

// TestAllMembersAreReplaced3B replaces the members of a region one by one, several times
// over.
func TestAllMembersAreReplaced3B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "all members of a region can be replaced, one by one, also by peers on stores that had one before",
		Source: "thesis §4.1",
	}, func(t *graded.T) {
		f := newFleet(t, fleetConfig{stores: 5, members: []uint64{1, 2, 3}, maxLog: 5})
		next := uint64(10)
		for round := range uint64(10) {
			f.put(fmt.Sprintf("k%d", round), "v")
			next++
			f.add(1, next, (round+3)%5+1)
			f.remove(1, round%5+1)
		}
		f.settled(1)
		f.close()
	})
}

// TestRemovedPeerOfTwo3B removes one of two peers, each once while it leads and once while
// it follows, and loses what tells the other peer of it, once. The one that stays must
// be able to go on.
func TestRemovedPeerOfTwo3B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "when one of two peers is removed, the other one goes on alone, whoever led",
		Source: "thesis §4.2.2, §4.2.3",
	}, func(t *graded.T) {
		for _, leader := range []uint64{1, 2} {
			for lost := range 12 {
				f := newFleet(t, fleetConfig{stores: 2, members: []uint64{1, 2}})
				f.put("a", "1")
				f.transfer(1, leader)
				n := 0
				f.loses = func(m *raftserverpb.RaftMessage) bool { n++; return n > lost && n <= lost+6 }
				f.remove(1, 1)
				f.loses = nil
				f.put("b", "2")
				f.settled(1)
				f.close()
			}
		}
	})
}

// TestCutOffPeerLearnsOfItsRemoval3B removes a peer that is cut off. When it is back, it
// must learn that it is gone, and leave nothing behind.
func TestCutOffPeerLearnsOfItsRemoval3B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a peer that was removed while it was cut off learns of it, and its data are deleted",
		Source: "thesis §4.2.3",
	}, func(t *graded.T) {
		f := newFleet(t, fleetConfig{stores: 3, members: []uint64{1, 2, 3}})
		f.put("a", "1")
		f.isolate(3)
		f.remove(1, 3)
		f.put("b", "2")
		f.settled(1)
		f.close()
	})
}
