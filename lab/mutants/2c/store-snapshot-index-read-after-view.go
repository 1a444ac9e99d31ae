//go:build mutant

// A snapshot's data are those of the moment when it was asked for, and its
// index is read when they are written to the file. What was applied in between
// is missing from the data, and is not sent again.
//
//lab:mutant 2C kv/raftstore
package raftstore

import (
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/raft"
)

func (s *peerStorage) Snapshot() (*eraftpb.Snapshot, error) {
	m := &s.maker
	if m.making || m.made != nil && m.made.Metadata.Index >= s.state.TruncatedIndex {
		return s.Snapshot_original()
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
	state, err := LoadRegionState(index, regionID)
	if err != nil {
		return nil, err
	}
	meta := &eraftpb.SnapshotMetadata{Index: state.AppliedIndex, Term: state.AppliedTerm, ConfState: confState(state.Region)}
	header, err := writeSnapshotFile(files, SnapshotName(state.Region.Id, meta), data, state.Region)
	if err != nil {
		return nil, err
	}
	encoded, err := proto.Marshal(header)
	return &eraftpb.Snapshot{Data: encoded, Metadata: meta}, err
}
