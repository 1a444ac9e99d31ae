package scheduler

import (
	"time"

	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/schedulerpb"
)

// A Status is the state of a scheduler at one moment, for people, metrics and
// tests. The caller may keep it.
type Status struct {
	ClusterID    uint64        `json:"cluster_id"`
	Bootstrapped bool          `json:"bootstrapped"`
	MaxPeerCount int           `json:"max_peer_count"`
	SafePoint    uint64        `json:"gc_safe_point"`
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
	// State is "up", "disconnected", "down", "offline" or "tombstone". A store
	// that is offline and does not run has Silence to show for it.
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

	// Down are the peers on stores that are disconnected. Lost is true if they
	// are half of the peers or more: the region cannot work, and the scheduler
	// does not touch it.
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

// Status returns the state of the scheduler.
func (s *Scheduler) Status() *Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &Status{ClusterID: s.cfg.ClusterID}
}
