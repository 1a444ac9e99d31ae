//go:build mutant

// The entry before the first in the log is taken for missing, because it is in
// the snapshot. But an append that continues there names exactly that entry:
// its index and term must be remembered with the snapshot (§7). Without them
// the follower rejects whatever comes after the snapshot, and gets the same
// snapshot again instead.
//
//lab:mutant 2C raft
package raft

func (l *Log) matches(index, term uint64) bool {
	if index > 0 && index < l.FirstIndex() {
		return false
	}
	return l.matches_original(index, term)
}
