//go:build mutant

// Entries without data, which a new leader appends, are kept from the
// application, since there is nothing in them to apply. But the application
// counts its applied index by what it gets: it never learns that the index has
// moved, cannot compact up to there, and a client that waits for that index to
// be applied waits in vain.
//
//lab:mutant 2AC raft
package raft

import (
	"github.com/pingcap/errors"

	pb "github.com/labkv/labkv/proto/eraftpb"
)

func (l *Log) hasNextCommitted() bool { return len(l.nextCommitted(NoLimit)) > 0 }

func (l *Log) nextCommitted(maxSize uint64) []*pb.Entry {
	if l.committed <= l.applied || l.snapshot != nil {
		return nil
	}
	entries, err := l.Entries(l.applied+1, l.committed+1, maxSize)
	if err != nil {
		panic(errors.Annotatef(err, "raft: committed entries from %d on cannot be read", l.applied+1))
	}
	var toApply []*pb.Entry
	for _, e := range entries {
		if len(e.Data) > 0 {
			toApply = append(toApply, e)
		}
	}
	return toApply
}
