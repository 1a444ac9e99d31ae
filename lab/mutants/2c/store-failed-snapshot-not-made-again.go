//go:build mutant

// A snapshot could not be made, because the disk was full. It still counts as
// being made, and no other is begun.
//
//lab:mutant 2C kv/raftstore
package raftstore

import "github.com/labkv/labkv/proto/eraftpb"

func (p *peer) snapshotMade(snapshot *eraftpb.Snapshot, err error) {
	if err != nil {
		p.logger.Error("cannot make a snapshot", "error", err)
		return
	}
	p.snapshotMade_original(snapshot, nil)
}
