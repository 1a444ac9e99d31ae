//go:build mutant

// A snapshot that is outdated when it is ready is thrown away, and none is made
// after that.
//
//lab:mutant 2C kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/proto/eraftpb"
)

func (p *peer) snapshotMade(snapshot *eraftpb.Snapshot, err error) {
	m := &p.storage.maker
	if err == nil && snapshot.Metadata.Index < p.storage.state.TruncatedIndex {
		_ = p.store.cfg.Files.Remove(SnapshotName(p.region().Id, snapshot.Metadata))
		return
	}
	m.making = false
	if err != nil {
		p.logger.Error("cannot make a snapshot", "error", err)
		return
	}
	m.made = snapshot
	p.snapshots.setMade(SnapshotName(p.region().Id, snapshot.Metadata))
}
