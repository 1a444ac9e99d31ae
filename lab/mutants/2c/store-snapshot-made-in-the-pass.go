//go:build mutant

// A snapshot is made when Raft asks for one, in the pass. All regions of the
// store wait until the file is written.
//
//lab:mutant 2C kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/raft"
)

func (s *peerStorage) Snapshot() (*eraftpb.Snapshot, error) {
	m := &s.maker
	if m.made == nil || m.made.Metadata.Index < s.state.TruncatedIndex {
		cfg := &m.p.store.cfg
		snapshot, err := makeSnapshot(cfg.KVEngine, cfg.Files, s.regionID)
		m.p.snapshotMade(snapshot, err)
		if err != nil {
			return nil, raft.ErrSnapshotTemporarilyUnavailable
		}
	}
	return m.made, nil
}
