//go:build mutant

// The entries to apply are asked for with the commit index as the end of a
// range whose end is not part of it. The last committed entry waits until
// another one is committed after it, and a client that waits for its answer
// before it sends the next command waits forever.
//
//lab:mutant 2AC raft
package raft

import (
	"github.com/pingcap/errors"

	pb "github.com/labkv/labkv/proto/eraftpb"
)

func (l *Log) hasNextCommitted() bool {
	return l.committed > l.applied+1 && l.snapshot == nil
}

func (l *Log) nextCommitted(maxSize uint64) []*pb.Entry {
	if !l.hasNextCommitted() {
		return nil
	}
	entries, err := l.Entries(l.applied+1, l.committed, maxSize)
	if err != nil {
		panic(errors.Annotatef(err, "raft: committed entries from %d on cannot be read", l.applied+1))
	}
	return entries
}
