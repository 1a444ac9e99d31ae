//go:build mutant

// The commit index travels only with new entries: an append is sent when there
// are some, and heartbeats carry none. The last entry of every burst is
// committed at the leader and applied nowhere else until a client proposes
// again (§5.3: followers learn the commit index from later AppendEntries,
// heartbeats among them).
//
//lab:mutant 2AB raft
package raft

import (
	"github.com/pingcap/errors"

	pb "github.com/labkv/labkv/proto/eraftpb"
)

func (r *Raft) sendAppend(p *Progress) bool {
	if p.State == StateSnapshot || p.paused {
		return false
	}
	last, committed := r.log.LastIndex(), r.log.committed
	full := p.State == StateReplicate && p.inflight.len() >= r.maxInflight
	entriesToSend := p.Next <= last && !full
	if !entriesToSend && !p.nudge {
		return false
	}

	prevTerm, err := r.log.Term(p.Next - 1)
	var entries []*pb.Entry
	if err == nil && entriesToSend {
		entries, err = r.log.Entries(p.Next, last+1, r.maxSizePerMsg)
	}
	if errors.Cause(err) == ErrCompacted {
		r.sendSnapshot(p)
		return false
	}
	if err != nil {
		panic(errors.Annotatef(err, "raft: entries from %d on cannot be read", p.Next))
	}
	r.send(&pb.Message{
		MsgType: pb.MessageType_MsgAppend,
		To:      p.ID,
		Index:   p.Next - 1,
		LogTerm: prevTerm,
		Entries: entries,
		Commit:  committed,
	})
	p.sent(len(entries), committed)
	return p.Next <= last
}

func (r *Raft) broadcastHeartbeat() {
	for _, p := range r.members {
		if p.ID != r.id {
			r.send(&pb.Message{
				MsgType: pb.MessageType_MsgHeartbeat,
				To:      p.ID,
			})
		}
	}
}
