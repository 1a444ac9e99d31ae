//go:build mutant

// A restarted peer believes the commit index that it finds on the disk. Nothing
// asks for that index to be written soon, so it may be older than the applied
// index in the data.
//
//lab:mutant 2B kv/raftstore
package raftstore

import "github.com/labkv/labkv/proto/eraftpb"

func (s *peerStorage) InitialState() (*eraftpb.HardState, *eraftpb.ConfState, error) {
	_, members, err := s.InitialState_original()
	return s.state.HardState, members, err
}
