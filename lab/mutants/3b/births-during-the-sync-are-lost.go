//go:build mutant

// When the sync before a birth has ended, the list of births is emptied: a split that
// was applied while the sync ran is forgotten.
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
			if err != nil {
				p.store.writeFailed(err)
				return
			}
			p.births = nil
			for _, b := range births {
				p.store.bear(b.state, b.size, b.leads)
			}
		}
	})
}
