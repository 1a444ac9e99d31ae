//go:build mutant

// The node has no limit on the committed entries of a Ready, and the applier
// counts their operations but not their bytes. A backlog that is larger than
// the largest batch of the engine stops the store, again at each restart.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/raft"
)

func (p *peer) newNode() (*raft.RawNode, error) {
	cfg, regionID := &p.store.cfg, p.region().Id
	return raft.NewRawNode(&raft.Config{
		ID:            p.id,
		ElectionTick:  cfg.ElectionTicks,
		HeartbeatTick: cfg.HeartbeatTicks,
		Storage:       p.storage,
		Applied:       p.appliedIndex(),
		RandIntN:      func(n int) int { return cfg.RandIntN(regionID, n) },
		MaxSizePerMsg: 1 << 20,
		Logger:        p.logger,
	})
}

func (a *applier) add(e *eraftpb.Entry, ops []engine.Op, err error) {
	if !a.batch.Fits(len(ops)+1, 0) {
		a.cut()
	}
	a.batch.Append(ops...)
	a.state.AppliedIndex, a.state.AppliedTerm = e.Index, e.Term
	a.decided = append(a.decided, decision{index: e.Index, term: e.Term, err: err})
}
