//go:build mutant

// Only the terms of the last entries are compared, not the lengths. A server
// that missed the last entries of the same term is elected, and removes them
// from the others although they were committed (§5.4.1: with the same last term
// the longer log is more up-to-date).
//
//lab:mutant 2AA raft
package raft

func (l *Log) isUpToDate(index, term uint64) bool {
	return term >= l.lastTerm()
}
