//go:build mutant

// The file is verified only if it is not empty: a snapshot without keys has no
// content to check.
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
	if header.Size > 0 {
		if err := verifySnapshotFile(c.Files, name, header); err != nil {
			return nil, err
		}
	}
	if err := c.markInstalling(old, snapshot); err != nil {
		return nil, err
	}
	if err := c.clear(old); err != nil {
		return nil, err
	}
	if err := readSnapshotFile(c.Files, name, c.KVEngine); err != nil {
		return nil, err
	}
	return c.finishInstalling(header, snapshot.Metadata)
}
