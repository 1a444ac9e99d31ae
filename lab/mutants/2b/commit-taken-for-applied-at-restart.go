//go:build mutant

// A restarted peer takes what was committed for applied. But the last entries
// before a crash were applied without a sync: the data may have lost them, and
// no Ready brings these entries again.
//
//lab:mutant 2B kv/raftstore
package raftstore

import "github.com/labkv/labkv/raft"

func (p *peer) newNode() (*raft.RawNode, error) {
	hs, _, err := p.storage.InitialState()
	if err != nil {
		return nil, err
	}
	cfg, regionID := &p.store.cfg, p.region().Id
	return raft.NewRawNode(&raft.Config{
		ID:                       p.id,
		ElectionTick:             cfg.ElectionTicks,
		HeartbeatTick:            cfg.HeartbeatTicks,
		Storage:                  p.storage,
		Applied:                  hs.Commit,
		RandIntN:                 func(n int) int { return cfg.RandIntN(regionID, n) },
		MaxSizePerMsg:            1 << 20,
		MaxCommittedSizePerReady: 4 << 20,
		Logger:                   p.logger,
	})
}
