//go:build mutant

// A command that comes to a peer which does not lead is dropped, as a message
// would be. Nobody sends it again.
//
//lab:mutant 2B kv/raftstore
package raftstore

func (p *peer) propose(commands []*Command) {
	var served []*Command
	for _, c := range commands {
		if p.check(c.Context, c.Writes) == nil {
			served = append(served, c)
		}
	}
	p.propose_original(served)
}
