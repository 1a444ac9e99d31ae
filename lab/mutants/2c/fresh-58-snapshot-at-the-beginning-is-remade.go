//go:build mutant

// A snapshot at exactly the index where the log begins is taken for too old. If
// nothing is written, the next one is at that index again.
//
//lab:mutant 2C kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/raft"
)

func (s *peerStorage) Snapshot() (*eraftpb.Snapshot, error) {
	m := &s.maker
	if m.made != nil && m.made.Metadata.Index > s.state.TruncatedIndex {
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
	return nil, raft.ErrSnapshotTemporarilyUnavailable
}
