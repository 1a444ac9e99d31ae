//go:build mutant

// HasReady finds out whether there is anything to send by sending it. The
// appends are made at the question, not when they leave: what is proposed after
// the question goes in another message, and a follower that is probed gets the
// rest an answer later. How often it asks is the affair of the application.
//
//lab:mutant 2AC raft
package raft

func (rn *RawNode) HasReady() bool {
	rn.raft.replicate()
	return rn.HasReady_original()
}
