//go:build mutant

// The disk is full while a snapshot is being installed. The store goes on, as it
// should, but never tries again: the peer waits for the end of an installation
// that nothing continues.
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
		return
	}
	p.installed_original(state, err)
}
