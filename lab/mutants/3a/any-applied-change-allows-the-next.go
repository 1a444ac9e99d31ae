//go:build mutant

// Applying a membership change clears the note that one is pending, whichever it
// was. A new leader can have two in its log that are committed and not applied:
// after the first of them it accepts a third, while the second is still to come
// (thesis §4.1).
//
//lab:mutant 3A raft
package raft

import (
	pb "github.com/labkv/labkv/proto/eraftpb"
)

func (rn *RawNode) ApplyConfChange(cc *pb.ConfChange) *pb.ConfState {
	rn.raft.pendingConfIndex = 0
	return rn.ApplyConfChange_original(cc)
}
