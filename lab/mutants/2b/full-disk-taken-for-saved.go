//go:build mutant

// A Ready counts as saved once its batch is filled. If the disk is full, the
// batch never arrives there, and the next pass goes on as if it had.
//
//lab:mutant 2B kv/raftstore
package raftstore

func (p *peer) save(w *writer) {
	p.save_original(w)
	p.task.saved = true
}
