//go:build mutant

// Advance notes the soft state as it is then for handed out. A change that came
// between Ready and Advance is never told: the application goes on taking the
// node for the leader.
//
//lab:mutant 2AC raft
package raft

func (rn *RawNode) Advance(rd Ready) {
	rn.Advance_original(rd)
	rn.soft = rn.raft.softState()
}
