//go:build mutant

// Reads that wait when a snapshot has been installed are dropped: their
// questions are of another time.
//
//lab:mutant 2C kv/raftstore
package raftstore

import (
	"github.com/pingcap/errors"

	"github.com/labkv/labkv/kv/storage"
	"github.com/labkv/labkv/proto/raftserverpb"
)

func (p *peer) installed(state *raftserverpb.RegionState, err error) {
	if err != nil {
		p.store.stop(errors.Annotatef(err, "region %d: cannot install a snapshot", p.region().Id))
		return
	}
	p.installing = false
	p.storage.applied = state
	p.storage.resetLog(state.AppliedIndex, state.AppliedTerm)
	// The snapshot has the effects of these proposals, or has them not, but
	// it does not tell which.
	p.proposals.abandon(storage.ErrOutcomeUnknown)
	p.reads.asked = nil
	p.snapshots.setInstalling("")
}
