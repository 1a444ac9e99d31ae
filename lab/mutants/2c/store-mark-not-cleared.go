//go:build mutant

// The mark that a snapshot is being installed stays. After a restart the peer
// wants to install it again, from a file that is gone.
//
//lab:mutant 2C kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

func (c *Config) installSnapshot(old *raftserverpb.RegionState, snapshot *eraftpb.Snapshot) (*raftserverpb.RegionState, error) {
	state, err := c.installSnapshot_original(old, snapshot)
	if err != nil {
		return nil, err
	}
	state.Restoring = snapshot
	var b engine.Batch
	put(&b, cfMeta, stateKey(state.Region.Id), state)
	return state, c.KVEngine.Write(&b, true)
}
