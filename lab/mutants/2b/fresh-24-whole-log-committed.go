//go:build mutant

// After a restart everything in the log counts as committed: it is durable,
// after all.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/proto/eraftpb"
	"google.golang.org/protobuf/proto"
)

func (s *peerStorage) InitialState() (*eraftpb.HardState, *eraftpb.ConfState, error) {
	members := &eraftpb.ConfState{}
	for _, p := range s.applied.Region.Peers {
		members.Nodes = append(members.Nodes, p.Id)
	}
	// The commit index is not saved for its own sake, so the applied index
	// may be higher.
	hs := proto.CloneOf(s.state.HardState)
	hs.Commit = max(hs.Commit, s.state.LastIndex)
	return hs, members, nil
}
