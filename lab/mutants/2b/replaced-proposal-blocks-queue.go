//go:build mutant

// Only a proposal whose own entry is applied leaves the queue. One that was
// replaced stays at its head for ever, and nobody behind it is answered.
//
//lab:mutant 2B kv/raftstore
package raftstore

func (ps *proposals) decide(index, term uint64, result Result) {
	if len(ps.queue) > 0 && ps.queue[0].index == index && ps.queue[0].term == term {
		p := ps.queue[0]
		ps.queue = ps.queue[1:]
		p.done(result)
	}
}
