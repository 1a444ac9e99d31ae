//go:build mutant

// A new snapshot replaces the last one that was made, but the file of the last
// one stays. The disk fills up with snapshots that no store will ever get.
//
//lab:mutant 2C kv/raftstore
package raftstore

import "github.com/labkv/labkv/proto/eraftpb"

func (p *peer) snapshotMade(snapshot *eraftpb.Snapshot, err error) {
	p.snapshots.made = ""
	p.snapshotMade_original(snapshot, err)
}
