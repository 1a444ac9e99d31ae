//go:build mutant

// After the sync, all births that wait are borne, also those whose split was applied
// while the sync ran: nothing says that these are durable.
//
//lab:mutant 3B kv/raftstore
package raftstore

func (p *peer) bearHalves() {
	if len(p.births) == 0 || p.bearing {
		return
	}
	p.bearing = true
	kv := p.store.cfg.KVEngine
	p.inBackground(func() func(*peer) {
		err := kv.Sync()
		return func(p *peer) {
			p.bearing = false
			if err != nil {
				p.store.writeFailed(err)
				return
			}
			births := p.births
			p.births = nil
			for _, b := range births {
				p.store.bear(b.state, b.size, b.leads)
			}
		}
	})
}
