//go:build mutant

// A snapshot with a smaller range, after which the keys that are not the region's any more stay
// its own: the region that has them can get no data here.
//
//lab:mutant 3B kv/raftstore
package raftstore

import (
	"github.com/pingcap/errors"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/storage"
	"github.com/labkv/labkv/proto/raftserverpb"
)

func (p *peer) installed(state *raftserverpb.RegionState, err error) {
	if errors.Cause(err) == engine.ErrDiskFull {
		p.installAgain = true
		p.store.writeFailed(err)
		return
	}
	if err != nil {
		p.store.stop(errors.Annotatef(err, "region %d: cannot install a snapshot", p.region().Id))
		return
	}
	p.installing, p.claimed = false, nil
	p.storage.applied = state
	p.senders, p.changed = nil, nil
	p.durableMembers = state.Region.RegionEpoch.GetConfVer()
	p.size = regionSize{measuring: p.size.measuring}
	p.storage.resetLog(state.AppliedIndex, state.AppliedTerm)
	// The snapshot has the effects of these proposals, or has them not, but
	// it does not tell which.
	p.proposals.abandon(storage.ErrOutcomeUnknown)
	p.snapshots.setInstalling("")
	p.logger.Info("installed snapshot", "index", state.AppliedIndex, "term", state.AppliedTerm)
}
