//go:build variant

// All of the log is in memory, from the start on, until Storage has compacted it.
// Entries that were compacted a moment ago can still be sent from there.
//
//lab:variant raft 2AA 2AB 2AC 2C 3A
package raft

import "github.com/pingcap/errors"

func newLog(storage Storage) *Log {
	l := newLog_original(storage)
	first := l.committed + 1
	for next := first; next <= l.stable; next = first + uint64(len(l.entries)) {
		entries, err := storage.Entries(next, l.stable+1, NoLimit)
		if err != nil {
			panic(errors.Annotate(err, "raft: cannot read the log"))
		}
		l.entries = append(l.entries, entries...)
	}
	l.offset = first
	l.bytes = sizeOf(l.entries)
	return l
}

func (r *Raft) forgetReplicated() {
	l := r.log
	for first := l.FirstIndex(); l.offset < first && l.offset <= l.stable; l.offset++ {
		l.bytes -= entrySize(l.entries[0])
		l.entries = l.entries[1:]
	}
	if len(l.entries) == 0 {
		l.entries = nil
	}
}
