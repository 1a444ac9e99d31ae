//go:build mutant

// A restarted server begins with an empty log although its storage holds
// entries. It votes for candidates that lack committed entries, and can be
// elected by others which do the same (§5.4.1; Figure 2: log[] is persistent
// state).
//
//lab:mutant 2AA raft
package raft

func newLog(storage Storage) *Log {
	first, err := storage.FirstIndex()
	if err != nil {
		panic(err)
	}
	return &Log{
		storage:   storage,
		committed: first - 1,
		applied:   first - 1,
		stable:    first - 1,
		offset:    first,
	}
}
