//go:build mutant

// A question takes a snapshot of the engine when it is asked, to have one in
// time. Reads that are served get views of their own; that first one is never
// closed.
//
//lab:mutant 2B kv/raftstore
package raftstore

func (p *peer) read(reads []*Read) {
	if _, err := p.store.cfg.KVEngine.Snapshot(); err != nil {
		for _, r := range reads {
			r.Done(nil, err)
		}
		return
	}
	p.read_original(reads)
}
