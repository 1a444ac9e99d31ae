//go:build mutant

// The voter compares the candidate's log with the part of its own that it knows
// to be committed. But the leader knows first what is committed: entries that a
// majority has, this voter among it, may be missing at the candidate that wins
// (§5.4.1: the last entry counts, committed or not).
//
//lab:mutant 2AA raft
package raft

func (l *Log) isUpToDate(index, term uint64) bool {
	last, err := l.Term(l.committed)
	if err != nil {
		panic(err)
	}
	return term > last || term == last && index >= l.committed
}
