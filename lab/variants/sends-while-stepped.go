//go:build variant

// Appends are made as soon as there is something to send, message by message, and not
// when messages are taken: proposals that come together do not share one.
//
//lab:variant raft 2AB 2AC 2C 3A
package raft

import pb "github.com/labkv/labkv/proto/eraftpb"

func (r *Raft) propose(entries []*pb.Entry) error {
	err := r.propose_original(entries)
	r.replicate()
	return err
}

func (r *Raft) stepLeader(m *pb.Message) {
	r.stepLeader_original(m)
	r.replicate()
}
