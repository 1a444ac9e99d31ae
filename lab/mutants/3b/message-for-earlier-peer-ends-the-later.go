//go:build mutant

// A peer ends whenever a message is for another peer of its region on this store, also
// when that other peer is an earlier one. A message that was late by a whole life
// removes a member.
//
//lab:mutant 3B kv/raftstore
package raftstore

import "github.com/labkv/labkv/proto/raftserverpb"

func (p *peer) meet(m *raftserverpb.RaftMessage) bool {
	if m.ToPeer.GetId() != p.id {
		p.destroy("another peer is wanted here")
		return false
	}
	return p.meet_original(m)
}

func (p *peer) disagrees(m *raftserverpb.RaftMessage) bool {
	return p.disagrees_original(m) || m.ToPeer.GetId() != p.id
}
