//go:build mutant

// The node has no limit on the committed entries of a Ready. A store that comes
// back after an absence takes its whole backlog into memory, and all regions
// wait until it has applied it.
//
//lab:mutant 2B kv/raftstore
package raftstore

import "github.com/labkv/labkv/raft"

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
