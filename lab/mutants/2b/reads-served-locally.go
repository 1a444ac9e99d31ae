//go:build mutant

// A leader serves reads from its own data at once. If it has been deposed without
// knowing it, they are old.
//
//lab:mutant 2B kv/raftstore
package raftstore

func (p *peer) read(commands []*Command) {
	for _, c := range commands {
		snapshot, err := p.store.cfg.KVEngine.Snapshot()
		c.Done(Result{Snapshot: snapshot, Err: err})
	}
}
