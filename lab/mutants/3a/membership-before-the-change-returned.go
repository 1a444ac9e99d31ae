//go:build mutant

// ApplyConfChange collects the membership that it returns before it makes the
// change. The node itself goes on correctly, but the application saves what it is
// given: after a restart, or in a snapshot for another member, the group is the
// one from before.
//
//lab:mutant 3A raft
package raft

import (
	pb "github.com/labkv/labkv/proto/eraftpb"
)

func (rn *RawNode) ApplyConfChange(cc *pb.ConfChange) *pb.ConfState {
	members := rn.raft.confState()
	rn.ApplyConfChange_original(cc)
	return members
}
