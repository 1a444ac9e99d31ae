package storesim

import (
	"context"
	stderrors "errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/kv/raftstore"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/lab/check"
	"github.com/labkv/labkv/lab/dice"
	"github.com/labkv/labkv/lab/sim"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/raftserverpb"
	"github.com/labkv/labkv/proto/schedulerpb"
)

// An operation is a fault of the schedule that an operator carries out: it asks the store
// that leads a region, until the region is as the operator wants it.
type operation struct {
	sim.Fault
	// region, store and victim are chosen once: the region that is changed, the store
	// that gets a peer, and the peer that is removed. 0: not chosen.
	region, store, victim uint64
	// spares are the stores that get a peer, by region, of an operation on many.
	spares map[uint64]uint64
	// at is the store that was asked and has not answered yet, nil if there is none.
	at *store
	// changes are the changes of members that were asked for or ordered, and that may
	// be under way.
	changes []*change
	// accepted is set once a store has answered without an error.
	accepted bool
	// version is the version of the region that is to be split, 0 if not known yet.
	version uint64
	// ordered is the region for which the registry gives an order of the operation, 0
	// if none.
	ordered uint64
}

// maxMembers is the number of members up to which an operator adds some.
const maxMembers = 5

// roll returns random bits for the nth choice of an operation. They do not depend on what
// else happens.
func (op *operation) roll(nth uint64) uint64 {
	return dice.Mix(dice.Mix(uint64(op.From)^uint64(op.ID)<<48) + nth)
}

// pick returns one of all, 0 if there is none.
func (op *operation) pick(nth uint64, all []uint64) uint64 {
	if len(all) == 0 {
		return 0
	}
	return all[op.roll(nth)%uint64(len(all))]
}

// A step is what an operation has to do next: a request, or nothing for now, or nothing at
// all.
type step struct {
	request *raftstore.Admin
	done    bool
}

var (
	wait     = step{}
	finished = step{done: true}
)

// Operate implements sim.Operator.
func (y *System) Operate(f sim.Fault, attempt uint64) (done bool) {
	if f.Kind == sim.Twin {
		return y.substitute(f)
	}
	op := y.operations[f.ID]
	if op == nil {
		op = &operation{Fault: f, spares: map[uint64]uint64{}}
		y.operations[f.ID] = op
		if f.Kind == sim.Erase {
			op.store = y.homes.lose(uint64(f.Who))
		}
	}
	if op.at != nil && !op.at.dead() {
		return false
	}
	op.at = nil
	y.withdraw(op)
	next := y.next(op)
	switch {
	case next.request != nil && y.byOrder(op):
		y.give(op, next.request)
	case next.request != nil:
		y.ask(op, next.request)
	}
	return next.done
}

// next finds out what op has to do next.
func (y *System) next(op *operation) step {
	switch op.Kind {
	case sim.Drain, sim.Erase:
		if m := y.manager(); m != nil {
			return y.leaveToScheduler(m, op)
		}
	}
	switch op.Kind {
	case sim.Drain:
		y.drained[uint64(op.Who)] = op.Until
		next := y.evacuate(op, y.homes.stores[uint64(op.Who)])
		next.done = false // until the time is over, others may want the store
		return next
	case sim.Erase:
		return y.evacuate(op, op.store)
	}
	if op.region == 0 {
		all := y.overview()
		if len(all) == 0 {
			return wait
		}
		op.region = all[(op.Region-1)%len(all)].Id
	}
	leader, r := y.leaderOf(op.region)
	if leader == nil {
		return wait
	}
	switch op.Kind {
	case sim.AddMember:
		if op.store == 0 {
			if op.store = y.homes.stores[uint64(op.Who)]; op.Who == sim.Everybody {
				op.store = op.pick(1, y.spare(r))
			}
		}
		if op.store == 0 || region.PeerOn(r, op.store) != nil || len(r.Peers) >= maxMembers {
			return finished
		}
		return y.add(r, op.store)
	case sim.RemoveMember:
		op.choose(y, leader, r)
		if region.Peer(r, op.victim) == nil || !y.spares(r, op.victim) {
			return finished
		}
		return y.remove(r, op.victim)
	case sim.ReplaceMember:
		op.choose(y, leader, r)
		if op.store == 0 {
			op.store = op.pick(2, y.spare(r))
		}
		return y.replace(r, op.victim, op.store)
	case sim.MoveLeader:
		if op.victim == 0 {
			op.choose(y, leader, r)
		}
		to := region.Peer(r, op.victim)
		if op.accepted || to == nil || to.StoreId == leader.id {
			return finished
		}
		return y.request(r, raftstore.Admin{TransferLeader: to})
	case sim.Split:
		key := leader.data.at(r, op.Share)
		if op.version == 0 {
			op.version = r.RegionEpoch.Version
		}
		if op.version != r.RegionEpoch.Version || key == "" {
			return finished
		}
		split := &raftserverpb.Split{Key: []byte(key)}
		all, ok := y.newIDs(1 + len(r.Peers))
		if !ok {
			return wait
		}
		split.NewRegionId, split.NewPeerIds = all[0], all[1:]
		return y.request(r, raftstore.Admin{Split: split})
	}
	panic("storesim: no operation: " + op.String())
}

// leaveToScheduler drains a store as people do it in a cluster with a scheduler: that moves
// the peers. It also finds out by itself that a store is gone.
func (y *System) leaveToScheduler(m *manager, op *operation) step {
	if op.Kind == sim.Erase {
		return finished
	}
	if !m.env.Alive() || m.err != nil {
		return wait
	}
	store := y.homes.stores[uint64(op.Who)]
	y.drained[uint64(op.Who)] = max(y.drained[uint64(op.Who)], op.Until)
	if y.mayGet(store) || y.lostPeer() {
		return wait // for what the scheduler cannot know, see admitted and MayErase
	}
	y.retired[store] = true // perhaps: whether it is, the scheduler may not live to say
	m.env.Command(func() {
		resp, err := m.core.RemoveStore(context.Background(), &schedulerpb.RemoveStoreRequest{Header: clusterHeader, StoreId: store})
		if !m.failed(err) && resp.Header.GetError() == nil {
			y.drained[uint64(op.Who)] = forever
		}
	})
	return finished
}

const forever = time.Duration(math.MaxInt64)

// manager returns the last incarnation of the scheduler that stores and clients know, nil
// if there is none.
func (y *System) manager() *manager {
	if len(y.managers) == 0 {
		return nil
	}
	return y.managers[slices.Min(slices.Collect(maps.Keys(y.managers)))]
}

// choose chooses the peer that op is about, among the members of r.
func (op *operation) choose(y *System, leader *store, r *metapb.Region) {
	if op.victim != 0 {
		return
	}
	var all []uint64
	for _, p := range r.Peers {
		switch leads := p.StoreId == leader.id; {
		case op.Who == sim.TheLeader && !leads, op.Who == sim.AFollower && leads:
		case op.Who > 0 && p.StoreId != y.homes.stores[uint64(op.Who)]:
		default:
			all = append(all, p.Id)
		}
	}
	op.victim = op.pick(3, all)
}

// spare returns the stores that could get a peer of r: they have none, run, are known to the
// scheduler if there is one, and are not to be drained.
func (y *System) spare(r *metapb.Region) []uint64 {
	var all []uint64
	for _, s := range y.living() {
		if region.PeerOn(r, s.id) == nil && y.drained[s.env.ID] <= s.env.Now() && y.admitted(s.id) {
			all = append(all, s.id)
		}
	}
	return all
}

// spares reports whether r can do without a peer: of those that stay, a majority has not
// lost its disks, and is in service. With a scheduler two must stay: one alone would be
// stuck if the second that it gets is on a store of which the scheduler cannot know yet
// that it is lost.
func (y *System) spares(r *metapb.Region, peer uint64) bool {
	stay, well := 0, 0
	for _, p := range r.Peers {
		if p.Id == peer {
			continue
		}
		stay++
		if !y.homes.isLost(p.StoreId) && !y.retired[p.StoreId] {
			well++
		}
	}
	return 2*well > stay && (stay > 1 || y.manager() == nil)
}

// replace gives r a peer on a store and then removes another one. Without a store it only
// removes.
func (y *System) replace(r *metapb.Region, victim, store uint64) step {
	switch {
	case region.Peer(r, victim) == nil:
		return finished
	case store != 0 && region.PeerOn(r, store) == nil:
		return y.add(r, store)
	case !y.spares(r, victim):
		return finished
	}
	return y.remove(r, victim)
}

// evacuate takes all peers away from a store, region by region.
func (y *System) evacuate(op *operation, store uint64) step {
	all := y.overview()
	if check.Covered(all) != nil {
		return wait // the stores that know of some regions are down
	}
	next := finished
	for _, r := range all {
		p := region.PeerOn(r, store)
		if p == nil {
			continue
		}
		next = wait
		leader, now := y.leaderOf(r.Id)
		if leader == nil || region.PeerOn(now, store) == nil {
			continue
		}
		spare := op.spares[r.Id]
		if spare == 0 || y.machineOf(spare) == 0 {
			spare = op.pick(r.Id, y.spare(now))
			op.spares[r.Id] = spare
		}
		if s := y.replace(now, p.Id, spare); s.request != nil {
			return s
		}
	}
	return next
}

func (y *System) add(r *metapb.Region, store uint64) step {
	if !y.admitted(store) {
		return finished
	}
	id, ok := y.newIDs(1)
	if !ok {
		return wait
	}
	return y.request(r, raftstore.Admin{ChangePeer: &raftserverpb.ChangePeer{
		Type: eraftpb.ConfChangeType_AddNode, Peer: &metapb.Peer{Id: id[0], StoreId: store},
	}})
}

func (y *System) remove(r *metapb.Region, peer uint64) step {
	return y.request(r, raftstore.Admin{ChangePeer: &raftserverpb.ChangePeer{
		Type: eraftpb.ConfChangeType_RemoveNode, Peer: proto.CloneOf(region.Peer(r, peer)),
	}})
}

func (y *System) request(r *metapb.Region, a raftstore.Admin) step {
	a.Context = &kvrpcpb.Context{RegionId: r.Id, RegionEpoch: proto.CloneOf(r.RegionEpoch)}
	return step{request: &a}
}

// newIDs returns n new ids, and whether it could get them: with a scheduler they come from
// there, and only as long as it runs.
func (y *System) newIDs(n int) ([]uint64, bool) {
	all, m := make([]uint64, n), y.manager()
	for i := range all {
		if m == nil {
			all[i] = y.ids.next()
			continue
		}
		if !m.env.Alive() || m.err != nil {
			return nil, false
		}
		resp, err := m.core.AllocID(context.Background(), &schedulerpb.AllocIDRequest{Header: clusterHeader})
		if err != nil || resp.Header.GetError() != nil {
			return nil, false
		}
		all[i] = resp.Id
	}
	return all, true
}

// ask gives a request to the store that leads its region.
func (y *System) ask(op *operation, a *raftstore.Admin) {
	id := a.Context.RegionId
	leader, _ := y.leaderOf(id)
	op.at = leader
	asked := changeOf(a)
	op.changes = append(op.changes, asked)
	what := fmt.Sprintf("the request of an operator to %s", describe(a))
	leader.env.Command(func() {
		w := waiting{region: id}
		answered := leader.await(&w, what)
		a.Done = func(regions []*metapb.Region, err error) {
			answered()
			if op.at == leader {
				op.at = nil
			}
			var refusal *region.Error
			if err == nil || stderrors.As(err, &refusal) { // it has happened, or never will
				op.changes = slices.DeleteFunc(op.changes, func(c *change) bool { return c == asked })
			}
			if err != nil {
				return
			}
			op.accepted = true
			if !leader.dead() {
				y.kept.keep(leader, what, id, regions)
			}
		}
		leader.Admin(a)
	})
}

// describe says what a asks for.
func describe(a *raftstore.Admin) string {
	text := fmt.Sprintf("region %d of version %d and conf_ver %d", a.Context.RegionId, a.Context.RegionEpoch.Version, a.Context.RegionEpoch.ConfVer)
	switch {
	case a.Split != nil:
		return fmt.Sprintf("split %s at %q into it and region %d", text, a.Split.Key, a.Split.NewRegionId)
	case a.TransferLeader != nil:
		return fmt.Sprintf("make peer %d lead %s", a.TransferLeader.Id, text)
	case a.ChangePeer.Type == eraftpb.ConfChangeType_AddNode:
		return fmt.Sprintf("give %s peer %d on store %d", text, a.ChangePeer.Peer.Id, a.ChangePeer.Peer.StoreId)
	}
	return fmt.Sprintf("remove peer %d on store %d from %s", a.ChangePeer.Peer.Id, a.ChangePeer.Peer.StoreId, text)
}

// A change is a change of members, or another request, that was given to a store or
// ordered, of a region whose epoch had that conf_ver. It may happen as long as the epoch
// has it.
type change struct {
	region, confVer uint64
	removes         uint64 // the peer, 0 if none is removed
	adds            uint64 // the store that gets a peer, 0 if none does
}

// changeOf returns what a changes.
func changeOf(a *raftstore.Admin) *change {
	c := &change{region: a.Context.RegionId, confVer: a.Context.RegionEpoch.ConfVer}
	switch {
	case a.ChangePeer == nil:
	case a.ChangePeer.Type == eraftpb.ConfChangeType_RemoveNode:
		c.removes = a.ChangePeer.Peer.Id
	default:
		c.adds = a.ChangePeer.Peer.StoreId
	}
	return c
}

// mayHappen reports whether the members of r, a version of its region, may still change
// that way.
func (c *change) mayHappen(r *metapb.Region) bool {
	return r.Id == c.region && c.removes+c.adds != 0 && r.RegionEpoch.ConfVer <= c.confVer
}

// lostPeer reports whether a region still has a peer on a store that has lost its disks.
func (y *System) lostPeer() bool {
	return slices.ContainsFunc(y.overview(), func(r *metapb.Region) bool {
		return slices.ContainsFunc(r.Peers, func(p *metapb.Peer) bool { return y.homes.isLost(p.StoreId) })
	})
}

// mayGet reports whether a store may get a peer by a change that is under way.
func (y *System) mayGet(store uint64) bool {
	all := y.overview()
	for _, op := range y.operations {
		for _, c := range op.changes {
			if c.adds == store && slices.ContainsFunc(all, c.mayHappen) {
				return true
			}
		}
	}
	return false
}

// RuleAnswerStays is the rule of kept.
const RuleAnswerStays = "the regions in an answer are true, and do not change once it is given"

// kept are the regions that stores have answered with, and what they said then.
type kept []answer

type answer struct {
	what    string
	regions []*metapb.Region
	said    [][]byte
}

// said is r as a message.
func said(r *metapb.Region) []byte {
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(r)
	if err != nil {
		panic(errors.Annotate(err, "storesim: a region cannot be encoded"))
	}
	return data
}

// keep keeps an answer of s to what.
func (k *kept) keep(s *store, what string, id uint64, regions []*metapb.Region) {
	a := answer{what: what, regions: regions}
	for _, r := range regions {
		a.said = append(a.said, said(r))
		s.note(s.system.ranges.Names(s.id, proto.CloneOf(r)))
	}
	if len(regions) == 0 || len(regions) > 2 || regions[0].GetId() != id {
		s.lie(RuleAnswerStays, fmt.Sprintf("%s is answered with %v", what, regions))
		return
	}
	*k = append(*k, a)
}

// violation returns a *check.Violation if one of the regions has changed since.
func (k kept) violation() error {
	for _, a := range k {
		for i, r := range a.regions {
			if !slices.Equal(said(r), a.said[i]) {
				return &check.Violation{Rule: RuleAnswerStays, Found: fmt.Sprintf("a region in the answer to %s has changed since; now it is %v", a.what, r)}
			}
		}
	}
	return nil
}
