//go:build mutant

// A transferee that has everything committed counts as up to date. It may lack
// entries that are under way: a server that has them does not vote for it, or
// if it wins it drops proposals that its predecessor had taken (thesis §3.10:
// its log must match the leader's).
//
//lab:mutant 3A raft
package raft

import (
	pb "github.com/labkv/labkv/proto/eraftpb"
)

func (r *Raft) maybeHandOver(p *Progress) {
	if p.ID == r.leadTransferee && p.Match >= r.log.committed {
		r.send(&pb.Message{MsgType: pb.MessageType_MsgTimeoutNow, To: p.ID})
	}
}
