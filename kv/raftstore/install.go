package raftstore

import (
	"math"

	"github.com/pingcap/errors"
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/kv/storage"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

// install begins to replace the region's data by the content of a snapshot
// whose file the transport has received. The peer's task waits until that is
// done.
//
//lab:implement 2C
func (p *peer) install(snapshot *eraftpb.Snapshot) {
	p.installing = true
	p.snapshots.setInstalling(SnapshotName(p.region().Id, snapshot.Metadata))
	store, before := p.store, p.storage.applied
	p.inBackground(func() func(*peer) {
		state, err := store.cfg.installSnapshot(before, snapshot)
		return func(p *peer) { p.installed(state, err) }
	})
}

// installed makes the state of the snapshot the state of the peer, which then
// continues. If the disk was full, the data are neither the old nor the new
// ones, and the next tick repeats the installation. Any other error stops the
// store.
//
//lab:implement 2C
func (p *peer) installed(state *raftserverpb.RegionState, err error) {
	if errors.Cause(err) == engine.ErrDiskFull {
		p.installAgain = true
		p.store.writeFailed(err)
		return
	}
	if err != nil {
		p.store.stop(errors.Annotatef(err, "region %d: cannot install a snapshot", p.region().Id))
		return
	}
	p.installing, p.claimed = false, nil
	p.store.directory.moved(p.region(), state.Region)
	p.storage.applied = state
	p.senders, p.changed = nil, nil
	p.durableMembers = state.Region.RegionEpoch.GetConfVer()
	p.size = regionSize{measuring: p.size.measuring}
	p.storage.resetLog(state.AppliedIndex, state.AppliedTerm)
	// The snapshot has the effects of these proposals, or has them not, but
	// it does not tell which.
	p.proposals.abandon(storage.ErrOutcomeUnknown)
	p.snapshots.setInstalling("")
	p.logger.Info("installed snapshot", "index", state.AppliedIndex, "term", state.AppliedTerm)
}

// installSnapshot replaces the data and the log of a region by a snapshot whose
// file is complete, and returns the new applied state, durable. Once the mark
// is written, the old data and the old log are of no use: after a crash or an
// error at any point the installation is repeated. It touches no key and no log
// of another region.
//
//lab:implement 2C
func (c *Config) installSnapshot(old *raftserverpb.RegionState, snapshot *eraftpb.Snapshot) (*raftserverpb.RegionState, error) {
	header, err := ReadSnapshotHeader(snapshot)
	if err != nil {
		return nil, err
	}
	name := SnapshotName(header.Region.Id, snapshot.Metadata)
	if err := verifySnapshotFile(c.Files, name, header); err != nil {
		return nil, err
	}
	if err := c.markInstalling(old, snapshot); err != nil {
		return nil, err
	}
	// What is here of the region may reach further than the region does now, and a peer
	// that had no data may have some of an installation that was cut off.
	for _, r := range []*metapb.Region{old.Region, header.Region} {
		if err := c.clear(r); err != nil {
			return nil, err
		}
	}
	if err := readSnapshotFile(c.Files, name, c.KVEngine); err != nil {
		return nil, err
	}
	return c.finishInstalling(header, snapshot.Metadata, old.PeerId)
}

// markInstalling records, durably, that a snapshot is replacing the region:
// after a crash, Open installs it again.
//
//lab:private
func (c *Config) markInstalling(old *raftserverpb.RegionState, snapshot *eraftpb.Snapshot) error {
	var b engine.Batch
	mark := proto.CloneOf(old)
	mark.Restoring = snapshot
	put(&b, cfMeta, stateKey(mark.Region.Id), mark)
	return c.KVEngine.Write(&b, true)
}

// clear removes the log and the data of a region.
func (c *Config) clear(r *metapb.Region) error {
	if err := c.RaftEngine.DeleteRange(cfRaft, logRange(r.Id, 0, math.MaxUint64)); err != nil {
		return err
	}
	return c.clearData(r)
}

// clearData removes the data of a region, if there are any: without an epoch, r says
// nothing about its range.
func (c *Config) clearData(r *metapb.Region) error {
	if r.RegionEpoch == nil {
		return nil
	}
	for _, cf := range engine.Families {
		if err := c.KVEngine.DeleteRange(cf, region.Range(r)); err != nil {
			return err
		}
	}
	return nil
}

// finishInstalling removes the mark and records what is applied now, in one
// batch. The sync covers the data, too.
//
//lab:private
func (c *Config) finishInstalling(header *raftserverpb.SnapshotHeader, meta *eraftpb.SnapshotMetadata, peerID uint64) (*raftserverpb.RegionState, error) {
	state := &raftserverpb.RegionState{Region: header.Region, PeerId: peerID, AppliedIndex: meta.Index, AppliedTerm: meta.Term}
	var b engine.Batch
	put(&b, cfMeta, stateKey(header.Region.Id), state)
	return state, c.KVEngine.Write(&b, true)
}
