//go:build mutant

// At a restart everything that is in the log counts as committed: it was saved,
// after all. The end of the log may hold entries that no majority ever had. The
// node applies them, and the next leader replaces them by others (§5.3).
//
//lab:mutant 2AC raft
package raft

func newLog(storage Storage) *Log {
	l := newLog_original(storage)
	l.committed = l.LastIndex()
	return l
}
