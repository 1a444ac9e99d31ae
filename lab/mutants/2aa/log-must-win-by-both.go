//go:build mutant

// A candidate's log must be at least as long and its last term at least as
// high. After Figure 7 there are groups in which the only possible leader has a
// shorter log than some follower with entries that are not needed: it never
// gets that vote, and where it needs it, the group stays without a leader
// (§5.4.1).
//
//lab:mutant 2AA raft
package raft

func (l *Log) isUpToDate(index, term uint64) bool {
	return term >= l.lastTerm() && index >= l.LastIndex()
}
