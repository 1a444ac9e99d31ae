package raft

import (
	"fmt"
	"slices"

	"github.com/pingcap/errors"

	pb "github.com/labkv/labkv/proto/eraftpb"
)

// propose appends entries to the leader's log, all together or, on an error,
// none. It returns ErrNotLeader if this node is not the leader,
// ErrLeaderTransfer while it hands over its leadership, and
// ErrConfChangePending for a membership change while an earlier one may not
// have been applied. The entries become the log's.
//
//lab:implement 2AB
func (r *Raft) propose(entries []*pb.Entry) error {
	switch {
	case r.state != StateLeader:
		return ErrNotLeader
	case r.leadTransferee != None:
		return ErrLeaderTransfer
	}
	pending := r.pendingConfIndex
	for i, e := range entries {
		if e.EntryType != pb.EntryType_EntryConfChange {
			continue
		}
		if pending > r.log.applied {
			return ErrConfChangePending
		}
		pending = r.log.LastIndex() + 1 + uint64(i)
	}
	r.pendingConfIndex = pending
	r.appendEntries(entries...)
	return nil
}

// appendEntries adds entries to the leader's own log, giving them their term
// and index. A group of one commits them at once.
//
//lab:implement 2AB quiet
func (r *Raft) appendEntries(entries ...*pb.Entry) {
	last := r.log.LastIndex()
	for i, e := range entries {
		e.Term = r.term
		e.Index = last + 1 + uint64(i)
	}
	r.log.append(entries...)
	if p := r.progress(r.id); p != nil {
		p.acknowledge(r.log.LastIndex())
		r.maybeCommit()
	}
}

// replicate sends every follower what it lacks: entries, or news of the commit
// index. It is called before messages leave. A node that is not the leader, or
// has nothing new to say, sends nothing.
//
//lab:implement 2AB quiet
func (r *Raft) replicate() {
	if r.state != StateLeader {
		return
	}
	for _, p := range r.members {
		if p.ID != r.id {
			for r.sendAppend(p) {
			}
		}
	}
}

// lacksAppends reports whether replicate would send something. It changes
// nothing.
//
//lab:private
func (r *Raft) lacksAppends() bool {
	return r.state == StateLeader && slices.ContainsFunc(r.members, func(p *Progress) bool {
		return p.ID != r.id && r.lacksAppend(p)
	})
}

// lacksAppend reports whether there is something to say to p: entries, a commit
// index that it has not been told, or a question where the logs agree.
//
//lab:private
func (r *Raft) lacksAppend(p *Progress) bool {
	if p.State == StateSnapshot || p.paused {
		return false
	}
	return p.nudge || r.lacksEntries(p) || p.commit < min(r.log.committed, p.Next-1)
}

// lacksEntries reports whether there are entries to send to p, and flow control
// allows it.
//
//lab:private
func (r *Raft) lacksEntries(p *Progress) bool {
	full := p.State == StateReplicate && p.inflight.len() >= r.maxInflight
	return p.Next <= r.log.LastIndex() && !full
}

// sendAppend sends p one append message, if there is something to say. It reports
// whether there may be more.
//
//lab:private
func (r *Raft) sendAppend(p *Progress) bool {
	if !r.lacksAppend(p) {
		return false
	}
	last, committed := r.log.LastIndex(), r.log.committed
	entriesToSend := r.lacksEntries(p)

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
	if entriesToSend && len(entries) == 0 {
		// Storage.Entries returns at least the first: p needs it to go on.
		panic(fmt.Sprintf("raft: Storage has entries [%d, %d), but hands out none of them", p.Next, last+1))
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

// handleAppend makes the log agree with the leader's, from the entry before m's
// first on, or says where the leader should try instead (§5.3). The commit index
// follows the leader's no further than m's last entry (Figure 2): what the log
// has after it was not compared.
//
//lab:implement 2AB
func (r *Raft) handleAppend(m *pb.Message) {
	answer := &pb.Message{MsgType: pb.MessageType_MsgAppendResponse, To: m.From}
	switch {
	case m.Index < r.log.committed:
		// What is committed is the same everywhere, and may be in a snapshot
		// already: there is nothing to compare.
		answer.Index = r.log.committed

	case !r.log.matches(m.Index, m.LogTerm):
		hint, term := r.log.lastIndexOfTerm(min(m.Index, r.log.LastIndex()), m.LogTerm)
		answer.Reject = true
		answer.Index = m.Index
		answer.RejectHint = hint
		answer.LogTerm = term

	default:
		if at := r.log.findConflict(m.Entries); at != 0 {
			r.log.append(m.Entries[at-m.Entries[0].Index:]...)
		}
		// Only up to here do the logs agree for certain.
		matched := m.Index + uint64(len(m.Entries))
		r.log.commitTo(min(m.Commit, matched))
		answer.Index = matched
	}
	r.send(answer)
}

// handleAppendResponse learns how far p's log agrees, and commits what has
// reached a majority; or, on a rejection, tries again further back (§5.3), so
// that the two come to an end whatever their logs are.
//
//lab:implement 2AB
func (r *Raft) handleAppendResponse(p *Progress, m *pb.Message) {
	if m.Reject {
		hint := m.RejectHint
		if m.LogTerm != 0 {
			// The follower has nothing of a later term than LogTerm before
			// hint: entries of later terms need not be tried.
			hint, _ = r.log.lastIndexOfTerm(hint, m.LogTerm)
		}
		p.reject(m.Index, hint)
		return
	}
	if m.Index > r.log.LastIndex() {
		return // it was never sent, so the answer is not of this group
	}
	news := p.acknowledge(m.Index)
	switch {
	case p.State == StateReplicate:
		p.inflight.answered(m.Index)
	case p.State == StateProbe && m.Index == p.Match,
		p.State == StateSnapshot && p.Match+1 >= r.log.FirstIndex():
		p.replicate()
	}
	if news {
		r.maybeCommit()
		r.maybeHandOver(p)
	}
}

// handleHeartbeatResponse goes on with a member that may have missed messages.
//
//lab:implement 2AB quiet
func (r *Raft) handleHeartbeatResponse(p *Progress) {
	p.paused = false
	if p.Match < r.log.LastIndex() {
		p.nudge = true
		if p.inflight.len() >= r.maxInflight {
			p.inflight.freeOne()
		}
	}
}

// maybeCommit raises the commit index to the highest entry that is on a
// majority, if that entry is of the current term: an earlier leader's entry is
// never committed by counting, only with an entry after it (§5.4.2, Figure 8).
// It reports whether the commit index changed.
//
//lab:implement 2AB
func (r *Raft) maybeCommit() bool {
	index := r.onMajority(func(p *Progress) uint64 { return p.Match })
	if index <= r.log.committed || !r.log.matches(index, r.term) {
		return false
	}
	return r.log.commitTo(index)
}

// onMajority returns the highest value that a majority of the members has
// reached, or 0 without members.
//
//lab:private
func (r *Raft) onMajority(value func(*Progress) uint64) uint64 {
	if len(r.members) == 0 {
		return 0
	}
	// On the stack for any usual group, sorted as they come: ascending.
	var space [7]uint64
	values := space[:0]
	for _, p := range r.members {
		v := value(p)
		i := len(values)
		values = append(values, v)
		for ; i > 0 && values[i-1] > v; i-- {
			values[i] = values[i-1]
		}
		values[i] = v
	}
	return values[len(values)-r.quorum()]
}

// handleUnreachable notes that messages to p got lost.
//
//lab:private
func (r *Raft) handleUnreachable(p *Progress) {
	if p.State == StateReplicate {
		p.probe()
	}
}
