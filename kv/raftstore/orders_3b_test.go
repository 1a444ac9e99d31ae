package raftstore_test

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/raftstore"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/raftserverpb"
	"github.com/labkv/labkv/proto/schedulerpb"
)

// A recorder is the scheduler as one store sees it. It keeps what the store says since
// the last reset; the test answers.
type recorder struct {
	regions []*schedulerpb.RegionHeartbeatRequest
	stores  []*schedulerpb.StoreStats
	splits  []*schedulerpb.AskSplitRequest
	finds   []uint64
}

// RegionHeartbeat implements raftstore.Scheduler.
func (r *recorder) RegionHeartbeat(h *schedulerpb.RegionHeartbeatRequest) {
	r.regions = append(r.regions, proto.CloneOf(h))
}

// StoreHeartbeat implements raftstore.Scheduler.
func (r *recorder) StoreHeartbeat(h *schedulerpb.StoreStats) {
	r.stores = append(r.stores, proto.CloneOf(h))
}

// AskSplit implements raftstore.Scheduler.
func (r *recorder) AskSplit(a *schedulerpb.AskSplitRequest) {
	r.splits = append(r.splits, proto.CloneOf(a))
}

// FindRegion implements raftstore.Scheduler.
func (r *recorder) FindRegion(id uint64) { r.finds = append(r.finds, id) }

// A managed is a fleet with a scheduler, which the test plays.
type managed struct {
	*fleet
	said   map[uint64]*recorder // by store
	lastID uint64
}

func newManaged(t *graded.T, c fleetConfig) *managed {
	m := &managed{said: map[uint64]*recorder{}, lastID: 1000}
	c.scheduler = func(store uint64) raftstore.Scheduler {
		m.said[store] = &recorder{}
		return m.said[store]
	}
	m.fleet = newFleet(t, c)
	return m
}

// reset forgets what the stores have said.
func (m *managed) reset() {
	for _, r := range m.said {
		*r = recorder{}
	}
}

// reported returns the last report of a region that its leader has sent, or nil.
func (m *managed) reported(regionID uint64) *schedulerpb.RegionHeartbeatRequest {
	var last *schedulerpb.RegionHeartbeatRequest
	if leader := m.leader(regionID); leader != nil {
		for _, h := range m.said[leader.id].regions {
			if h.Region.GetId() == regionID {
				last = h
			}
		}
	}
	return last
}

// isReported requires that within ticks the leader of a region reports it as it is.
func (m *managed) isReported(what string, regionID uint64, ticks int) {
	m.t.Helper()
	m.region(regionID)
	for range ticks {
		m.ticks(1)
		leader := m.leader(regionID)
		if leader == nil {
			continue
		}
		st, _ := leader.Status(regionID)
		if h := m.reported(regionID); h != nil && proto.Equal(h.Region, st.Region) && h.Leader.GetId() == st.PeerID && h.Leader.StoreId == leader.id {
			if h.Term != st.Term {
				m.t.Fatalf("%s. Its leader leads in term %d, and reports term %d", what, st.Term, h.Term)
			}
			return
		}
	}
	m.t.Fatalf("%s. But within %d ticks its leader has not reported it as it is; %s", what, ticks, m.state())
}

// TestLeadersReport3B listens to what stores tell the scheduler: at rest, after an
// election, after a split, and after a change of the members.
func TestLeadersReport3B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "the leader of a region reports it, with its term, soon when it has become leader or the region has changed, and regularly; others do not",
		Source: "the contract of Scheduler; Config.RegionHeartbeatTicks, Config.StoreHeartbeatTicks",
	}, func(t *graded.T) {
		const soon = 10 // less than the 20 ticks between reports
		m := newManaged(t, fleetConfig{stores: 4, members: []uint64{1, 2, 3}})
		m.isReported("region 1 has its first leader", 1, soon)
		for _, id := range []uint64{2, 3, 1} {
			m.ticks(7)
			m.reset()
			m.transfer(1, id)
			m.isReported(fmt.Sprintf("store %d has become the leader of region 1", id), 1, soon)
		}
		m.ticks(3)
		m.reset()
		m.split(1, "m", 20, 21, 22, 23)
		m.isReported("region 1 was split", 1, soon)
		m.isReported("region 20 was split off", 20, soon)
		m.ticks(3)
		m.reset()
		m.add(20, 24, 4)
		m.isReported("a peer was added to region 20", 20, soon)
		m.ticks(3)
		m.reset()
		m.remove(20, 4)
		m.isReported("a peer was removed from region 20", 20, soon)

		m.ticks(30)
		m.reset()
		m.ticks(200)
		for _, id := range []uint64{1, 20} {
			for _, server := range m.servers {
				store, r := server.id, m.said[server.id]
				n := 0
				for _, h := range r.regions {
					if h.Region.GetId() == id {
						n++
					}
				}
				switch leads := m.leader(id) == m.at(store); {
				case leads && (n < 8 || n > 20):
					t.Fatalf("within 200 ticks at rest, the leader of region %d has reported it %d times, and not about once in 20 ticks", id, n)
				case !leads && n > 0:
					t.Fatalf("store %d has reported region %d %d times, and does not lead it", store, id, n)
				}
			}
		}
		for _, server := range m.servers {
			store, r := server.id, m.said[server.id]
			if len(r.stores) < 3 || len(r.stores) > 10 {
				t.Fatalf("within 200 ticks, store %d has reported itself %d times, and not about once in 50 ticks", store, len(r.stores))
			}
			want := len(m.at(store).Peers())
			if s := r.stores[len(r.stores)-1]; s.StoreId != store || s.RegionCount != uint32(want) {
				t.Fatalf("store %d, with %d peers, reports itself as store %d with %d", store, want, s.StoreId, s.RegionCount)
			}
		}
		m.settled(1, 20)
		m.close()
	})
}

// TestPendingPeersAreReported3B cuts a follower off until it needs a snapshot, and adds a
// peer whose snapshot is held up. The reports name both until they have it.
func TestPendingPeersAreReported3B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a report names the peers that are far behind, and no others",
		Source: "schedulerpb.RegionHeartbeatRequest.pending_peers",
	}, func(t *graded.T) {
		m := newManaged(t, fleetConfig{stores: 4, members: []uint64{1, 2, 3}, maxLog: 3})
		pending := func() string {
			m.reset()
			m.ticks(25)
			var ids []string
			for _, p := range m.reported(1).GetPendingPeers() {
				ids = append(ids, fmt.Sprintf("%d on store %d", p.Id, p.StoreId))
			}
			return strings.Join(ids, ", ")
		}
		must := func(when, want string) {
			if got := pending(); got != want {
				t.Fatalf("%s, the pending peers are [%s]. The leader reports [%s]", when, want, got)
			}
		}
		m.transfer(1, 1)
		m.fillMany()
		must("when all have everything", "")
		m.isolate(3)
		m.fillMany()
		must("when peer 3 is cut off, and the log begins after what it has", "3 on store 3")
		m.reconnect()
		m.settled(1)
		must("when peer 3 has caught up", "")
		m.waits = func(m *raftserverpb.RaftMessage) bool { return m.ToPeer.StoreId == 4 }
		m.add(1, 14, 4)
		must("when peer 14 was added and has nothing yet", "14 on store 4")
		m.waits = nil
		m.settled(1)
		must("when peer 14 has got its snapshot", "")
		m.close()
	})
}

// order returns an order of the scheduler for a region as it is, and its leader.
func (m *managed) order(regionID uint64) *schedulerpb.RegionHeartbeatResponse {
	r := m.region(regionID)
	return &schedulerpb.RegionHeartbeatResponse{
		RegionId: regionID, RegionEpoch: proto.CloneOf(r.RegionEpoch), TargetPeer: region.PeerOn(r, m.leader(regionID).id),
	}
}

// TestOrdersAreCarriedOut3B gives leaders orders of each kind.
func TestOrdersAreCarriedOut3B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a leader carries out what the scheduler orders: it adds and removes peers, hands over, and asks for the ids of a split",
		Source: "schedulerpb.RegionHeartbeatResponse; Store.Order",
	}, func(t *graded.T) {
		m := newManaged(t, fleetConfig{stores: 4, members: []uint64{1, 2, 3}})
		m.fill("1", "a", "m", "z")
		m.transfer(1, 1)
		give := func(what string, set func(o *schedulerpb.RegionHeartbeatResponse), done func() bool) {
			m.until(what+" that was ordered", func() bool {
				if done() {
					return true
				}
				if m.leader(1) != nil {
					o := m.order(1)
					set(o)
					m.leader(1).Order(o)
					m.leader(1).Order(proto.CloneOf(o)) // once more, as the network may
				}
				return false
			})
			m.settled(1)
		}
		give("the addition of peer 14", func(o *schedulerpb.RegionHeartbeatResponse) {
			o.ChangePeer = &schedulerpb.ChangePeer{ChangeType: eraftpb.ConfChangeType_AddNode, Peer: &metapb.Peer{Id: 14, StoreId: 4}}
		}, func() bool { return region.Peer(m.region(1), 14) != nil })
		give("the transfer to store 4", func(o *schedulerpb.RegionHeartbeatResponse) {
			o.TransferLeader = &schedulerpb.TransferLeader{Peer: &metapb.Peer{Id: 14, StoreId: 4}}
		}, func() bool { return m.leader(1) == m.at(4) })
		give("the removal of peer 1", func(o *schedulerpb.RegionHeartbeatResponse) {
			o.ChangePeer = &schedulerpb.ChangePeer{ChangeType: eraftpb.ConfChangeType_RemoveNode, Peer: &metapb.Peer{Id: 1, StoreId: 1}}
		}, func() bool { return region.Peer(m.region(1), 1) == nil })
		give("the removal of the leader", func(o *schedulerpb.RegionHeartbeatResponse) {
			o.ChangePeer = &schedulerpb.ChangePeer{ChangeType: eraftpb.ConfChangeType_RemoveNode, Peer: &metapb.Peer{Id: 14, StoreId: 4}}
		}, func() bool { return region.Peer(m.region(1), 14) == nil })

		for i, key := range []string{"z", ""} { // the first key of the right half, or the middle
			m.reset()
			o := m.order(1)
			o.SplitRegion = &schedulerpb.SplitRegion{Key: []byte(key)}
			leader, before := m.leader(1), m.region(1)
			leader.Order(o)
			m.until("a request for the ids of a split that was ordered", func() bool { return len(m.said[leader.id].splits) > 0 })
			asked := m.said[leader.id].splits[0]
			if !proto.Equal(asked.Region, before) {
				t.Fatalf("the leader is to split %s, and asks for ids for %s", describe(before), describe(asked.Region))
			}
			id := uint64(20 + 10*i)
			leader.SplitIDs(asked.Region, &schedulerpb.AskSplitResponse{NewRegionId: id, NewPeerIds: []uint64{id + 1, id + 2}})
			m.until("a split that was ordered", func() bool { return len(m.region(1).EndKey) > 0 && m.leader(id) != nil })
			if end := string(m.region(1).EndKey); key != "" && end != key || end <= "a" || end > "z" {
				t.Fatalf("a split was ordered at %q (empty: in the middle), and the keys are a, m and z. It is at %q", key, end)
			}
		}
		m.settled(1, 20, 30)
		m.close()
	})
}

// TestOutdatedOrdersAreIgnored3B gives stores orders that were made for another epoch or
// another leader, and orders that make no sense.
func TestOutdatedOrdersAreIgnored3B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "an order that is based on another epoch, or meant for another leader, changes nothing; nor does one that makes no sense",
		Source: "schedulerpb.RegionHeartbeatResponse.region_epoch, target_peer; Store.Order",
	}, func(t *graded.T) {
		m := newManaged(t, fleetConfig{stores: 4, members: []uint64{1, 2, 3}})
		m.fill("1", "a", "m", "z")
		m.split(1, "m", 20, 21, 22, 23)
		m.transfer(1, 1)
		m.settled(1, 20)
		orders := map[string]func(o *schedulerpb.RegionHeartbeatResponse){
			"to add a peer": func(o *schedulerpb.RegionHeartbeatResponse) {
				o.ChangePeer = &schedulerpb.ChangePeer{ChangeType: eraftpb.ConfChangeType_AddNode, Peer: &metapb.Peer{Id: 14, StoreId: 4}}
			},
			"to remove a peer": func(o *schedulerpb.RegionHeartbeatResponse) {
				o.ChangePeer = &schedulerpb.ChangePeer{ChangeType: eraftpb.ConfChangeType_RemoveNode, Peer: &metapb.Peer{Id: 3, StoreId: 3}}
			},
			"to hand over": func(o *schedulerpb.RegionHeartbeatResponse) {
				o.TransferLeader = &schedulerpb.TransferLeader{Peer: &metapb.Peer{Id: 3, StoreId: 3}}
			},
			"to split": func(o *schedulerpb.RegionHeartbeatResponse) {
				o.SplitRegion = &schedulerpb.SplitRegion{Key: []byte("c")}
			},
			"to do nothing": func(o *schedulerpb.RegionHeartbeatResponse) {},
		}
		wrong := map[string]func(o *schedulerpb.RegionHeartbeatResponse){
			"for an earlier conf_ver": func(o *schedulerpb.RegionHeartbeatResponse) { o.RegionEpoch.ConfVer-- },
			"for a later conf_ver":    func(o *schedulerpb.RegionHeartbeatResponse) { o.RegionEpoch.ConfVer++ },
			"for an earlier version":  func(o *schedulerpb.RegionHeartbeatResponse) { o.RegionEpoch.Version-- },
			"for a later version":     func(o *schedulerpb.RegionHeartbeatResponse) { o.RegionEpoch.Version++ },
			"without an epoch":        func(o *schedulerpb.RegionHeartbeatResponse) { o.RegionEpoch = nil },
			"for another leader":      func(o *schedulerpb.RegionHeartbeatResponse) { o.TargetPeer = &metapb.Peer{Id: 2, StoreId: 2} },
			"for no leader":           func(o *schedulerpb.RegionHeartbeatResponse) { o.TargetPeer = nil },
			"for an unknown region":   func(o *schedulerpb.RegionHeartbeatResponse) { o.RegionId = 77 },
		}
		before := m.region(1)
		give := func(what string, to *server, o *schedulerpb.RegionHeartbeatResponse) {
			m.reset()
			to.Order(o)
			m.ticks(2)
			switch {
			case !proto.Equal(m.region(1), before):
				t.Fatalf("an order %s was given to store %d, and has changed %s. It is now %s", what, to.id, describe(before), describe(m.region(1)))
			case m.leader(1) != m.at(1):
				t.Fatalf("an order %s was given to store %d, and has changed the leader: %s", what, to.id, m.state())
			case len(m.said[to.id].splits) > 0:
				t.Fatalf("because of an order %s, store %d asks for the ids of a split", what, to.id)
			}
		}
		for what, set := range sorted(orders) {
			for why, change := range sorted(wrong) {
				o := m.order(1)
				set(o)
				change(o)
				give(what+" "+why, m.at(1), o)
			}
			o := m.order(1)
			if set(o); what != "to do nothing" {
				give(what, m.at(2), o)
				give(what, m.at(4), o)
			}
		}
		for what, set := range sorted(map[string]func(o *schedulerpb.RegionHeartbeatResponse){
			"to add a peer on a store that has one": func(o *schedulerpb.RegionHeartbeatResponse) {
				o.ChangePeer = &schedulerpb.ChangePeer{ChangeType: eraftpb.ConfChangeType_AddNode, Peer: &metapb.Peer{Id: 14, StoreId: 3}}
			},
			"to remove a stranger": func(o *schedulerpb.RegionHeartbeatResponse) {
				o.ChangePeer = &schedulerpb.ChangePeer{ChangeType: eraftpb.ConfChangeType_RemoveNode, Peer: &metapb.Peer{Id: 14, StoreId: 4}}
			},
			"to add nobody":          func(o *schedulerpb.RegionHeartbeatResponse) { o.ChangePeer = &schedulerpb.ChangePeer{} },
			"to hand over to nobody": func(o *schedulerpb.RegionHeartbeatResponse) { o.TransferLeader = &schedulerpb.TransferLeader{} },
		}) {
			o := m.order(1)
			set(o)
			give(what, m.at(1), o)
		}
		m.settled(1, 20)
		m.close()
	})
}

// TestStrayPeerAsksTheScheduler3B cuts a store off while its peer and then all other peers
// of the region are removed: nobody whom it knows is there any more. It must ask the
// scheduler, and leave. An answer that is older than its membership must not remove it.
func TestStrayPeerAsksTheScheduler3B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a peer whose former fellows have all left asks the scheduler, and leaves if the scheduler knows later members without it",
		Source: "the contract of Scheduler.FindRegion; thesis §4.2.3",
	}, func(t *graded.T) {
		for _, restarts := range []bool{false, true} {
			m := newManaged(t, fleetConfig{stores: 5, members: []uint64{1, 2, 3}})
			m.fill("1", "a", "m")
			old := m.region(1)
			m.isolate(3)
			m.remove(1, 3)
			m.add(1, 14, 4)
			m.add(1, 15, 5)
			m.remove(1, 1)
			m.remove(1, 2)
			m.fill("2", "a", "n")
			m.until("the end of the others", func() bool { return len(m.at(1).Peers())+len(m.at(2).Peers()) == 0 })
			m.reset()
			m.reconnect()
			if restarts {
				m.at(3).restart()
			}
			m.until("a question of store 3 for region 1", func() bool { return len(m.said[3].finds) > 0 })
			if id := m.said[3].finds[0]; id != 1 {
				t.Fatalf("store 3 has only a peer of region 1, but it asks for region %d", id)
			}
			// A first answer is lost, another one is outdated, another one is about nothing.
			for _, answer := range []*metapb.Region{old, {Id: 1}, {Id: 99, RegionEpoch: &metapb.RegionEpoch{ConfVer: 99, Version: 99}}, nil} {
				m.reset()
				m.at(3).Found(answer)
				m.settle()
				if _, ok := m.peer(3, 1); !ok {
					t.Fatalf("store 3 removes its peer, because of the answer %v", answer)
				}
				m.until("another question of store 3 for region 1, which is not answered yet", func() bool { return len(m.said[3].finds) > 0 })
			}
			m.at(3).Found(m.region(1))
			m.settled(1)
			m.at(3).isFreeOf(1)
			m.close()
		}
	})
}

// TestEmptyPeerAsksTheScheduler3B adds a peer that gets no data, and moves the region away
// from all stores that the peer has heard of.
func TestEmptyPeerAsksTheScheduler3B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a peer without data, whom nobody tells of its removal, asks the scheduler, and leaves if the scheduler knows later members without it",
		Source: "the contract of (*peer).askToLeave and (*peer).found",
	}, func(t *graded.T) {
		m := newManaged(t, fleetConfig{stores: 4, members: []uint64{1, 2}})
		m.fill("1", "a", "m")
		m.loses = func(m *raftserverpb.RaftMessage) bool {
			return m.Message.GetMsgType() == eraftpb.MessageType_MsgSnapshot
		}
		m.add(1, 14, 4)
		m.until("the creation of peer 14", func() bool { _, ok := m.peer(4, 1); return ok })
		m.isolate(4)
		m.loses = nil
		m.remove(1, 4)
		m.add(1, 13, 3)
		m.remove(1, 1)
		m.remove(1, 2)
		m.fill("2", "a", "n")
		m.until("the end of the others", func() bool { return len(m.at(1).Peers())+len(m.at(2).Peers()) == 0 })
		m.reset()
		m.reconnect()
		m.until("a question of store 4 for region 1", func() bool { return len(m.said[4].finds) > 0 })
		m.at(4).Found(m.region(1))
		m.settled(1)
		m.at(4).isFreeOf(1)
		m.close()
	})
}

// TestOutdatedAnswersRemoveNoMember3B tells members what the scheduler knew some time ago.
func TestOutdatedAnswersRemoveNoMember3B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "an answer of the scheduler from before a peer was added does not remove the peer, with or without data",
		Source: "Store.Found; the contract of (*peer).found",
	}, func(t *graded.T) {
		m := newManaged(t, fleetConfig{stores: 3, members: []uint64{1, 2}})
		m.fill("1", "a", "m")
		old := m.region(1)
		m.waits = func(msg *raftserverpb.RaftMessage) bool {
			return msg.ToPeer.StoreId == 3 && msg.Message.GetSnapshot() != nil
		}
		m.add(1, 33, 3)
		m.ticks(10)
		check := func(when string) {
			for _, r := range []*metapb.Region{old, m.region(1)} {
				m.at(3).Found(r)
				m.settle()
				if st, ok := m.peer(3, 1); !ok || st.PeerID != 33 {
					t.Fatalf("peer 33 %s. It has left, because the scheduler knows %s", when, describe(r))
				}
			}
		}
		if _, ok := m.peer(3, 1); ok {
			check("has no data yet")
		}
		m.waits = nil
		m.settled(1)
		check("has its data")
		m.settled(1)
		m.close()
	})
}

// answerSplits gives the leaders the ids that they have asked for, each as often as times
// says.
func (m *managed) answerSplits(times int) {
	for _, server := range m.servers {
		store, r := server.id, m.said[server.id]
		asks := r.splits
		r.splits = nil
		for _, a := range asks {
			ids := &schedulerpb.AskSplitResponse{NewRegionId: m.lastID + 1}
			m.lastID++
			for range a.Region.Peers {
				m.lastID++
				ids.NewPeerIds = append(ids.NewPeerIds, m.lastID)
			}
			for range times {
				m.at(store).SplitIDs(proto.CloneOf(a.Region), proto.CloneOf(ids))
			}
		}
	}
}

// dataOf returns the size of the keys and values of a region on its leader.
func (m *managed) dataOf(r *metapb.Region) (size int) {
	for place, value := range m.leader(r.Id).content() {
		_, key, _ := strings.Cut(place, "/")
		if region.Range(r).Contains([]byte(key)) {
			size += len(key) + len(value)
		}
	}
	return size
}

// regions returns all regions.
func (m *managed) regions() (all []*metapb.Region) {
	seen := map[uint64]bool{}
	for _, s := range m.servers {
		for _, id := range s.Peers() {
			if !seen[id] {
				seen[id] = true
				all = append(all, m.region(id))
			}
		}
	}
	return all
}

// ids returns the ids of all regions.
func (m *managed) ids() (ids []uint64) {
	for _, r := range m.regions() {
		ids = append(ids, r.Id)
	}
	return ids
}

// TestLargeRegionsSplit3B writes more and more, until there are many regions. Answers of the
// scheduler come once or several times, late, or not at first.
func TestLargeRegionsSplit3B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a region that outgrows SplitSize is split about in the middle, and so are its halves when they grow",
		Source: "Config.SplitSize; the contract of Scheduler",
	}, func(t *graded.T) {
		const limit = 8 << 10
		for _, answers := range []string{"once", "three times", "late", "only the third time"} {
			explaining(t, func() string { return "the scheduler answers " + answers }, func() {
				m := newManaged(t, fleetConfig{stores: 3, members: []uint64{1, 2, 3}, splitSize: limit})
				value := strings.Repeat("v", 200)
				heard := 0
				round := func(ticks int) {
					for range ticks {
						m.ticks(1)
						asks := 0
						for _, r := range m.said {
							asks += len(r.splits)
						}
						switch heard += asks; {
						case asks == 0:
						case answers == "only the third time" && heard < 3:
							m.reset()
						case answers == "late":
							m.ticks(5)
							m.answerSplits(1)
						case answers == "three times":
							m.answerSplits(3)
						default:
							m.answerSplits(1)
						}
					}
				}
				for i := range 30 { // 3 families, about 18 KiB
					m.fill(value, fmt.Sprintf("k%04d", i*37%1000))
				}
				for range 10 {
					if round(30); len(m.ids()) > 1 {
						break
					}
				}
				if len(m.ids()) == 1 {
					t.Fatalf("region 1 has %d bytes, SplitSize is %d, and %d times it was asked for ids: but after 300 ticks it is not split", m.dataOf(m.region(1)), limit, heard)
				}
				answers = "once"
				round(300)
				for i := range 40 {
					m.fill(value, fmt.Sprintf("k%04d", 1000+i))
				}
				round(300)
				for _, r := range m.regions() {
					if size := m.dataOf(r); size > limit*3/2 || size < limit/8 {
						t.Fatalf("SplitSize is %d, and %s has %d bytes long after the last write", limit, describe(r), size)
					}
				}
				m.settled(m.ids()...)
				m.close()
			})
		}
	})
}

// TestStrayIDsDoNoHarm3B gives stores ids for splits that they have not asked for, that are
// too late, or too few.
func TestStrayIDsDoNoHarm3B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "ids for a split that come to the wrong store, too late, again, or in wrong number change nothing",
		Source: "Store.SplitIDs; the contract of Scheduler",
	}, func(t *graded.T) {
		m := newManaged(t, fleetConfig{stores: 3, members: []uint64{1, 2, 3}})
		m.fill("1", "a", "m", "z")
		m.transfer(1, 1)
		m.ticks(5)
		before := m.region(1)
		ids := &schedulerpb.AskSplitResponse{NewRegionId: 90, NewPeerIds: []uint64{91, 92, 93}}
		for _, s := range m.servers {
			s.SplitIDs(before, ids)
			s.SplitIDs(nil, ids)
			s.SplitIDs(&metapb.Region{Id: 77}, ids)
		}
		m.ticks(5)
		if !proto.Equal(m.region(1), before) {
			t.Fatalf("nobody has asked for ids, but with those that came, region 1 was split: %s", m.state())
		}
		order := func(key string) *metapb.Region {
			m.reset()
			o := m.order(1)
			o.SplitRegion = &schedulerpb.SplitRegion{Key: []byte(key)}
			m.at(1).Order(o)
			m.until("a request for ids", func() bool { return len(m.said[1].splits) > 0 })
			return m.said[1].splits[0].Region
		}
		asked := order("m")
		for _, bad := range []*schedulerpb.AskSplitResponse{{}, {NewRegionId: 90, NewPeerIds: []uint64{91}}, {NewRegionId: 1, NewPeerIds: []uint64{91, 92, 93}}, nil} {
			m.at(1).SplitIDs(asked, bad)
			m.ticks(3)
			if !proto.Equal(m.region(1), before) {
				t.Fatalf("with the ids %v, region 1 was split: %s", bad, m.state())
			}
			asked = order("m")
		}
		m.at(1).SplitIDs(asked, ids)
		m.until("the split", func() bool { return string(m.region(1).EndKey) == "m" })
		for range 3 {
			m.at(1).SplitIDs(asked, &schedulerpb.AskSplitResponse{NewRegionId: 80, NewPeerIds: []uint64{81, 82, 83}})
			m.at(1).SplitIDs(asked, ids)
			m.ticks(3)
		}
		m.settled(1, 90)
		m.close()
	})
}

// TestSizesAreReported3B looks at the sizes that leaders report: after puts, deletes, a
// split, transfers, a snapshot and restarts. An estimate may be too large, because a value
// that replaces another one counts in full until the region is measured.
func TestSizesAreReported3B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "the reported size of a region is about that of its keys and values, also after splits, snapshots, restarts and with other leaders",
		Source: "schedulerpb.RegionHeartbeatRequest.approximate_size; the contract of regionSize",
	}, func(t *graded.T) {
		for _, limit := range []uint64{0, 1 << 30} {
			m := newManaged(t, fleetConfig{stores: 4, members: []uint64{1, 2, 3}, maxLog: 3, splitSize: limit})
			check := func(when string, id uint64, most float64) {
				m.ticks(45)
				m.reset()
				m.ticks(25)
				size, got := m.dataOf(m.region(id)), m.reported(id).GetApproximateSize()
				if float64(got) < 0.9*float64(size) || float64(got) > most*float64(size)+500 {
					t.Fatalf("SplitSize is %d (0: none). %s region %d has %d bytes of keys and values. Its leader reports %d", limit, when, id, size, got)
				}
			}
			value := strings.Repeat("v", 300)
			for i := range 30 {
				m.put(fmt.Sprintf("%c%d", 'a'+i%26, i), value)
			}
			check("After puts", 1, 1.5)
			for _, id := range []uint64{2, 3, 1} {
				m.transfer(1, id)
				check(fmt.Sprintf("When store %d leads,", id), 1, 1.5)
			}
			m.split(1, "g", 20, 21, 22, 23)
			check("After a split", 1, 1.5)
			check("After a split", 20, 1.5)
			m.add(20, 24, 4)
			m.settled(1, 20)
			m.transfer(20, 4)
			check("When a peer leads that got a snapshot,", 20, 1.5)
			for _, s := range m.servers {
				s.restart()
			}
			check("After a restart", 1, 1.5)
			check("After a restart", 20, 1.5)
			for i := range 30 {
				if key := fmt.Sprintf("%c%d", 'a'+i%26, i); i%2 == 0 {
					delete(m.want, "default/"+key)
					m.request("a delete", key, remove(engine.CFDefault, key))
				}
			}
			check("After deletes", 1, 2.5)
			m.settled(1, 20)
			m.close()
		}
	})
}
