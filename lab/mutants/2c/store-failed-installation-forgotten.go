//go:build mutant

// The disk is full while a snapshot is being installed. The peer drops the
// snapshot and goes on, as if the leader would send it again: but half of the
// old data is gone.
//
//lab:mutant 2C kv/raftstore
package raftstore

import (
	"github.com/pingcap/errors"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/raftserverpb"
)

func (p *peer) installed(state *raftserverpb.RegionState, err error) {
	if errors.Cause(err) == engine.ErrDiskFull {
		p.logger.Error("cannot install a snapshot", "error", err)
		p.installing = false
		p.snapshots.setInstalling("")
		return
	}
	p.installed_original(state, err)
}
