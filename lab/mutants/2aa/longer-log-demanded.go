//go:build mutant

// Only a log that is longer than one's own gets a vote; one that is equal does
// not. In a group whose logs are all the same no server can be elected (§5.4.1:
// at least as up-to-date).
//
//lab:mutant 2AA raft
package raft

func (l *Log) isUpToDate(index, term uint64) bool {
	last := l.lastTerm()
	return term > last || term == last && index > l.LastIndex()
}
