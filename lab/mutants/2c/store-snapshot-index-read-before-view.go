//go:build mutant

// A snapshot's index is that of the moment when it was asked for, and its data are
// those of the moment when they are written out. The data are newer than the index
// says, and entries are applied to them that they hold already.
//
//lab:mutant 2C kv/raftstore
package raftstore

import (
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
	if !m.making {
		m.making = true
		p, store, state := m.p, m.p.store, s.applied
		p.inBackground(func() func(*peer) {
			snapshot, err := snapshotAt(&store.cfg, state)
			return func(p *peer) { p.snapshotMade(snapshot, err) }
		})
	}
	return nil, raft.ErrSnapshotTemporarilyUnavailable
}

func snapshotAt(c *Config, state *raftserverpb.RegionState) (*eraftpb.Snapshot, error) {
	view, err := c.KVEngine.Snapshot()
	if err != nil {
		return nil, err
	}
	defer view.Close()
	meta := &eraftpb.SnapshotMetadata{Index: state.AppliedIndex, Term: state.AppliedTerm, ConfState: confState(state.Region)}
	header, err := writeSnapshotFile(c.Files, SnapshotName(state.Region.Id, meta), view, state.Region)
	if err != nil {
		return nil, err
	}
	bytes, err := proto.Marshal(header)
	if err != nil {
		return nil, err
	}
	return &eraftpb.Snapshot{Data: bytes, Metadata: meta}, nil
}
