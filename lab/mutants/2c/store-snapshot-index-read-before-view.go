//go:build mutant

// A snapshot's index is that of the moment when it was asked for, and its data
// are those of the moment when they are written to the file. The data are newer
// than the index says, and entries are applied to them that they hold already.
//
//lab:mutant 2C kv/raftstore
package raftstore

import (
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/raftserverpb"
	"github.com/labkv/labkv/raft"
)

func (s *peerStorage) Snapshot() (*eraftpb.Snapshot, error) {
	m := &s.maker
	if m.making || m.made != nil && m.made.Metadata.Index >= s.state.TruncatedIndex {
		return s.Snapshot_original()
	}
	m.making = true
	p, store, state := m.p, m.p.store, s.applied
	p.inBackground(func() func(*peer) {
		snapshot, err := snapshotAt(&store.cfg, state)
		return func(p *peer) { p.snapshotMade(snapshot, err) }
	})
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
	data, err := proto.Marshal(header)
	return &eraftpb.Snapshot{Data: data, Metadata: meta}, err
}
