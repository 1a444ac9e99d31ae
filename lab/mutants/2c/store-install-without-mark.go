//go:build mutant

// Nothing records that a snapshot is being installed. After a crash in the
// middle the data are a mixture, and the applied index is the old one.
//
//lab:mutant 2C kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

func (c *Config) markInstalling(old *raftserverpb.RegionState, snapshot *eraftpb.Snapshot) error {
	return nil
}
