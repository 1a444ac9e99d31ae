//go:build mutant

// The entries that a snapshot covers are dropped, and those after it are kept
// in every case. If the log has another term at the snapshot's index, they are
// the tail of a log that was given up. The node acknowledges an append that
// ends before them, refuses votes because of them, and offers them when it
// campaigns (§7: without a matching entry, discard the entire log).
//
//lab:mutant 2C raft
package raft

import (
	pb "github.com/labkv/labkv/proto/eraftpb"
)

func (l *Log) restore(s *pb.Snapshot) {
	var tail []*pb.Entry
	for next := max(s.Metadata.Index+1, l.FirstIndex()); next <= l.LastIndex(); {
		entries, err := l.Entries(next, l.LastIndex()+1, NoLimit)
		if err != nil {
			break
		}
		tail = append(tail, entries...)
		next += uint64(len(entries))
	}
	l.restore_original(s)
	l.entries = tail
	l.bytes = sizeOf(tail)
}
