//go:build variant

// MsgTimeoutNow carries no term. Whoever gets it campaigns, in a term of its own: a
// campaign is safe at any time.
//
//lab:variant raft 3A
package raft

import pb "github.com/labkv/labkv/proto/eraftpb"

func (r *Raft) send(m *pb.Message) {
	if m.MsgType == pb.MessageType_MsgTimeoutNow {
		m.From = r.id
		r.msgs = append(r.msgs, m)
		return
	}
	r.send_original(m)
}
