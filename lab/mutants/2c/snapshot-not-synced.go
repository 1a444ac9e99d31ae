//go:build mutant

// MustSync looks at term, vote and entries, and not at the snapshot: it only holds
// what is committed elsewhere anyway. But the node acknowledges it in the same
// Ready. If a crash loses it, the leader counts on entries that the follower no
// longer has, and believes that the rest of the log may follow.
//
//lab:mutant 2C raft
package raft

func (rn *RawNode) Ready() Ready {
	before := rn.hard
	rd := rn.Ready_original()
	rd.MustSync = rn.hard.term != before.term || rn.hard.vote != before.vote || len(rd.Entries) > 0
	return rd
}
