//go:build mutant

// The entries to apply are taken from those in memory, where new entries
// arrive. After a restart the log is in storage only: what was committed before
// the crash and not applied yet is jumped over, and the state machine of this
// node differs from the others forever.
//
//lab:mutant 2AC raft
package raft

import (
	pb "github.com/labkv/labkv/proto/eraftpb"
)

func (l *Log) hasNextCommitted() bool {
	return l.committed >= max(l.applied+1, l.offset) && l.snapshot == nil
}

func (l *Log) nextCommitted(maxSize uint64) []*pb.Entry {
	if !l.hasNextCommitted() {
		return nil
	}
	next := max(l.applied+1, l.offset)
	return limitSize(l.entries[next-l.offset:l.committed+1-l.offset], maxSize)
}
