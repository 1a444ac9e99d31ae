//go:build mutant

// Only the leader puts a membership change into effect, because only it keeps
// progress and counts acknowledgements. A follower that campaigns later asks the
// members of the old group for votes, and its majority is one of the old group
// (thesis §4.1).
//
//lab:mutant 3A raft
package raft

import (
	pb "github.com/labkv/labkv/proto/eraftpb"
)

func (rn *RawNode) ApplyConfChange(cc *pb.ConfChange) *pb.ConfState {
	if rn.raft.state != StateLeader {
		return rn.raft.confState()
	}
	return rn.ApplyConfChange_original(cc)
}
