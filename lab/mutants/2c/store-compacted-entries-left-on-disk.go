//go:build mutant

// Compaction moves the beginning of the log, and deletes nothing: the disk
// fills.
//
//lab:mutant 2C kv/raftstore
package raftstore

func (p *peer) deleteEntries(index uint64) { p.compaction.deleted = index }
