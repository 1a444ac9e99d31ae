//go:build mutant

// At a start the entries are read from storage into memory like entries that
// have just been appended, and the mark of what is saved is not moved after
// them. The first Ready asks the application to save its whole log again.
//
//lab:mutant 2AC raft
package raft

import (
	"github.com/pingcap/errors"
)

func newLog(storage Storage) *Log {
	l := newLog_original(storage)
	first := l.FirstIndex()
	if l.LastIndex() < first {
		return l
	}
	entries, err := storage.Entries(first, l.LastIndex()+1, NoLimit)
	if err != nil {
		panic(errors.Annotate(err, "raft: cannot read the log"))
	}
	l.entries = entries
	l.bytes = sizeOf(entries)
	l.offset = first
	l.stable = first - 1
	return l
}
