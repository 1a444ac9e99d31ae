//go:build mutant

// A Ready holds the soft state only if the node's own role has changed. A
// follower that learns its leader stays a follower, so the application is never
// told the leader, or goes on with one that has been deposed.
//
//lab:mutant 2AC raft
package raft

func (rn *RawNode) Ready() Ready {
	before := rn.soft
	rd := rn.Ready_original()
	if rn.soft.RaftState == before.RaftState {
		rd.SoftState = nil
	}
	return rd
}
