//go:build mutant

// A restarted peer believes the commit index that it finds on disk. It was
// written without a sync, and may be older than the applied index in the data.
//
//lab:mutant 2B kv/raftstore
package raftstore

import "github.com/labkv/labkv/proto/eraftpb"

func (s *peerStorage) InitialState() (*eraftpb.HardState, *eraftpb.ConfState, error) {
	members := &eraftpb.ConfState{}
	for _, p := range s.applied.Region.Peers {
		members.Nodes = append(members.Nodes, p.Id)
	}
	return s.state.HardState, members, nil
}
