//go:build mutant

// A read is answered with a snapshot of the engine. It also shows the keys of
// other regions, which this peer knows nothing certain about.
//
//lab:mutant 2B kv/raftstore
package raftstore

func (p *peer) serve(r *Read) {
	snapshot, err := p.store.cfg.KVEngine.Snapshot()
	r.Done(snapshot, err)
}
