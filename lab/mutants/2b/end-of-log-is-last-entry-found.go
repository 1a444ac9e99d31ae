//go:build mutant

// If the last entry is missing on the disk, the log simply ends before it. But
// that entry was acknowledged, and may be committed.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/raftserverpb"
)

func loadPeerStorage(raftEngine engine.Engine, applied *raftserverpb.RegionState) (*peerStorage, error) {
	s, err := loadPeerStorage_original(raftEngine, applied)
	if err != nil {
		return nil, err
	}
	for s.state.LastIndex > s.state.TruncatedIndex {
		e, err := LoadEntry(raftEngine, s.regionID, s.state.LastIndex)
		if err != nil {
			return nil, err
		}
		if e != nil {
			break
		}
		s.state.LastIndex--
	}
	return s, nil
}
