//go:build mutant

// Messages are sent while the log is being saved. A crash before the write
// makes the peer forget what they promise: a vote, or that entries are there.
//
//lab:mutant 2B kv/raftstore
package raftstore

func (p *peer) save(w *writer) {
	p.save_original(w)
	p.send(p.task.rd.Messages)
	p.task.rd.Messages = nil
}
