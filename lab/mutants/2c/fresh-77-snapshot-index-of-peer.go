//go:build mutant

// The index of a snapshot is the one that was applied when it was asked for,
// its data are those of the moment when it is made.
//
//lab:mutant 2C kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/raftserverpb"
	"github.com/labkv/labkv/raft"
	"github.com/pingcap/errors"
	"google.golang.org/protobuf/proto"
)

func (s *peerStorage) Snapshot() (*eraftpb.Snapshot, error) {
	m := &s.maker
	if m.made != nil && m.made.Metadata.Index >= s.state.TruncatedIndex {
		return m.made, nil
	}
	if !m.making {
		m.making = true
		p, store, applied := m.p, m.p.store, s.applied
		p.inBackground(func() func(*peer) {
			snapshot, err := makeSnapshotAt(store.cfg.KVEngine, store.cfg.Files, applied)
			return func(p *peer) { p.snapshotMade(snapshot, err) }
		})
	}
	return nil, raft.ErrSnapshotTemporarilyUnavailable
}

func makeSnapshotAt(kv engine.Engine, files Files, state *raftserverpb.RegionState) (*eraftpb.Snapshot, error) {
	view, err := kv.Snapshot()
	if err != nil {
		return nil, err
	}
	defer view.Close()
	meta := &eraftpb.SnapshotMetadata{
		Index:     state.AppliedIndex,
		Term:      state.AppliedTerm,
		ConfState: confState(state.Region),
	}
	header, err := writeSnapshotFile(files, SnapshotName(state.Region.Id, meta), view, state.Region)
	if err != nil {
		return nil, err
	}
	data, err := proto.Marshal(header)
	if err != nil {
		return nil, errors.Annotate(err, "cannot encode the snapshot's header")
	}
	return &eraftpb.Snapshot{Data: data, Metadata: meta}, nil
}
