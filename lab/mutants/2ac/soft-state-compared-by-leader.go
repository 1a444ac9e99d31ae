//go:build mutant

// A Ready has a soft state if another leader is known. A candidate that lost
// knows no leader before and after, so its application goes on taking it for a
// candidate.
//
//lab:mutant 2AC raft
package raft

func (rn *RawNode) HasReady() bool {
	rn.soft.RaftState = rn.raft.state
	return rn.HasReady_original()
}

func (rn *RawNode) Ready() Ready {
	if rn.soft.Lead == rn.raft.lead {
		rn.soft.RaftState = rn.raft.state
	}
	return rn.Ready_original()
}
