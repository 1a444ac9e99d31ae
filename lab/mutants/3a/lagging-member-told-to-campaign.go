//go:build mutant

// The leader tells the transferee to campaign at once, whether or not it has
// all entries. A member that lags loses the election, since no member votes for
// a shorter log, and all that the transfer has done is to depose the leader
// (thesis §3.10: first its log is brought up to date).
//
//lab:mutant 3A raft
package raft

import (
	pb "github.com/labkv/labkv/proto/eraftpb"
)

func (r *Raft) maybeHandOver(p *Progress) {
	if p.ID == r.leadTransferee {
		r.send(&pb.Message{MsgType: pb.MessageType_MsgTimeoutNow, To: p.ID})
	}
}
