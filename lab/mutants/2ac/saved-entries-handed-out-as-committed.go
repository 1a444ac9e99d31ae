//go:build mutant

// "Stable" is taken for "committed": an entry is handed out to be applied as soon
// as it is on this node's own disk. It may be on no other, and a later leader may
// replace it when it has long been applied here (§5.3: an entry is committed once
// it is on a majority; §5.4.3, State Machine Safety).
//
//lab:mutant 2AC raft
package raft

import (
	"github.com/pingcap/errors"

	pb "github.com/labkv/labkv/proto/eraftpb"
)

func (l *Log) hasNextCommitted() bool {
	return l.stable > l.applied && l.snapshot == nil
}

func (l *Log) nextCommitted(maxSize uint64) []*pb.Entry {
	if !l.hasNextCommitted() {
		return nil
	}
	entries, err := l.Entries(l.applied+1, l.stable+1, maxSize)
	if err != nil {
		panic(errors.Annotatef(err, "raft: entries from %d on cannot be read", l.applied+1))
	}
	return entries
}

func (l *Log) appliedTo(index uint64) {
	l.applied = max(l.applied, index)
}
