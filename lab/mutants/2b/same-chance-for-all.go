//go:build mutant

// The node of every peer draws the same numbers. All campaign at the same moment,
// each votes for itself, and so it goes on.
//
//lab:mutant 2B kv/raftstore
package raftstore

import "github.com/labkv/labkv/raft"

func (p *peer) newNode() (*raft.RawNode, error) {
	cfg := &p.store.cfg
	return raft.NewRawNode(&raft.Config{
		ID:                       p.id,
		ElectionTick:             cfg.ElectionTicks,
		HeartbeatTick:            cfg.HeartbeatTicks,
		Storage:                  p.storage,
		Applied:                  p.applied(),
		RandIntN:                 func(n int) int { return n / 2 },
		MaxSizePerMsg:            1 << 20,
		MaxCommittedSizePerReady: 4 << 20,
		Logger:                   p.logger,
	})
}
