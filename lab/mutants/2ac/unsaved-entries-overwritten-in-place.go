//go:build mutant

// A conflicting tail is cut off by shortening the slice, and the new entries are
// appended to it: they land in the array that the last Ready shares. While the
// application still saves that Ready, the entries change under its hands, and it
// writes a mixture of two logs. A slice must be cut with its capacity, or copied.
//
//lab:mutant 2AC raft
package raft

import (
	"fmt"

	pb "github.com/labkv/labkv/proto/eraftpb"
)

func (l *Log) append(entries ...*pb.Entry) {
	if len(entries) == 0 {
		return
	}
	at := entries[0].Index
	switch {
	case at <= l.committed:
		panic(fmt.Sprintf("raft: entry %d would replace a committed one, commit index is %d", at, l.committed))
	case at > l.LastIndex()+1:
		panic(fmt.Sprintf("raft: entry %d would leave a gap, the log ends at %d", at, l.LastIndex()))
	case at < l.offset:
		l.entries, l.offset, l.bytes = nil, at, 0
	case at <= l.LastIndex():
		l.bytes -= sizeOf(l.entries[at-l.offset:])
		l.entries = l.entries[:at-l.offset]
	}
	l.stable = min(l.stable, at-1)
	l.entries = append(l.entries, entries...)
	l.bytes += sizeOf(entries)
}
