package scheduler

import (
	"maps"
	"time"

	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/schedulerpb"
)

// A Status is the state of a scheduler at one moment, for people, metrics and
// tests. The caller may keep it,
// but must not change what it points to.
type Status struct {
	ClusterID    uint64        `json:"cluster_id"`
	Bootstrapped bool          `json:"bootstrapped"`
	MaxPeerCount int           `json:"max_peer_count"`
	SafePoint    uint64        `json:"gc_safe_point"`
	CleanPoint   uint64        `json:"gc_clean_point"`
	Uptime       time.Duration `json:"uptime"` // since Open, in nanoseconds

	// Complete is true if the known regions cover all keys.
	Complete bool `json:"complete"`

	Stores  []StoreStatus  `json:"stores"`  // by id
	Regions []RegionStatus `json:"regions"` // by key

	// Operators are under way, by the ids of their regions. History are those
	// that have ended, the latest first.
	Operators []*schedulerpb.Operator `json:"operators"`
	History   []*schedulerpb.Operator `json:"history"`

	Counts Counts `json:"counts"`
}

// A StoreStatus is the state of one store.
type StoreStatus struct {
	ID      uint64 `json:"id"`
	Address string `json:"address"`
	// State is "up", "disconnected", "down", "offline" or "tombstone".
	State    string                  `json:"state"`
	Silence  time.Duration           `json:"silence"` // since the last heartbeat, in nanoseconds
	Stats    *schedulerpb.StoreStats `json:"stats,omitempty"`
	Peers    int                     `json:"peers"`
	Leaders  int                     `json:"leaders"`
	Pending  int                     `json:"pending"`  // peers that are far behind
	Size     uint64                  `json:"size"`     // bytes of all its regions, estimated
	Incoming int                     `json:"incoming"` // operators that bring it a peer or a leadership
}

// A RegionStatus is the state of one region.
type RegionStatus struct {
	Region  *metapb.Region `json:"region"`
	Leader  *metapb.Peer   `json:"leader,omitempty"` // nil if not known
	Pending []*metapb.Peer `json:"pending,omitempty"`
	Size    uint64         `json:"size"` // bytes, estimated
	Term    uint64         `json:"term"`

	// Down are the peers on stores that are disconnected. Lost is true if the
	// others are not a quorum: the region cannot work, and the scheduler does
	// not touch it.
	Down []*metapb.Peer `json:"down,omitempty"`
	Lost bool           `json:"lost"`
}

// Counts are the events since Open. They only grow.
type Counts struct {
	RegionHeartbeats  uint64 `json:"region_heartbeats"`  // all
	RefusedHeartbeats uint64 `json:"refused_heartbeats"` // stale or impossible ones
	StoreHeartbeats   uint64 `json:"store_heartbeats"`
	Orders            uint64 `json:"orders"` // sent, repetitions too

	// Operators by kind and then by how they ended (SUCCESS, TIMEOUT, CANCEL,
	// REPLACE), or RUNNING for those that have begun.
	Operators map[string]map[string]uint64 `json:"operators"`
}

// count counts that an operator starts, or how it ends.
func (c *Counts) count(o *operator) {
	if c.Operators == nil {
		c.Operators = map[string]map[string]uint64{}
	}
	if c.Operators[o.kind] == nil {
		c.Operators[o.kind] = map[string]uint64{}
	}
	c.Operators[o.kind][o.status.String()]++
}

// Status returns the state of the scheduler.
func (s *Scheduler) Status() *Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := &Status{
		ClusterID:    s.cfg.ClusterID,
		Bootstrapped: s.state.cluster != nil,
		MaxPeerCount: s.maxPeers,
		SafePoint:    s.state.counters.SafePoint,
		CleanPoint:   s.state.counters.CleanPoint,
		Uptime:       s.uptime,
		Complete:     s.regions.whole(),
		Counts:       s.counts,
	}
	st.Counts.Operators = map[string]map[string]uint64{}
	for kind, byStatus := range s.counts.Operators {
		st.Counts.Operators[kind] = maps.Clone(byStatus)
	}
	for _, info := range s.sortedStores() {
		h := s.regions.on(info.id())
		st.Stores = append(st.Stores, StoreStatus{
			ID:       info.id(),
			Address:  info.meta.Address,
			State:    s.storeState(info),
			Silence:  s.silence(info),
			Stats:    info.stats,
			Peers:    h.peers.Len(),
			Leaders:  h.leaders,
			Pending:  h.pending,
			Size:     h.size,
			Incoming: s.operators.incoming(info.id()),
		})
	}
	for m := range s.regions.byKey.All() {
		r := s.regions.byID[m.Id]
		down := s.unreachable(m)
		st.Regions = append(st.Regions, RegionStatus{
			Region:  m,
			Leader:  r.leader,
			Pending: r.pending,
			Size:    r.size,
			Term:    r.term,
			Down:    down,
			Lost:    len(m.Peers)-len(down) < quorum(len(m.Peers)),
		})
	}
	st.Operators, st.History = s.operators.list(0)
	return st
}

// storeState names the state of a store.
func (s *Scheduler) storeState(info *storeInfo) string {
	switch {
	case info.meta.State == metapb.StoreState_Tombstone:
		return "tombstone"
	case info.meta.State == metapb.StoreState_Offline:
		return "offline"
	case s.down(info):
		return "down"
	case s.disconnected(info):
		return "disconnected"
	}
	return "up"
}
