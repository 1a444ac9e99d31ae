//go:build mutant

// Advance notes the index of the last entry that was saved and does not compare
// its term. If a new leader has replaced the entry while it was being saved, the
// old one is on disk and the new one counts as being there: it never gets there,
// and after a restart the log holds an entry that the node had already dropped.
//
//lab:mutant 2AC raft
package raft

func (l *Log) stableTo(index, term uint64) {
	l.stable = min(max(l.stable, index), l.LastIndex())
}
