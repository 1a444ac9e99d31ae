//go:build mutant

// A candidate looks at the entries first, and follows the sender of an append
// only if its log fits. A candidate whose log is behind rejects the leader of
// its own term and campaigns on: in the next term it deposes that leader.
//
//lab:mutant 2AB raft
package raft

import pb "github.com/labkv/labkv/proto/eraftpb"

func (r *Raft) Step(m *pb.Message) error {
	if r.state == StateCandidate && m.MsgType == pb.MessageType_MsgAppend && m.Term == r.term && !r.log.matches(m.Index, m.LogTerm) {
		r.send(&pb.Message{MsgType: pb.MessageType_MsgAppendResponse, To: m.From, Index: m.Index, Reject: true})
		return nil
	}
	return r.Step_original(m)
}
