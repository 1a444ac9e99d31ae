package raft

import (
	pb "github.com/labkv/labkv/proto/eraftpb"
)

// campaign starts an election (§5.2): the node becomes candidate and asks every
// other member for its vote. A leader, and a node that is not a member, do not
// campaign. Nor does a node that has yet to apply a committed membership change
// (3A): it does not know whose votes count (thesis §4.1).
//
//lab:implement 2AA
func (r *Raft) campaign() {
	if r.state == StateLeader || r.progress(r.id) == nil || r.hasPendingConfChange() {
		return
	}
	r.becomeCandidate()
	last, term := r.log.LastIndex(), r.log.lastTerm()
	for _, p := range r.members {
		if p.ID != r.id {
			r.send(&pb.Message{MsgType: pb.MessageType_MsgRequestVote, To: p.ID, Index: last, LogTerm: term})
		}
	}
	r.countVote(r.id, true)
}

// hasPendingConfChange reports whether a membership change is committed here
// and not applied. Until it is, the node does not know whose votes count: a
// majority of the old members could elect it beside a majority of the new ones.
//
//lab:private
func (r *Raft) hasPendingConfChange() bool {
	for next := r.log.applied + 1; next <= r.log.committed; {
		entries, err := r.log.Entries(next, r.log.committed+1, r.maxSizePerMsg)
		if err != nil {
			return false // a snapshot waits: its membership is in effect
		}
		for _, e := range entries {
			if e.EntryType == pb.EntryType_EntryConfChange {
				return true
			}
		}
		next += uint64(len(entries))
	}
	return false
}

// handleVoteRequest grants m's sender the vote of this term, unless another
// candidate has it or the sender's log is not up-to-date (§5.2, §5.4.1).
//
//lab:implement 2AA
func (r *Raft) handleVoteRequest(m *pb.Message) {
	free := r.vote == None || r.vote == m.From
	grant := free && r.log.isUpToDate(m.Index, m.LogTerm)
	if grant {
		r.vote = m.From
		// The candidate gets the time to win and to send its heartbeat.
		r.electionElapsed = 0
	}
	r.send(&pb.Message{MsgType: pb.MessageType_MsgRequestVoteResponse, To: m.From, Reject: !grant})
}

// handleVoteResponse counts an answer to this term's campaign. It does not
// restart the election clock.
//
//lab:implement 2AA
func (r *Raft) handleVoteResponse(m *pb.Message) {
	if r.state == StateCandidate && r.progress(m.From) != nil {
		r.countVote(m.From, !m.Reject)
	}
}

// countVote notes a vote, and ends the election once a majority agrees: to
// lead with it, or to go back to following without it.
//
//lab:private
func (r *Raft) countVote(from uint64, granted bool) {
	if _, voted := r.votes[from]; !voted {
		r.votes[from] = granted
	}
	yes := 0
	for _, granted := range r.votes {
		if granted {
			yes++
		}
	}
	no := len(r.votes) - yes
	switch {
	case yes >= r.quorum():
		r.becomeLeader()
	case no >= r.quorum():
		r.becomeFollower(r.term, None)
	}
}

// broadcastHeartbeat sends every other member a heartbeat. It carries the
// commit index as far as the member is known to have the log, and not further:
// after that its log may differ (§5.3).
//
//lab:implement 2AA
func (r *Raft) broadcastHeartbeat() {
	for _, p := range r.members {
		if p.ID != r.id {
			r.send(&pb.Message{
				MsgType: pb.MessageType_MsgHeartbeat,
				To:      p.ID,
				Commit:  min(p.Match, r.log.committed),
				Context: r.readContext(),
			})
		}
	}
}

// handleHeartbeat answers a heartbeat, and commits what it says is committed.
//
//lab:implement 2AA
func (r *Raft) handleHeartbeat(m *pb.Message) {
	r.log.commitTo(m.Commit)
	r.send(&pb.Message{MsgType: pb.MessageType_MsgHeartbeatResponse, To: m.From, Context: m.Context})
}
