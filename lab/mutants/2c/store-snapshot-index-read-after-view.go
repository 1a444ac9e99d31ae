//go:build mutant

// A snapshot's data are those of the moment when it was asked for, and its index is
// read when they are written out. What was applied in between is missing from the
// data, and will not be sent again.
//
//lab:mutant 2C kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/raftserverpb"
	"github.com/labkv/labkv/raft"

	"google.golang.org/protobuf/proto"
)

func (s *peerStorage) Snapshot() (*eraftpb.Snapshot, error) {
	m := &s.snapshots
	if m.made != nil && m.made.Metadata.Index >= s.state.TruncatedIndex {
		return m.made, nil
	}
	if m.making {
		return nil, raft.ErrSnapshotTemporarilyUnavailable
	}
	p, store, regionID := m.p, m.p.store, s.regionID
	view, err := store.cfg.KVEngine.Snapshot()
	if err != nil {
		return nil, raft.ErrSnapshotTemporarilyUnavailable
	}
	m.making = true
	p.inBackground(func() func(*peer) {
		defer view.Close()
		snapshot, err := snapshotOf(view, store.cfg.KVEngine, store.cfg.Files, regionID)
		return func(p *peer) { p.snapshotMade(snapshot, err) }
	})
	return nil, raft.ErrSnapshotTemporarilyUnavailable
}

func snapshotOf(data, index engine.Reader, files Files, regionID uint64) (*eraftpb.Snapshot, error) {
	state := &raftserverpb.RegionState{}
	if err := load(index, cfMeta, stateKey(regionID), state); err != nil {
		return nil, err
	}
	meta := &eraftpb.SnapshotMetadata{Index: state.AppliedIndex, Term: state.AppliedTerm, ConfState: confState(state.Region)}
	header, err := writeSnapshotFile(files, SnapshotName(regionID, meta), data, state.Region)
	if err != nil {
		return nil, err
	}
	bytes, err := proto.Marshal(header)
	if err != nil {
		return nil, err
	}
	return &eraftpb.Snapshot{Data: bytes, Metadata: meta}, nil
}
