//go:build mutant

// The peer takes over the new state of its log when it has filled the batch,
// before the batch is written. If the disk is full, the next pass compares with
// what is not there, and leaves the conflicting tail on the disk.
//
//lab:mutant 2B kv/raftstore
package raftstore

func (p *peer) save(w *writer) {
	p.save_original(w)
	p.storage.state = p.task.logState
}
