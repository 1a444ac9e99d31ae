//go:build mutant

// A snapshot's file is not compared with its checksum. A file that was damaged
// on its way replaces good data by bad.
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
	if err := c.markInstalling(old, snapshot); err != nil {
		return nil, err
	}
	if err := c.clear(old.Region); err != nil {
		return nil, err
	}
	if err := readSnapshotFile(c.Files, SnapshotName(header.Region.Id, snapshot.Metadata), c.KVEngine); err != nil {
		return nil, err
	}
	return c.finishInstalling(header, snapshot.Metadata, old.PeerId)
}
