//go:build mutant

// The node's applied index is read from a snapshot of the kv engine, which
// nothing closes: while the store runs, the engine can free nothing that was
// there when it started.
//
//lab:mutant 2B kv/raftstore
package raftstore

import "github.com/labkv/labkv/raft"

func (p *peer) newNode() (*raft.RawNode, error) {
	snapshot, err := p.store.cfg.KVEngine.Snapshot()
	if err != nil {
		return nil, err
	}
	if p.storage.applied, err = LoadRegionState(snapshot, p.region().Id); err != nil {
		return nil, err
	}
	return p.newNode_original()
}
