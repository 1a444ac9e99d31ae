package scheduler

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/schedulerpb"
)

// The kinds of operators, by what makes them.
const (
	opAdmin   = "admin"          // people
	opScatter = "scatter"        // ScatterRegion
	opReplica = "replica"        // checkReplicas
	opRegion  = "balance-region" // balanceRegions
	opLeader  = "balance-leader" // balanceLeaders
)

// An operator changes one region, step by step. It lives until its last step is
// finished, its time is over, or something else changes the region. It is not
// durable: a scheduler that restarts finds out again what is to be done.
type operator struct {
	kind  string
	desc  string // why it was made
	steps []step

	// at is the step under way; those before are finished.
	at int

	// expected is the region as the last heartbeat showed it: as it was when
	// the operator was made, but for the steps that have taken effect.
	expected *metapb.Region

	created, ended time.Time // by the clock, for people
	deadline       time.Duration
	status         schedulerpb.OperatorStatus
	reason         string // why it ended, unless it succeeded
}

func newOperator(kind string, r *regionInfo, desc string, steps ...step) *operator {
	return &operator{kind: kind, desc: desc, steps: steps, expected: r.meta}
}

// priority says which operator gives way to a new one: one with a smaller
// priority.
func (o *operator) priority() int {
	switch o.kind {
	case opAdmin:
		return 2
	case opScatter, opReplica:
		return 1
	}
	return 0
}

// advance takes note of what a heartbeat has shown of the region, which is r: at
// moves past every step that is finished. It returns how the operator has ended
// then, or RUNNING, and why.
//
//   - Where the epoch has changed, the step under way must explain it; otherwise
//     the operator is cancelled. It was made for another region than r.
//   - The operator succeeds when its last step is finished.
//
// A step may have been finished without an order: all that counts is the region.
//
//lab:implement 3C
func (o *operator) advance(r *regionInfo) (schedulerpb.OperatorStatus, string) {
	if !sameEpoch(r.meta.RegionEpoch, o.expected.RegionEpoch) {
		if !o.steps[o.at].explains(o.expected, r.meta) {
			return schedulerpb.OperatorStatus_CANCEL, fmt.Sprintf("the region has changed to version %d, conf_ver %d, which was not to be expected",
				r.meta.RegionEpoch.Version, r.meta.RegionEpoch.ConfVer)
		}
		o.expected = r.meta
	}
	for o.at < len(o.steps) && o.steps[o.at].finished(r) {
		o.at++
	}
	if o.at == len(o.steps) {
		return schedulerpb.OperatorStatus_SUCCESS, ""
	}
	return schedulerpb.OperatorStatus_RUNNING, ""
}

// order returns what the leader of r is to do now, or nil.
func (o *operator) order(c *cluster, r *regionInfo) *schedulerpb.RegionHeartbeatResponse {
	order := o.steps[o.at].order(c, r)
	if order != nil {
		order.RegionId = r.meta.Id
		order.RegionEpoch = r.meta.RegionEpoch
		order.TargetPeer = r.leader
	}
	return order
}

// incoming returns the stores that a running operator is still to bring a peer or
// a leadership.
func (o *operator) incoming() []uint64 {
	var stores []uint64
	for _, s := range o.steps[o.at:] {
		switch s := s.(type) {
		case *addPeer:
			stores = append(stores, s.peer.StoreId)
		case *transferLeader:
			stores = append(stores, s.peer.StoreId)
		}
	}
	slices.Sort(stores)
	return slices.Compact(stores)
}

// proto describes the operator to people.
func (o *operator) proto() *schedulerpb.Operator {
	p := &schedulerpb.Operator{
		RegionId: o.expected.Id,
		Kind:     o.kind,
		Desc:     o.desc,
		Status:   o.status,
		Done:     uint32(o.at),
		Created:  o.created.UnixMilli(),
		Reason:   o.reason,
	}
	for _, s := range o.steps {
		p.Steps = append(p.Steps, s.String())
	}
	if o.status != schedulerpb.OperatorStatus_RUNNING {
		p.Ended = o.ended.UnixMilli()
	}
	return p
}

// An operators holds the operators of all regions.
type operators struct {
	running map[uint64]*operator // by region: at most one each; the region and its leader are known
	history []*operator          // that have ended, the earliest first
}

// sorted returns the operators that are under way, by the ids of their regions.
func (ops *operators) sorted() []*operator {
	var all []*operator
	for _, id := range slices.Sorted(maps.Keys(ops.running)) {
		all = append(all, ops.running[id])
	}
	return all
}

// list describes the operators of a region, or with 0 of all regions: those under
// way by the ids of their regions, and the others from the latest on.
func (ops *operators) list(regionID uint64) (running, history []*schedulerpb.Operator) {
	for _, o := range ops.sorted() {
		if regionID == 0 || o.expected.Id == regionID {
			running = append(running, o.proto())
		}
	}
	for _, o := range slices.Backward(ops.history) {
		if regionID == 0 || o.expected.Id == regionID {
			history = append(history, o.proto())
		}
	}
	return running, history
}

// count returns how many operators of a kind are under way.
func (ops *operators) count(kind string) int {
	n := 0
	for _, o := range ops.running {
		if o.kind == kind {
			n++
		}
	}
	return n
}

// incoming returns how many operators are to bring the store something.
func (ops *operators) incoming(storeID uint64) int {
	n := 0
	for _, o := range ops.running {
		if slices.Contains(o.incoming(), storeID) {
			n++
		}
	}
	return n
}

// full reports whether no more operators of a kind may start.
func (c *cluster) full(kind string) bool {
	switch kind {
	case opReplica:
		return c.operators.count(kind) >= c.options.RepairLimit
	case opRegion:
		return c.operators.count(kind) >= c.options.RegionLimit
	case opLeader:
		return c.operators.count(kind) >= c.options.LeaderLimit
	}
	return false
}

// free reports whether one more operator may bring the store something.
func (c *cluster) free(storeID uint64) bool {
	return c.operators.incoming(storeID) < c.options.StoreLimit
}

// start makes o the operator of its region. It refuses o if the region has one
// that does not give way: one of the same or a greater priority. Any other one ends
// as REPLACE. After an error nothing has changed: an operator that was to give way
// goes on. Limits are the makers' concern: people are above them.
//
// Now the peers that o adds get their ids (name). o becomes RUNNING: the zero value of
// its status is SUCCESS. It gets the time, by the clock, at which it was created, and
// its deadline, as an uptime: PeerTimeout from now if o adds or removes a peer, or else
// LeaderTimeout. What starts is counted and logged, as what ends is (end).
//
//lab:implement 3C
func (s *Scheduler) start(o *operator) error {
	id := o.expected.Id
	old := s.operators.running[id]
	if old != nil && old.priority() >= o.priority() {
		return refuse("region %d has an operator already: %s", id, old.desc)
	}
	var added []*addPeer
	timeout := s.options.LeaderTimeout
	for _, step := range o.steps {
		switch step := step.(type) {
		case *addPeer:
			added = append(added, step)
			timeout = s.options.PeerTimeout
		case *removePeer:
			timeout = s.options.PeerTimeout
		}
	}
	if err := s.name(o, added); err != nil {
		return err
	}
	if old != nil {
		s.end(old, schedulerpb.OperatorStatus_REPLACE, "replaced: "+o.desc)
	}
	o.status = schedulerpb.OperatorStatus_RUNNING
	o.created = s.cfg.Now()
	o.deadline = s.uptime + timeout
	s.operators.running[id] = o
	s.counts.count(o)
	s.log.Info("operator starts", "region", id, "kind", o.kind, "desc", o.desc)
	return nil
}

// name gives new ids to the peers that o adds. Other steps of o may be about the
// same peers.
func (s *Scheduler) name(o *operator, added []*addPeer) error {
	if len(added) == 0 {
		return nil
	}
	ids, err := s.takeIDs(len(added))
	if err != nil {
		return err
	}
	for i, step := range added {
		step.peer.Id = ids[i]
	}
	return nil
}

// end moves an operator to the history.
func (s *Scheduler) end(o *operator, status schedulerpb.OperatorStatus, reason string) {
	id := o.expected.Id
	delete(s.operators.running, id)
	o.status, o.reason, o.ended = status, reason, s.cfg.Now()
	if r := s.regions.byID[id]; r != nil && status != schedulerpb.OperatorStatus_SUCCESS {
		r.quiet = s.uptime + s.options.RetryTime
	}
	s.operators.history = append(s.operators.history, o)
	if extra := len(s.operators.history) - s.options.History; extra > 0 {
		s.operators.history = slices.Delete(s.operators.history, 0, extra)
	}
	s.counts.count(o)
	s.log.Info("operator ends", "region", id, "kind", o.kind, "desc", o.desc, "status", status, "reason", reason)
}

// move returns the steps that bring a peer to another store. The region never
// has fewer replicas meanwhile: the new peer comes first. If the old one leads,
// another one takes over before it goes: of the members that can lead (canLead) and
// whose stores are free, and the new peer, which has caught up by then, the one on
// the store with the fewest leaders.
//
//lab:implement 3C
func (c *cluster) move(r *regionInfo, from *metapb.Peer, to uint64) []step {
	add := &addPeer{&metapb.Peer{StoreId: to}}
	steps := []step{add}
	if from.Id == r.leader.GetId() {
		loads := c.loads()
		heir := add.peer // it has caught up by then
		for _, p := range r.meta.Peers {
			if p.Id != from.Id && c.canLead(r, p) && c.free(p.StoreId) &&
				less(loads[p.StoreId].leaders, loads[heir.StoreId].leaders, p.StoreId, heir.StoreId) {
				heir = p
			}
		}
		steps = append(steps, &transferLeader{heir})
	}
	return append(steps, &removePeer{from})
}

// canLead reports whether a member of r may be asked to lead.
func (c *cluster) canLead(r *regionInfo, p *metapb.Peer) bool {
	return c.takesLeaders(c.stores[p.StoreId]) && !r.isPending(p.Id)
}

// heir returns the member of r to hand the leadership to: on the store with the
// fewest leaders of those that take any, or nil.
func (c *cluster) heir(r *regionInfo) *metapb.Peer {
	var best *metapb.Peer
	loads := c.loads()
	for _, p := range r.meta.Peers {
		if p.Id == r.leader.GetId() || !c.canLead(r, p) {
			continue
		}
		if best == nil || less(loads[p.StoreId].leaders, loads[best.StoreId].leaders, p.StoreId, best.StoreId) {
			best = p
		}
	}
	return best
}

// less orders by a number, and by an id where the numbers are equal: so that no
// decision depends on the order in which stores are looked at.
func less[N int | int64](a, b N, idA, idB uint64) bool { return a < b || a == b && idA < idB }

// A load is what a store has, or will have once all operators have succeeded.
type load struct {
	weight  int64 // of all peers
	peers   int
	leaders int
}

// loads returns the loads of all stores as they will be once the operators under
// way have succeeded. A balancer that looked at the present ones only would
// decide the same again and again until the first snapshot has arrived.
//
// A step counts as long as the region does not show that it has taken effect. A
// peer that has joined counts once: as a peer, and no more as one to come.
//
//lab:implement 3C
func (c *cluster) loads() map[uint64]*load {
	loads := map[uint64]*load{}
	for id := range c.stores {
		h := c.regions.on(id)
		loads[id] = &load{weight: h.weight, peers: h.peers.Len(), leaders: h.leaders}
	}
	for id, o := range c.operators.running {
		r := c.regions.byID[id]
		lead := r.leader
		for _, s := range o.steps[o.at:] {
			switch s := s.(type) {
			case *addPeer:
				if region.Peer(r.meta, s.peer.Id) == nil {
					loads[s.peer.StoreId].weight += r.weight()
					loads[s.peer.StoreId].peers++
				}
			case *removePeer:
				if region.Peer(r.meta, s.peer.Id) != nil {
					loads[s.peer.StoreId].weight -= r.weight()
					loads[s.peer.StoreId].peers--
				}
			case *transferLeader:
				loads[lead.StoreId].leaders--
				loads[s.peer.StoreId].leaders++
				lead = s.peer
			}
		}
	}
	return loads
}
