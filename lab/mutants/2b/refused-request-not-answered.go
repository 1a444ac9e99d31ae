//go:build mutant

// A request that comes to a peer which is not the leader is dropped, as a
// message would be. But requests are not sent again: the client waits.
//
//lab:mutant 2B kv/raftstore
package raftstore

func (p *peer) propose(writes []*Write) {
	var served []*Write
	for _, w := range writes {
		if p.check(w.context, w.low, w.high) == nil {
			served = append(served, w)
		}
	}
	p.propose_original(served)
}

func (p *peer) read(reads []*Read) {
	var served []*Read
	for _, r := range reads {
		if p.check(r.Context) == nil {
			served = append(served, r)
		}
	}
	p.read_original(served)
}
