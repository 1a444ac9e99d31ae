//go:build mutant

// A read is checked when it comes, and served without another look. After a
// split in between, the view lacks the keys of the right half.
//
//lab:mutant 3B kv/raftstore
package raftstore

func (p *peer) serve(r *Read) {
	snapshot, err := p.store.cfg.KVEngine.Snapshot()
	if err != nil {
		r.Done(nil, err)
		return
	}
	r.Done(&view{snapshot, p.region(), r.term}, nil)
}
