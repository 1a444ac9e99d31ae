package raftstore

import (
	"log/slog"
	"slices"

	"github.com/pingcap/errors"
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/raft"
)

// A snapshotMaker makes the snapshots that a peer's leader sends to others.
type snapshotMaker struct {
	p *peer
	// made is the last one that was made; its file exists. It is nil if
	// there is none.
	made *eraftpb.Snapshot
	// epoch is the epoch of the region in made. A peer that became a member later
	// would find that it is none, and one of a region that was split since has no use
	// for the keys of the other half.
	epoch *metapb.RegionEpoch
	// making is true while one is being made, inspecting while the file of
	// one is being read.
	making, inspecting bool
}

// Snapshot implements raft.Storage. A snapshot is made in the background; until
// it exists, the error is raft.ErrSnapshotTemporarilyUnavailable. The last one
// that was made is used again as long as the log continues it and the region is
// the same: a peer that was added since is no member in it, and the range from
// before a split is in the way of the right half.
//
//lab:implement 2C
func (s *peerStorage) Snapshot() (*eraftpb.Snapshot, error) {
	m := &s.maker
	if m.made != nil && m.made.Metadata.Index >= s.state.TruncatedIndex && proto.Equal(m.epoch, s.applied.Region.RegionEpoch) {
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

// snapshotMade replaces the last snapshot by a new one.
//
//lab:private
func (p *peer) snapshotMade(snapshot *eraftpb.Snapshot, err error) {
	m := &p.storage.maker
	m.making = false
	if err != nil {
		p.logger.Error("cannot make a snapshot", "error", err)
		return
	}
	header, err := ReadSnapshotHeader(snapshot)
	if err != nil {
		p.logger.Error("cannot make a snapshot", "error", err)
		return
	}
	m.made, m.epoch = snapshot, header.Region.RegionEpoch
	p.snapshots.setMade(SnapshotName(p.region().Id, snapshot.Metadata))
}

// inspectSnapshot checks that the file of the last snapshot still holds what
// was written. If it does not, the peer forgets the snapshot: no receiver would
// ever accept it, and every further attempt would send the same file.
func (p *peer) inspectSnapshot() {
	m := &p.storage.maker
	snapshot, files, regionID := m.made, p.store.cfg.Files, p.region().Id
	if snapshot == nil || m.inspecting {
		return
	}
	m.inspecting = true
	p.inBackground(func() func(*peer) {
		header, err := ReadSnapshotHeader(snapshot)
		if err == nil {
			err = verifySnapshotFile(files, SnapshotName(regionID, snapshot.Metadata), header)
		}
		return func(p *peer) {
			m.inspecting = false
			if err != nil && m.made == snapshot {
				p.logger.Warn("making a snapshot again", "reason", err)
				m.made = nil
				p.snapshots.setMade("")
			}
		}
	})
}

// makeSnapshot writes the data of a region, as they are now, to a file, and
// returns the snapshot that Raft sends. It runs in the background, and reads no
// key of another region.
//
//lab:implement 2C
func makeSnapshot(kv engine.Engine, files Files, regionID uint64) (*eraftpb.Snapshot, error) {
	// One snapshot of the engine holds the data and the index they belong
	// to.
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

func confState(region *metapb.Region) *eraftpb.ConfState {
	cs := &eraftpb.ConfState{}
	for _, p := range region.Peers {
		cs.Nodes = append(cs.Nodes, p.Id)
	}
	slices.Sort(cs.Nodes)
	return cs
}

// snapshotFiles are the snapshot files of one peer. It alone decides which of
// them are removed: a file stays while it is the last snapshot that was made,
// while it is being installed, and from its arrival until Raft has decided
// whether to install it. Several of these may be true of one file.
type snapshotFiles struct {
	files  Files
	logger *slog.Logger

	made       string // "" if there is none
	installing string // "" if there is none
	received   []string
}

// receive notes a file that the transport has received.
func (f *snapshotFiles) receive(name string) { f.received = append(f.received, name) }

// setMade notes which snapshot is the last that was made.
func (f *snapshotFiles) setMade(name string) {
	old := f.made
	f.made = name
	f.retire(old)
}

// setInstalling notes which snapshot is being installed.
func (f *snapshotFiles) setInstalling(name string) {
	old := f.installing
	f.installing = name
	f.retire(old)
}

// removeAll removes all files: the peer ends.
func (f *snapshotFiles) removeAll() {
	f.setMade("")
	f.setInstalling("")
	f.sweep()
}

// sweep removes the received files that Raft has no use for. Raft must have
// decided about all of them: it installs a snapshot with the next Ready or
// never.
func (f *snapshotFiles) sweep() {
	for _, name := range f.received {
		f.retire(name)
	}
	f.received = f.received[:0]
}

// retire removes a file unless it is in use.
func (f *snapshotFiles) retire(name string) {
	if name == "" || name == f.made || name == f.installing {
		return
	}
	if err := f.files.Remove(name); err != nil {
		f.logger.Warn("cannot remove a snapshot file", "name", name, "error", err)
	}
}
