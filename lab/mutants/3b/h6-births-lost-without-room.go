//go:build mutant

// A sync before the birth of a right half that fails: it is not tried again.
//
//lab:mutant 3B kv/raftstore
package raftstore

func (p *peer) bearHalves() {
	if len(p.births) == 0 || p.bearing {
		return
	}
	p.bearing = true
	births, kv := p.births, p.store.cfg.KVEngine
	p.inBackground(func() func(*peer) {
		err := kv.Sync()
		return func(p *peer) {
			p.bearing = false
			p.births = p.births[len(births):]
			if err != nil {
				p.store.writeFailed(err)
				return
			}
			for _, b := range births {
				p.store.bear(b.state, b.size, b.leads)
			}
			p.bearHalves()
		}
	})
}
