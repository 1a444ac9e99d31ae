//go:build mutant

// When a snapshot is installed, the proposal of its last entry is answered, and
// those before it count as replaced.
//
//lab:mutant 2C kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/storage"
	"github.com/labkv/labkv/proto/raftserverpb"
	"github.com/pingcap/errors"
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
	p.proposals.decide(state.AppliedIndex, state.AppliedTerm, storage.ErrOutcomeUnknown)
	p.snapshots.setInstalling("")
}
