//go:build mutant

// The leader makes new log entries from the proposed data, with term and index,
// and does not copy their type. A membership change becomes an ordinary
// command: it is replicated and committed, and never put into effect.
//
//lab:mutant 3A raft
package raft

import (
	pb "github.com/labkv/labkv/proto/eraftpb"
)

func (r *Raft) appendEntries(entries ...*pb.Entry) {
	var toAppend []*pb.Entry
	for _, e := range entries {
		toAppend = append(toAppend, &pb.Entry{Data: e.Data})
	}
	r.appendEntries_original(toAppend...)
}
