//go:build mutant

// The node is told at the start that all that was committed is applied. What
// the kv engine lost in the crash is never applied again.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/raft"
)

func (p *peer) newNode() (*raft.RawNode, error) {
	cfg, regionID := &p.store.cfg, p.region().Id
	return raft.NewRawNode(&raft.Config{
		ID:                       p.id,
		ElectionTick:             cfg.ElectionTicks,
		HeartbeatTick:            cfg.HeartbeatTicks,
		Storage:                  p.storage,
		Applied:                  max(p.appliedIndex(), p.storage.state.HardState.Commit),
		RandIntN:                 func(n int) int { return cfg.RandIntN(regionID, n) },
		MaxSizePerMsg:            1 << 20,
		MaxCommittedSizePerReady: 4 << 20,
		Logger:                   p.logger,
	})
}
