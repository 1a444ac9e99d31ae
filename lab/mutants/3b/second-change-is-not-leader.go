//go:build mutant

// Whenever Raft refuses a proposal, the answer is that the peer does not lead. A
// second change of the members is sent elsewhere, comes back at once, and so on.
//
//lab:mutant 3B kv/raftstore
package raftstore

func (p *peer) refusal(err error) error { return p.notLeader() }
