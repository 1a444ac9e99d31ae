//go:build variant

// A rejection says no more than that: it names neither an index nor a hint. The
// leader goes back by one entry at each, also at a late one, but never to what the
// follower is known to have. That is Figure 2 word for word; anything faster is an
// optimization (the end of §5.3).
//
//lab:variant raft 2AB 2AC 2C 3A
package raft

import pb "github.com/labkv/labkv/proto/eraftpb"

func (r *Raft) handleAppend(m *pb.Message) {
	sent := len(r.msgs)
	r.handleAppend_original(m)
	if answer := r.msgs[sent]; answer.Reject {
		answer.Index, answer.RejectHint, answer.LogTerm = 0, 0, 0
	}
}

func (r *Raft) handleAppendResponse(p *Progress, m *pb.Message) {
	if !m.Reject {
		r.handleAppendResponse_original(p, m)
		return
	}
	switch {
	case p.State == StateSnapshot:
	case p.Next > p.Match+1:
		next := p.Next - 1
		p.probe()
		p.Next = next
	}
}

// CheckInvariants leaves out what the reference says of its own progress.
func (rn *RawNode) CheckInvariants() error {
	return rn.check(invariants[:len(invariants)-len(ownInvariants)])
}
