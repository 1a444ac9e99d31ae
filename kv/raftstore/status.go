package raftstore

import "github.com/labkv/labkv/raft"

// A Status is how one peer of a store stands, for people, tests and tools.
type Status struct {
	// Status is what the peer's Raft node says of itself, without the
	// progress of others.
	raft.Status

	// Applied is the index up to which the kv engine holds the effects of the
	// log. The node's own may be behind.
	Applied uint64

	// FirstIndex and LastIndex are the ends of the log in the raft engine.
	FirstIndex, LastIndex uint64

	// Busy is true while a Ready is being handled over several passes: what
	// the node says may not be durable yet.
	Busy bool

	// Restoring is true while a snapshot is being installed: the data are
	// neither those before nor those after.
	Restoring bool
}

// Status returns the status of the peer of a region, and whether there is one.
// It is for whoever makes the passes: it must not be called during one.
func (s *Store) Status(regionID uint64) (Status, bool) {
	p := s.peer(regionID)
	if p == nil {
		return Status{}, false
	}
	first, _ := p.storage.FirstIndex()
	last, _ := p.storage.LastIndex()
	return Status{
		Status:     p.node.BasicStatus(),
		Applied:    p.applied(),
		FirstIndex: first,
		LastIndex:  last,
		Busy:       p.task != nil,
		Restoring:  p.restoring,
	}, true
}
