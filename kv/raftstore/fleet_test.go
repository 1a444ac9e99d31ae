package raftstore_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/raftstore"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/errorpb"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/raftserverpb"
	"github.com/labkv/labkv/raft"
)

// A fleet is a group of stores whose regions split, move and die. The test asks for each
// change, and decides when a message arrives; clocks go while it waits for something.
//
// Peers have the ids that the test gives them. Those of region 1 at the beginning have
// the ids of their stores.
type fleet struct {
	*group
	want content
}

// A fleetConfig says in what a fleet differs from others.
type fleetConfig struct {
	stores  uint64
	members []uint64 // the stores with a peer of region 1 at the beginning
	maxLog  uint64   // 0: unlimited
	// scheduler, if it is not nil, returns the scheduler of a store.
	scheduler func(store uint64) raftstore.Scheduler
	splitSize uint64
}

func newFleet(t testing.TB, c fleetConfig) *fleet {
	r := &metapb.Region{Id: 1, RegionEpoch: &metapb.RegionEpoch{ConfVer: 1, Version: 1}}
	for _, id := range c.members {
		r.Peers = append(r.Peers, &metapb.Peer{Id: id, StoreId: id})
	}
	if c.maxLog == 0 {
		c.maxLog = unlimited
	}
	f := &fleet{group: &group{t: t, cut: map[uint64]bool{}}, want: content{}}
	for id := uint64(1); id <= c.stores; id++ {
		sc := serverConfig{
			id: id, region: r, fleet: true, maxLog: c.maxLog, splitSize: c.splitSize, transport: f.group,
			randIntN: rand.New(rand.NewPCG(id, 0)).IntN,
		}
		if c.scheduler != nil {
			sc.scheduler = c.scheduler(id)
		}
		f.servers = append(f.servers, newServer(t, sc))
	}
	return f
}

// regionsAgree requires of all regions of the store that no two overlap, and if all peers
// have worked, of each that it has applied what it can.
func (s *server) regionsAgree(worked bool) {
	var before *metapb.Region
	for _, id := range s.Peers() {
		st, ok := s.Status(id)
		if !ok || st.Leaving {
			continue
		}
		if worked && st.Applied < st.Commit && !st.Installing && !s.full {
			s.t.Fatalf("store %d has applied region %d only up to index %d of what is committed up to %d, and is not in the queue for another pass", s.id, id, st.Applied, st.Commit)
		}
		if st.Region.RegionEpoch == nil {
			continue
		}
		if before != nil && region.Range(before).Overlaps(region.Range(st.Region)) {
			s.t.Fatalf("two regions on store %d overlap: %s and %s", s.id, describe(before), describe(st.Region))
		}
		before = st.Region
	}
}

// describe describes a region in a failure.
func describe(r *metapb.Region) string {
	var peers []string
	for _, p := range r.Peers {
		peers = append(peers, fmt.Sprintf("%d on store %d", p.Id, p.StoreId))
	}
	return fmt.Sprintf("region %d [%q, %q), version %d, conf_ver %d, with peers %s",
		r.Id, r.StartKey, r.EndKey, r.RegionEpoch.GetVersion(), r.RegionEpoch.GetConfVer(), strings.Join(peers, ", "))
}

// until lets all clocks go until done is true. A store that has lost its power meanwhile
// starts again.
func (f *fleet) until(what string, done func() bool) {
	f.t.Helper()
	for range 600 {
		for _, s := range f.servers {
			if s.life.over {
				s.restart()
			}
		}
		f.settle()
		if done() {
			return
		}
		for _, s := range f.servers {
			if !s.life.over && !f.cut[s.id] {
				s.unlessOver(s.Tick)
			}
		}
	}
	f.t.Fatalf("after 600 ticks, %s has not happened; %s", what, f.state())
}

// ticks lets all clocks go.
func (f *fleet) ticks(n int) {
	left := n
	f.until("", func() bool { left--; return left < 0 })
}

// state says what there is, for a failure.
func (f *fleet) state() string {
	var all []string
	for _, s := range f.servers {
		for _, id := range s.Peers() {
			if st, ok := s.Status(id); ok {
				all = append(all, fmt.Sprintf("store %d: peer %d, %v of term %d, applied %d, of %s", s.id, st.PeerID, st.RaftState, st.Term, st.Applied, describe(st.Region)))
			}
		}
	}
	return strings.Join(all, "; ")
}

// leader returns the store that leads a region in the latest term, among those that are
// not cut off, or nil.
func (f *fleet) leader(regionID uint64) *server {
	var leader *server
	var term uint64
	for _, s := range f.servers {
		if st, ok := s.Status(regionID); ok && !s.life.over && !f.cut[s.id] && st.RaftState == raft.StateLeader && st.Term > term {
			leader, term = s, st.Term
		}
	}
	return leader
}

// region returns a region as its leader knows it. It waits for one.
func (f *fleet) region(id uint64) *metapb.Region {
	f.t.Helper()
	f.until(fmt.Sprintf("the election of a leader of region %d", id), func() bool { return f.leader(id) != nil })
	st, _ := f.leader(id).Status(id)
	return st.Region
}

// An asked is a request for a change of a region, and its answer.
type asked struct {
	t       testing.TB
	request string // names it in failures
	life    *life  // of the store that was asked
	done    bool
	regions []*metapb.Region
	err     error
}

// lost reports whether the answer will never come, because the store has lost its power.
func (a *asked) lost() bool { return !a.done && a.life.over }

// String says what became of the request.
func (a *asked) String() string {
	switch {
	case !a.done:
		return a.request + " was not answered"
	case a.err != nil:
		return fmt.Sprintf("%s was answered with %q", a.request, a.err)
	}
	return a.request + " was answered as done"
}

// isDone requires that the request was carried out, and returns what it has made of the
// region.
func (a *asked) isDone() []*metapb.Region {
	a.t.Helper()
	if !a.done || a.err != nil {
		a.t.Fatalf("%v, and should be done", a)
	}
	return a.regions
}

// refusal requires that the request was refused with a region error, and returns the
// error.
func (a *asked) refusal() *errorpb.Error {
	a.t.Helper()
	var refusal *region.Error
	if !a.done || !errors.As(a.err, &refusal) {
		a.t.Fatalf("%v, and should be refused with a region error", a)
	}
	return refusal.Err
}

// ask submits a request to change region r on a store.
func (f *fleet) ask(s *server, r *metapb.Region, set func(*raftstore.Admin)) *asked {
	result := &asked{t: f.t, life: s.life}
	a := &raftstore.Admin{
		Context: &kvrpcpb.Context{RegionId: r.Id, RegionEpoch: r.RegionEpoch},
		Done: func(regions []*metapb.Region, err error) {
			if result.life.over {
				return
			}
			if result.done {
				f.t.Fatalf("%v, and then it was answered again, with error %v", result, err)
			}
			result.done, result.regions, result.err = true, regions, err
		},
	}
	set(a)
	result.request = fmt.Sprintf("on store %d, the request %s", s.id, requested(a))
	s.admins = append(s.admins, result)
	s.Admin(a)
	return result
}

// requested says what a asks for.
func requested(a *raftstore.Admin) string {
	id := a.Context.RegionId
	set := 0
	for _, asks := range []bool{a.Split != nil, a.ChangePeer != nil, a.TransferLeader != nil} {
		if asks {
			set++
		}
	}
	switch {
	case set != 1:
		return fmt.Sprintf("for %d changes of region %d at once", set, id)
	case a.Split != nil:
		return fmt.Sprintf("to split region %d at %q into it and %d, with peers %d", id, a.Split.Key, a.Split.NewRegionId, a.Split.NewPeerIds)
	case a.TransferLeader != nil:
		return fmt.Sprintf("to make peer %d on store %d the leader of region %d", a.TransferLeader.Id, a.TransferLeader.StoreId, id)
	case a.ChangePeer.Type == eraftpb.ConfChangeType_RemoveNode:
		return fmt.Sprintf("to remove peer %d on store %d from region %d", a.ChangePeer.Peer.Id, a.ChangePeer.Peer.StoreId, id)
	}
	return fmt.Sprintf("to add peer %d on store %d to region %d", a.ChangePeer.Peer.Id, a.ChangePeer.Peer.StoreId, id)
}

// splits, adds, removes and transfers make a request ask for a change.
func splits(key string, newID uint64, peerIDs ...uint64) func(*raftstore.Admin) {
	return func(a *raftstore.Admin) {
		a.Split = &raftserverpb.Split{Key: []byte(key), NewRegionId: newID, NewPeerIds: peerIDs}
	}
}

func adds(peerID, storeID uint64) func(*raftstore.Admin) {
	return func(a *raftstore.Admin) {
		a.ChangePeer = changePeer(eraftpb.ConfChangeType_AddNode, peerID, storeID)
	}
}

func removes(peerID, storeID uint64) func(*raftstore.Admin) {
	return func(a *raftstore.Admin) {
		a.ChangePeer = changePeer(eraftpb.ConfChangeType_RemoveNode, peerID, storeID)
	}
}

func transfers(peerID, storeID uint64) func(*raftstore.Admin) {
	return func(a *raftstore.Admin) { a.TransferLeader = &metapb.Peer{Id: peerID, StoreId: storeID} }
}

// carryOut asks the leader of a region for a change, again and again, until it is done:
// leaders change, and some refuse for a while. happened reports whether it has taken
// effect: a request that was lost may have.
func (f *fleet) carryOut(regionID uint64, what string, set func(*raftstore.Admin), happened func(r *metapb.Region) bool) {
	f.t.Helper()
	var under *asked
	f.until(what, func() bool {
		leader := f.leader(regionID)
		if leader == nil {
			return false
		}
		if st, _ := leader.Status(regionID); happened(st.Region) {
			return true
		}
		if under == nil || under.done || under.lost() {
			st, _ := leader.Status(regionID)
			under = f.ask(leader, st.Region, set)
		}
		return false
	})
}

// add adds a peer to a region.
func (f *fleet) add(regionID, peerID, storeID uint64) {
	f.t.Helper()
	f.carryOut(regionID, fmt.Sprintf("the addition of peer %d on store %d to region %d", peerID, storeID, regionID),
		adds(peerID, storeID),
		func(r *metapb.Region) bool { return region.Peer(r, peerID) != nil })
}

// remove removes the peer of a region on a store.
func (f *fleet) remove(regionID, storeID uint64) {
	f.t.Helper()
	peer := region.PeerOn(f.region(regionID), storeID)
	f.carryOut(regionID, fmt.Sprintf("the removal of peer %d on store %d from region %d", peer.Id, storeID, regionID),
		removes(peer.Id, storeID),
		func(r *metapb.Region) bool { return region.Peer(r, peer.Id) == nil })
}

func changePeer(kind eraftpb.ConfChangeType, peerID, storeID uint64) *raftserverpb.ChangePeer {
	return &raftserverpb.ChangePeer{Type: kind, Peer: &metapb.Peer{Id: peerID, StoreId: storeID}}
}

// split splits a region.
func (f *fleet) split(regionID uint64, key string, newID uint64, peerIDs ...uint64) {
	f.t.Helper()
	f.carryOut(regionID, fmt.Sprintf("the split of region %d at %q", regionID, key),
		splits(key, newID, peerIDs...),
		func(r *metapb.Region) bool { return string(r.EndKey) == key })
}

// transfer makes a store lead a region.
func (f *fleet) transfer(regionID, storeID uint64) {
	f.t.Helper()
	peer := region.PeerOn(f.region(regionID), storeID)
	f.until(fmt.Sprintf("the transfer of region %d to store %d", regionID, storeID), func() bool {
		leader := f.leader(regionID)
		if leader == nil || leader.id == storeID {
			return leader != nil
		}
		st, _ := leader.Status(regionID)
		f.ask(leader, st.Region, transfers(peer.Id, peer.StoreId))
		return false
	})
}

// at returns the region that has a key, and the store that leads it, or nil.
func (f *fleet) owner(key string) (*server, *metapb.Region) {
	var owner *server
	var of *metapb.Region
	for _, s := range f.servers {
		for _, id := range s.Peers() {
			if f.leader(id) != s {
				continue
			}
			st, _ := s.Status(id)
			if region.Range(st.Region).Contains([]byte(key)) && (of == nil || st.Region.RegionEpoch.Version > of.RegionEpoch.Version) {
				owner, of = s, st.Region
			}
		}
	}
	return owner, of
}

// request sends a request for a key to the leader of the key's region, again and again,
// until it is carried out.
func (f *fleet) request(what, key string, ops ...engine.Op) result {
	f.t.Helper()
	var got *result
	var waiting *life
	f.until(what, func() bool {
		if got != nil && got.err == nil {
			return true
		}
		s, r := f.owner(key)
		if s == nil || got == nil && waiting != nil && !waiting.over {
			return false
		}
		got, waiting = nil, s.life
		s.ask(&kvrpcpb.Context{RegionId: r.Id, RegionEpoch: r.RegionEpoch}, ops, func(r result) {
			if !s.life.over {
				got = &r
			}
		})
		return false
	})
	return *got
}

// put writes a key, through the leader of its region.
func (f *fleet) put(key, value string) {
	f.t.Helper()
	f.request(fmt.Sprintf("a put to key %q", key), key, set(engine.CFDefault, key, value))
	f.want["default/"+key] = value
}

// fill puts keys with a value into all families, and deletes one of each again.
func (f *fleet) fill(value string, keys ...string) {
	f.t.Helper()
	for _, key := range keys {
		var ops []engine.Op
		for _, cf := range engine.Families {
			ops = append(ops, set(cf, key, value), set(cf, key+"gone", value), remove(cf, key+"gone"))
			f.want[place(cf, []byte(key))] = value
		}
		f.request(fmt.Sprintf("a write of key %q", key), key, ops...)
	}
}

// reads requires that a read finds what was put under a key.
func (f *fleet) reads(key string) {
	f.t.Helper()
	view := f.request(fmt.Sprintf("a read of key %q", key), key).view
	value, found, err := view.Get(engine.CFDefault, []byte(key))
	require.NoError(f.t, err, "reading a view")
	require.NoError(f.t, view.Close(), "closing a view")
	if want, wanted := f.want["default/"+key]; wanted != found || want != string(value) {
		f.t.Fatalf("a read of key %q finds %q (%v), and should find %q (%v)", key, value, found, want, wanted)
	}
}

// peer returns the status of the peer of a region on a store, and whether there is one
// that is not being removed.
func (f *fleet) peer(storeID, regionID uint64) (raftstore.Status, bool) {
	st, ok := f.at(storeID).Status(regionID)
	return st, ok && !st.Leaving
}

// settled waits until the regions ids cover all keys, every member has its peer with what
// was put, and nothing else is there.
func (f *fleet) settled(ids ...uint64) {
	f.t.Helper()
	f.reconnect()
	wrong := ""
	for range 60 {
		f.ticks(10)
		if wrong = f.wrong(ids); wrong == "" {
			return
		}
	}
	f.t.Fatalf("although all is well for long, %s; %s", wrong, f.state())
}

// wrong says what settled waits for, or "".
func (f *fleet) wrong(ids []uint64) string {
	var regions []*metapb.Region
	for _, id := range ids {
		leader := f.leader(id)
		if leader == nil {
			return fmt.Sprintf("region %d has no leader", id)
		}
		st, _ := leader.Status(id)
		regions = append(regions, st.Region)
		for _, p := range st.Region.Peers {
			if here, ok := f.peer(p.StoreId, id); !ok || here.PeerID != p.Id {
				return fmt.Sprintf("store %d has no peer %d of region %d", p.StoreId, p.Id, id)
			} else if !proto.Equal(here.Region, st.Region) || here.Applied != st.Applied {
				return fmt.Sprintf("peer %d on store %d is at %s, the leader at %s", p.Id, p.StoreId, describe(here.Region), describe(st.Region))
			}
		}
	}
	slices.SortFunc(regions, func(a, b *metapb.Region) int { return strings.Compare(string(a.StartKey), string(b.StartKey)) })
	end := ""
	for i, r := range regions {
		if string(r.StartKey) != end || i > 0 && end == "" {
			return fmt.Sprintf("the regions do not cover each key once: %s follows key %q", describe(r), end)
		}
		end = string(r.EndKey)
	}
	if end != "" {
		return fmt.Sprintf("no region has the keys from %q on", end)
	}
	for _, s := range f.servers {
		want := content{}
		for _, id := range s.Peers() {
			st, _ := s.Status(id)
			if !slices.Contains(ids, id) || region.PeerOn(st.Region, s.id) == nil {
				return fmt.Sprintf("store %d still has a peer of region %d", s.id, id)
			}
			for place, value := range f.want {
				if _, key, _ := strings.Cut(place, "/"); region.Range(st.Region).Contains([]byte(key)) {
					want[place] = value
				}
			}
		}
		if different := want.differs(s.content()); different != "" {
			return fmt.Sprintf("the data of store %d are not those of its regions: there is %s", s.id, different)
		}
	}
	return ""
}
