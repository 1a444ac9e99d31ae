//go:build mutant

// While a newer snapshot is being made, the last one is returned, although the
// log begins after it.
//
//lab:mutant 2C kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/raft"
)

func (s *peerStorage) Snapshot() (*eraftpb.Snapshot, error) {
	m := &s.maker
	if m.made != nil && m.made.Metadata.Index >= s.state.TruncatedIndex {
		return m.made, nil
	}
	if !m.making {
		m.making = true
		p, store, regionID := m.p, m.p.store, s.regionID
		p.inBackground(func() func(*peer) {
			snapshot, err := makeSnapshot(store.cfg.KVEngine, store.cfg.Files, regionID)
			return func(p *peer) { p.snapshotMade(snapshot, err) }
		})
	}
	if m.made != nil {
		return m.made, nil
	}
	return nil, raft.ErrSnapshotTemporarilyUnavailable
}
