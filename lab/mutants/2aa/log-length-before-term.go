//go:build mutant

// Logs are compared by length first, and by last term only if they are equally
// long. A server that collected many uncommitted entries beats one that has the
// committed entries of a later term (§5.4.1 and Figure 8: the later last term
// wins, whatever the lengths).
//
//lab:mutant 2AA raft
package raft

func (l *Log) isUpToDate(index, term uint64) bool {
	last := l.LastIndex()
	return index > last || index == last && term >= l.lastTerm()
}
