//go:build mutant

// The leader uses the new membership from the moment a change is proposed, the
// other members from when they apply it. The thesis describes the first and
// this package's contract the second; what must not be is both. A change that
// is never committed, because the leader is deposed, stays in effect on this
// node alone, and it counts majorities that no other server recognizes.
//
//lab:mutant 3A raft
package raft

import (
	"google.golang.org/protobuf/proto"

	pb "github.com/labkv/labkv/proto/eraftpb"
)

func (r *Raft) propose(entries []*pb.Entry) error {
	if err := r.propose_original(entries); err != nil {
		return err
	}
	for _, e := range entries {
		if e.EntryType != pb.EntryType_EntryConfChange {
			continue
		}
		var cc pb.ConfChange
		if err := proto.Unmarshal(e.Data, &cc); err != nil {
			return err
		}
		switch cc.ChangeType {
		case pb.ConfChangeType_AddNode:
			r.addNode(cc.NodeId)
		case pb.ConfChangeType_RemoveNode:
			r.removeNode(cc.NodeId)
		}
	}
	return nil
}
