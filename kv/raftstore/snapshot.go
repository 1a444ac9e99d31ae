package raftstore

import (
	"fmt"
	"slices"

	"github.com/pingcap/errors"
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/storage"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/raftserverpb"
	"github.com/labkv/labkv/raft"
)

// A snapshotMaker makes the snapshots that a peer's leader sends to others.
type snapshotMaker struct {
	p *peer
	// made is the last one; its file exists.
	made *eraftpb.Snapshot
	// making is true while one is being made.
	making bool
}

// SnapshotName returns the name of the file of a region's snapshot at index.
func SnapshotName(regionID uint64, meta *eraftpb.SnapshotMetadata) string {
	return fmt.Sprintf("%d-%d-%d.snap", regionID, meta.Term, meta.Index)
}

// Snapshot implements raft.Storage. A snapshot is made in the background; until
// it is there, the caller is asked to come again.
//
//lab:implement 2C
func (s *peerStorage) Snapshot() (*eraftpb.Snapshot, error) {
	m := &s.snapshots
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
	return nil, raft.ErrSnapshotTemporarilyUnavailable
}

// snapshotMade takes over a snapshot and drops the one before it.
//
//lab:private
func (p *peer) snapshotMade(snapshot *eraftpb.Snapshot, err error) {
	m := &p.storage.snapshots
	m.making = false
	if err != nil {
		p.logger.Error("cannot make a snapshot", "error", err)
		return
	}
	if m.made != nil && m.made.Metadata.Index != snapshot.Metadata.Index {
		name := SnapshotName(p.region().Id, m.made.Metadata)
		if err := p.store.cfg.Files.Remove(name); err != nil {
			p.logger.Warn("cannot remove an old snapshot", "name", name, "error", err)
		}
	}
	m.made = snapshot
}

// inspectSnapshot looks whether the file of the last snapshot is still what was
// written, and if not, forgets the snapshot: nobody would ever accept it, and
// every further attempt would send the same.
func (p *peer) inspectSnapshot() {
	snapshot, files := p.storage.snapshots.made, p.store.cfg.Files
	if snapshot == nil {
		return
	}
	p.inBackground(func() func(*peer) {
		header := &raftserverpb.SnapshotHeader{}
		err := proto.Unmarshal(snapshot.Data, header)
		if err == nil {
			err = verifySnapshotFile(files, SnapshotName(header.Region.Id, snapshot.Metadata), header)
		}
		return func(p *peer) {
			if m := &p.storage.snapshots; err != nil && m.made == snapshot {
				p.logger.Warn("making a snapshot again", "reason", err)
				m.made = nil
				if err := files.Remove(SnapshotName(p.region().Id, snapshot.Metadata)); err != nil {
					p.logger.Warn("cannot remove a corrupt snapshot", "error", err)
				}
			}
		}
	})
}

// makeSnapshot writes the data of a region, as they are now, to a file, and
// returns what Raft is to send. It runs in the background.
//
//lab:implement 2C
func makeSnapshot(kv engine.Engine, files Files, regionID uint64) (*eraftpb.Snapshot, error) {
	// One snapshot of the engine holds the data and the index they belong to.
	view, err := kv.Snapshot()
	if err != nil {
		return nil, err
	}
	defer view.Close()
	state, err := LoadRegionState(view, regionID)
	if err != nil {
		return nil, err
	}
	meta := &eraftpb.SnapshotMetadata{
		Index:     state.AppliedIndex,
		Term:      state.AppliedTerm,
		ConfState: confState(state.Region),
	}
	header, err := writeSnapshotFile(files, SnapshotName(regionID, meta), view, state.Region)
	if err != nil {
		return nil, err
	}
	data, err := proto.Marshal(header)
	if err != nil {
		return nil, errors.Annotate(err, "cannot encode the snapshot's header")
	}
	return &eraftpb.Snapshot{Data: data, Metadata: meta}, nil
}

// install begins to replace the region's data by those of a snapshot whose file
// the transport has received. The peer does nothing else until that is done.
//
//lab:implement 2C
func (p *peer) install(snapshot *eraftpb.Snapshot) {
	p.restoring = true
	store, before := p.store, p.storage.applied
	p.inBackground(func() func(*peer) {
		state, err := store.cfg.restore(before, snapshot)
		return func(p *peer) { p.installed(state, err) }
	})
}

// installed goes on with the peer in the state that the snapshot brought.
//
//lab:implement 2C
func (p *peer) installed(state *raftserverpb.RegionState, err error) {
	if err != nil {
		p.store.stop(errors.Annotatef(err, "region %d: cannot install a snapshot", p.region().Id))
		return
	}
	p.restoring = false
	p.storage.applied = state
	p.storage.resetLog(state.AppliedIndex, state.AppliedTerm)
	p.proposals.abandon(Result{Err: storage.ErrOutcomeUnknown})
	if err := p.store.cfg.Files.Remove(SnapshotName(p.region().Id, p.task.rd.Snapshot.Metadata)); err != nil {
		p.logger.Warn("cannot remove an installed snapshot", "error", err)
	}
}

// removeUnused removes the files of received snapshots that Raft has no use for,
// because it had what is in them. Raft has seen all that came, and what it does
// want is the task.
//
//lab:implement 2C quiet
func (p *peer) removeUnused() {
	if len(p.received) == 0 {
		return
	}
	used := map[string]bool{}
	if made := p.storage.snapshots.made; made != nil {
		used[SnapshotName(p.region().Id, made.Metadata)] = true
	}
	if p.restoring {
		used[SnapshotName(p.region().Id, p.task.rd.Snapshot.Metadata)] = true
	}
	for _, name := range p.received {
		if used[name] {
			continue
		}
		if err := p.store.cfg.Files.Remove(name); err != nil {
			p.logger.Warn("cannot remove a snapshot that is of no use", "error", err)
		}
	}
	p.received = p.received[:0]
}

func confState(region *metapb.Region) *eraftpb.ConfState {
	cs := &eraftpb.ConfState{}
	for _, p := range region.Peers {
		cs.Nodes = append(cs.Nodes, p.Id)
	}
	slices.Sort(cs.Nodes)
	return cs
}
