//go:build mutant

// A snapshot with a smaller range that replaces what is in that range. What the region had
// beside it stays.
//
//lab:mutant 3B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/metapb"
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
	if err := c.markInstalling(old, snapshot); err != nil {
		return nil, err
	}
	// What is here of the region may reach further than the region does now, and a peer
	// that had no data may have some of an installation that was cut off.
	for _, r := range []*metapb.Region{header.Region} {
		if err := c.clear(r); err != nil {
			return nil, err
		}
	}
	if err := readSnapshotFile(c.Files, name, c.KVEngine); err != nil {
		return nil, err
	}
	return c.finishInstalling(header, snapshot.Metadata, old.PeerId)
}
