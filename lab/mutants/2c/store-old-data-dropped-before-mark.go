//go:build mutant

// The old log and the old data are deleted, and only then is the installation
// of the snapshot recorded. After a crash in between the peer has neither.
//
//lab:mutant 2C kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

func (c *Config) markInstalling(old *raftserverpb.RegionState, snapshot *eraftpb.Snapshot) error {
	if err := c.clear(old.Region); err != nil {
		return err
	}
	return c.markInstalling_original(old, snapshot)
}
