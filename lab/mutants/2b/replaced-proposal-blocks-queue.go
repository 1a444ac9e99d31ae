//go:build mutant

// Only a proposal whose own entry is applied leaves the queue. A replaced one
// stays at the head forever, and the proposals after it are never answered.
//
//lab:mutant 2B kv/raftstore
package raftstore

func (ps *proposals) decide(index, term uint64, err error) {
	if len(ps.queue) > 0 && ps.queue[0].index == index && ps.queue[0].term == term {
		p := ps.queue[0]
		ps.queue = ps.queue[1:]
		p.done(err)
	}
}
