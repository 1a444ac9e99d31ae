//go:build mutant

// A leader serves reads from its own data at once. If it has been deposed
// without knowing it, they are old.
//
//lab:mutant 2B kv/raftstore
package raftstore

func (p *peer) read(reads []*Read) {
	for _, r := range reads {
		if err := p.check(r.Context); err != nil {
			r.Done(nil, err)
			continue
		}
		p.serve(r)
	}
}
