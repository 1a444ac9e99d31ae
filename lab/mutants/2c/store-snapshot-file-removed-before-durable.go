//go:build mutant

// A snapshot's file is removed once it has been read. If a crash comes before
// the data are durable, it cannot be installed again.
//
//lab:mutant 2C kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

func (c *Config) finishInstalling(header *raftserverpb.SnapshotHeader, meta *eraftpb.SnapshotMetadata, peerID uint64) (*raftserverpb.RegionState, error) {
	if err := c.Files.Remove(SnapshotName(header.Region.Id, meta)); err != nil {
		return nil, err
	}
	return c.finishInstalling_original(header, meta, peerID)
}
