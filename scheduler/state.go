package scheduler

import (
	"math"

	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/schedulerpb"
)

// maxPeerCount is the greatest number of peers that a region may be made to
// have. A Raft group of more would spend its time on talking.
const maxPeerCount = 15

// A state is what a scheduler must not forget: the members of the cluster, and
// which numbers have been promised. It changes by commands only. What a command
// does is a function of the state and the command, without clock, disk or
// chance: so replicas could carry out one log of commands and stay equal.
//
// What the scheduler knows of regions is not part of it. Stores report that
// again and again, so a scheduler that has forgotten it learns it anew.
type state struct {
	cluster  *metapb.Cluster          // nil until there is a first store
	stores   map[uint64]*metapb.Store // by id; also tombstones; a store is replaced, never changed
	counters *schedulerpb.Counters    // replaced, never changed
}

func newState() *state {
	return &state{stores: map[uint64]*metapb.Store{}, counters: &schedulerpb.Counters{}}
}

// decide adds to b the records that c changes, or returns a refusal. It changes
// nothing itself: once b is durable, load takes the records over.
func (s *state) decide(c *schedulerpb.Command, b *engine.Batch) error {
	switch {
	case c.Bootstrap != nil:
		return s.bootstrap(c.Bootstrap, c.PutCluster, b)
	case c.PutStore != nil:
		return s.putStore(c.PutStore, b)
	case c.PutCluster != nil:
		return s.putCluster(c.PutCluster, b)
	case c.ChangeStore != nil:
		return s.changeStore(c.ChangeStore, b)
	}
	next := proto.CloneOf(s.counters)
	switch {
	case c.ReserveIds > math.MaxUint64-next.Ids:
		return refuse("there are no ids left")
	case c.ReserveIds > 0:
		next.Ids += c.ReserveIds
	case c.ReserveTimestamps > 0:
		next.Timestamps = max(next.Timestamps, c.ReserveTimestamps)
	default:
		next.SafePoint = max(next.SafePoint, c.AdvanceSafePoint)
		next.CleanPoint = max(next.CleanPoint, c.AdvanceCleanPoint)
		if next.CleanPoint > next.SafePoint {
			return refuse("the clean point %d would be above the safe point %d: that comes first", next.CleanPoint, next.SafePoint)
		}
	}
	put(b, []byte{kindCounters}, next)
	return nil
}

// load takes a durable record over.
func (s *state) load(key, value []byte) error {
	switch key[0] {
	case kindCluster:
		s.cluster = &metapb.Cluster{}
		return decode(key, value, s.cluster)
	case kindCounters:
		s.counters = &schedulerpb.Counters{}
		return decode(key, value, s.counters)
	case kindStore:
		m := &metapb.Store{}
		if err := decode(key, value, m); err != nil {
			return err
		}
		s.stores[m.Id] = m
	}
	return nil
}

// bootstrap makes m the first store of the cluster.
func (s *state) bootstrap(m *metapb.Store, settings *metapb.Cluster, b *engine.Batch) error {
	if s.cluster != nil {
		return refuseAs(schedulerpb.ErrorType_ALREADY_BOOTSTRAPPED, "the cluster has been bootstrapped already")
	}
	put(b, []byte{kindCluster}, settings)
	return s.putStore(m, b)
}

// putStore adds a store, or changes the address of one. Two stores with one
// address would receive each other's messages; a tombstone receives none.
func (s *state) putStore(m *metapb.Store, b *engine.Batch) error {
	switch {
	case m.Id == 0:
		return refuse("the store has no id")
	case m.Address == "":
		return refuse("store %d has no address", m.Id)
	}
	next := &metapb.Store{Id: m.Id, Address: m.Address}
	if old := s.stores[m.Id]; old != nil {
		next.State = old.State
	}
	if next.State == metapb.StoreState_Tombstone {
		return refuseAs(schedulerpb.ErrorType_STORE_TOMBSTONE, "store %d was removed for good", m.Id)
	}
	// At most one other store has the address, so the order does not matter.
	for _, other := range s.stores {
		if other.Id != m.Id && other.State != metapb.StoreState_Tombstone && other.Address == m.Address {
			return refuse("store %d has the address %s already; if it is gone, take it out of the cluster (labkv-ctl store remove %d), and wait until it is a tombstone", other.Id, m.Address, other.Id)
		}
	}
	put(b, storeKey(m.Id), next)
	return nil
}

// putCluster changes the settings.
func (s *state) putCluster(c *metapb.Cluster, b *engine.Batch) error {
	if c.MaxPeerCount < 1 || c.MaxPeerCount > maxPeerCount {
		return refuse("max_peer_count is %d: want 1 to %d", c.MaxPeerCount, maxPeerCount)
	}
	put(b, []byte{kindCluster}, c)
	return nil
}

// changeStore moves a store on in its life: from up to offline and back, and
// from offline to tombstone, which is the end.
func (s *state) changeStore(c *schedulerpb.StoreChange, b *engine.Batch) error {
	m := s.stores[c.StoreId]
	switch {
	case m == nil:
		return refuse("store %d is not known", c.StoreId)
	case m.State == metapb.StoreState_Tombstone:
		return refuseAs(schedulerpb.ErrorType_STORE_TOMBSTONE, "store %d was removed for good", c.StoreId)
	case c.State == metapb.StoreState_Tombstone && m.State != metapb.StoreState_Offline:
		return refuse("store %d is not offline", c.StoreId)
	}
	put(b, storeKey(m.Id), &metapb.Store{Id: m.Id, Address: m.Address, State: c.State})
	return nil
}
