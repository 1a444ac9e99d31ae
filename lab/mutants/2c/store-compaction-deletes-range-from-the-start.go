//go:build mutant

// Each compaction deletes the range from the first entry that ever was. An
// engine on disk finds the traces of all earlier deletions there, and passes
// over them again each time.
//
//lab:mutant 2C kv/raftstore
package raftstore

func (p *peer) deleteEntries(index uint64) {
	p.compaction.deleted = 0
	p.deleteEntries_original(index)
}
