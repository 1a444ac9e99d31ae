//go:build mutant

// The index of a snapshot is written first, and then its data. After a crash in
// between the peer believes that it has them.
//
//lab:mutant 2C kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

func (c *Config) installSnapshot(old *raftserverpb.RegionState, snapshot *eraftpb.Snapshot) (*raftserverpb.RegionState, error) {
	header, err := ReadSnapshotHeader(snapshot)
	if err != nil {
		return nil, err
	}
	name := SnapshotName(header.Region.Id, snapshot.Metadata)
	if err := verifySnapshotFile(c.Files, name, header); err != nil {
		return nil, err
	}
	state, err := c.finishInstalling(header, snapshot.Metadata, old.PeerId)
	if err != nil {
		return nil, err
	}
	if err := c.clear(old.Region); err != nil {
		return nil, err
	}
	return state, readSnapshotFile(c.Files, name, c.KVEngine)
}
