//go:build mutant

// The end of the log is looked for on the disk, entry by entry, when the store
// starts. That takes the longer, the longer the log is.
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
	it, err := raftEngine.Iterate(cfRaft, logRange(s.regionID, s.state.TruncatedIndex+1, s.state.LastIndex+1))
	if err != nil {
		return nil, err
	}
	last := s.state.TruncatedIndex
	for it.Seek(nil); it.Valid(); it.Next() {
		last++
	}
	s.state.LastIndex = last
	return s, it.Close()
}
