//go:build mutant

// A snapshot that cannot be written to a file stops the store, as every failed
// write does.
//
//lab:mutant 2C kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/proto/eraftpb"
)

func (p *peer) snapshotMade(snapshot *eraftpb.Snapshot, err error) {
	m := &p.storage.maker
	m.making = false
	if err != nil {
		p.store.stop(err)
		return
	}
	m.made = snapshot
	p.snapshots.setMade(SnapshotName(p.region().Id, snapshot.Metadata))
}
