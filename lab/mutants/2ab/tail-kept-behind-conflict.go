//go:build mutant

// A follower replaces the entries that conflict, one by one, and keeps what
// lies after the last new one. That tail follows entries which are gone; it
// belongs to no leader's log, but makes this one look long (§5.3, Figure 2: and
// all that follow it).
//
//lab:mutant 2AB raft
package raft

import (
	"slices"

	pb "github.com/labkv/labkv/proto/eraftpb"
)

func (r *Raft) handleAppend(m *pb.Message) {
	answer := &pb.Message{MsgType: pb.MessageType_MsgAppendResponse, To: m.From}
	switch {
	case m.Index < r.log.committed:
		answer.Index = r.log.committed

	case !r.log.matches(m.Index, m.LogTerm):
		hint, term := r.log.lastIndexOfTerm(min(m.Index, r.log.LastIndex()), m.LogTerm)
		answer.Reject = true
		answer.Index = m.Index
		answer.RejectHint = hint
		answer.LogTerm = term

	default:
		if at := r.log.findConflict(m.Entries); at != 0 {
			entries := slices.Clone(m.Entries[at-m.Entries[0].Index:])
			for next, last := entries[len(entries)-1].Index+1, r.log.LastIndex(); next <= last; {
				tail, err := r.log.Entries(next, last+1, NoLimit)
				if err != nil {
					panic(err)
				}
				entries = append(entries, tail...)
				next += uint64(len(tail))
			}
			r.log.append(entries...)
		}
		matched := m.Index + uint64(len(m.Entries))
		r.log.commitTo(min(m.Commit, matched))
		answer.Index = matched
	}
	r.send(answer)
}
