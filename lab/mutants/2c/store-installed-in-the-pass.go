//go:build mutant

// A snapshot is installed in the pass that takes its Ready. All regions of the
// store wait until the last key is written.
//
//lab:mutant 2C kv/raftstore
package raftstore

import "github.com/labkv/labkv/proto/eraftpb"

func (p *peer) install(snapshot *eraftpb.Snapshot) {
	p.installing = true
	p.snapshots.setInstalling(SnapshotName(p.region().Id, snapshot.Metadata))
	state, err := p.store.cfg.installSnapshot(p.storage.applied, snapshot)
	p.installed(state, err)
}
