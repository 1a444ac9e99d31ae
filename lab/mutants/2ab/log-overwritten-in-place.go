//go:build mutant

// The log cuts its tail by shortening the slice, and the next append writes
// over the same memory. A message on its way, or a batch that is being saved,
// still points there and changes its contents after it was made (the contract
// of Log: a slice that was handed out is never written to).
//
//lab:mutant 2AB raft
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
