//go:build mutant

// A change that the application refuses comes as one for no node, and is put into
// effect like any other: the node with id 0 becomes a member. It never answers,
// and the group needs a larger majority from now on (the Ready contract).
//
//lab:mutant 3A raft
package raft

import (
	pb "github.com/labkv/labkv/proto/eraftpb"
)

func (rn *RawNode) ApplyConfChange(cc *pb.ConfChange) *pb.ConfState {
	switch cc.ChangeType {
	case pb.ConfChangeType_AddNode:
		rn.raft.addNode(cc.NodeId)
	case pb.ConfChangeType_RemoveNode:
		rn.raft.removeNode(cc.NodeId)
	}
	return rn.raft.confState()
}
