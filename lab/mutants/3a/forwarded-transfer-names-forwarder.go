//go:build mutant

// A node that does not lead passes a transfer request on with the function that
// sends everything else, which fills in the sender. But the sender of this message
// is the member that shall lead: whatever the application asked for, the leader
// hands over to the node that was asked.
//
//lab:mutant 3A raft
package raft

import (
	pb "github.com/labkv/labkv/proto/eraftpb"
)

func (r *Raft) handleTransferLeader(m *pb.Message) {
	if r.state != StateLeader {
		if r.lead != None {
			r.send(&pb.Message{MsgType: pb.MessageType_MsgTransferLeader, To: r.lead})
		}
		return
	}
	r.handleTransferLeader_original(m)
}
