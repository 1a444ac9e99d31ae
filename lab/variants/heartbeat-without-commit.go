//go:build variant

// Heartbeats say nothing of the commit index. Followers learn it from appends, as in
// Figure 2: from an empty one per heartbeat that is answered, as the last may have
// been lost.
//
//lab:variant raft 2AB 2AC 2C 3A
package raft

import pb "github.com/labkv/labkv/proto/eraftpb"

func (r *Raft) broadcastHeartbeat() {
	sent := len(r.msgs)
	r.broadcastHeartbeat_original()
	for _, m := range r.msgs[sent:] {
		if m.MsgType == pb.MessageType_MsgHeartbeat {
			m.Commit = 0
		}
	}
}

func (r *Raft) handleHeartbeatResponse(p *Progress) {
	r.handleHeartbeatResponse_original(p)
	p.commit = 0
}
