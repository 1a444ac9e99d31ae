//go:build mutant

// A compaction deletes everything before its index: the logs of the regions
// with smaller ids go, too.
//
//lab:mutant 2C kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/engine"
)

func (p *peer) deleteEntries(index uint64) {
	p.compaction.running = true
	raft, r := p.storage.engine, engine.Range{Start: logKey(0, 0), End: logKey(p.storage.regionID, index+1)}
	p.inBackground(func() func(*peer) {
		err := raft.DeleteRange(cfRaft, r)
		return func(p *peer) {
			p.compaction.running = false
			if err != nil {
				p.store.writeFailed(err)
				return
			}
			p.compaction.deleted = index
		}
	})
}
