package raft

import (
	pb "github.com/labkv/labkv/proto/eraftpb"
)

// handleTransferLeader begins to hand the leadership over to m's sender (thesis
// §3.10): the leader takes no more proposals, brings that member up to date, and
// tells it to campaign at once. It gives up after an election timeout.
//
// A request for another member replaces the transfer under way, and has an
// election timeout of its own. A request for the leader itself, for the present
// transferee or for a stranger does nothing: the transfer under way goes on, and
// ends when it would have. A node that is not the leader forwards the request to
// the leader, if it knows it.
//
//lab:implement 3A
func (r *Raft) handleTransferLeader(m *pb.Message) {
	if r.state != StateLeader {
		if r.lead != None {
			r.msgs = append(r.msgs, &pb.Message{MsgType: pb.MessageType_MsgTransferLeader, To: r.lead, From: m.From})
		}
		return
	}
	p := r.progress(m.From)
	if p == nil || p.ID == r.id || p.ID == r.leadTransferee {
		return
	}
	r.leadTransferee = p.ID
	r.electionElapsed = 0
	// Entries may be waiting for an answer that got lost.
	p.paused, p.nudge = false, true
	r.maybeHandOver(p)
}

// maybeHandOver tells p to campaign, if it is the transferee and its log is
// complete.
//
//lab:private
func (r *Raft) maybeHandOver(p *Progress) {
	if p.ID == r.leadTransferee && p.Match == r.log.LastIndex() {
		r.send(&pb.Message{MsgType: pb.MessageType_MsgTimeoutNow, To: p.ID})
	}
}

// handleTimeoutNow campaigns at once, because the leader hands over to this node.
//
//lab:implement 3A
func (r *Raft) handleTimeoutNow(m *pb.Message) {
	if r.state == StateFollower {
		r.campaign()
	}
}
