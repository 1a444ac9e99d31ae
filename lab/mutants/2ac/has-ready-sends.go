//go:build mutant

// HasReady finds out whether there is anything to send by sending it. The appends
// are made when somebody asks, not when they leave: what is proposed after the
// question goes in another message, and a follower that is probed gets the rest an
// answer later. How often an application asks, it believes to be its own affair.
//
//lab:mutant 2AC raft
package raft

func (rn *RawNode) HasReady() bool {
	rn.raft.replicate()
	return rn.HasReady_original()
}
