package raft

import (
	"slices"

	"github.com/pingcap/errors"

	pb "github.com/labkv/labkv/proto/eraftpb"
)

// sendSnapshot sends p the snapshot, because the entries it lacks are gone (§7).
// If storage has none ready yet, p waits: its answer to the next heartbeat makes
// the leader try again.
//
//lab:implement 2C
func (r *Raft) sendSnapshot(p *Progress) {
	snapshot, err := r.log.snapshotToSend()
	if errors.Cause(err) == ErrSnapshotTemporarilyUnavailable {
		p.probe()
		p.paused = true
		return
	}
	if err != nil {
		panic(errors.Annotate(err, "raft: cannot read the snapshot"))
	}
	index := snapshot.Metadata.Index
	r.send(&pb.Message{MsgType: pb.MessageType_MsgSnapshot, To: p.ID, Snapshot: snapshot})
	p.awaitSnapshot(index)
	r.logger.Debug("sent snapshot", "to", p.ID, "index", index)
}

//lab:private
func (l *Log) snapshotToSend() (*pb.Snapshot, error) {
	if l.snapshot != nil {
		return l.snapshot, nil
	}
	return l.storage.Snapshot()
}

// handleSnapshot replaces log and membership by the leader's snapshot, unless
// everything in it is known already (§7). The answer says up to where the log
// now agrees. A snapshot in which this node is not a member may be ignored, or
// installed like any other.
//
//lab:implement 2C
func (r *Raft) handleSnapshot(m *pb.Message) {
	if !r.restore(m.Snapshot) {
		return
	}
	r.send(&pb.Message{MsgType: pb.MessageType_MsgAppendResponse, To: m.From, Index: r.log.committed})
}

// restore installs s, if it brings anything new. It reports false if this
// node is not a member in s. That gets no answer: it would only make the leader
// send the same again at once.
//
//lab:private
func (r *Raft) restore(s *pb.Snapshot) bool {
	meta := s.GetMetadata()
	index := meta.GetIndex()
	if index <= r.log.committed {
		return true
	}
	if r.log.matches(index, meta.GetTerm()) {
		// The log has it all, and more: only the commit index is news.
		r.log.commitTo(index)
		return true
	}
	nodes := meta.GetConfState().GetNodes()
	if !slices.Contains(nodes, r.id) {
		// From after this node's removal, or from before it was added.
		r.logger.Warn("ignored a snapshot without this node", "index", index, "nodes", nodes)
		return false
	}
	r.log.restore(s)
	r.setMembers(nodes)
	r.logger.Info("took over a snapshot, which is to be installed", "index", index, "term", meta.GetTerm())
	return true
}

// handleSnapStatus learns what became of the snapshot under way to p. If it
// failed, p is probed where it was, which sends the snapshot again. If it
// arrived, p is probed after it. Both wait for p's next answer.
//
//lab:implement 2C
func (r *Raft) handleSnapStatus(p *Progress, m *pb.Message) {
	if p.State != StateSnapshot {
		return
	}
	if m.Reject {
		p.snapshot = 0
	}
	p.probe()
	p.paused = true
}
