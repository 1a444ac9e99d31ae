//go:build mutant

// A message for a later peer of the region on the same store is dropped as one
// for another peer. The store that missed the removal of its peer never makes
// room for the new one.
//
//lab:mutant 3B kv/raftstore
package raftstore

import "github.com/labkv/labkv/proto/raftserverpb"

func (p *peer) meet(m *raftserverpb.RaftMessage) bool {
	if m.ToPeer.GetId() > p.id {
		return false
	}
	return p.meet_original(m)
}
