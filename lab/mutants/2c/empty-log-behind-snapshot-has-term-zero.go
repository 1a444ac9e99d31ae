//go:build mutant

// A log without entries has last term 0. That is right for a new node, but a
// log whose entries are all in a snapshot is not new: it ends with the term of
// the snapshot. The node votes for candidates whose logs lack what it has
// committed, and no server votes for it (§5.4.1).
//
//lab:mutant 2C raft
package raft

func (l *Log) lastTerm() uint64 {
	if l.LastIndex() < l.FirstIndex() {
		return 0
	}
	return l.lastTerm_original()
}
