package raftstore

import (
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/raftserverpb"
	"github.com/labkv/labkv/raft"
)

// A task is a Ready on its way through passes. It has two halves, and each is
// done once:
//
//	saved  applied
//	no     no       taken; it stays here while a snapshot is installed
//	no     yes      a leader has applied what an earlier task had saved
//	yes    no       entries and hard state are durable, messages are sent
//	yes    yes      done: the node is told, and may offer the next Ready
//
// One pass is enough for both halves, except while a snapshot is being
// installed or a disk is full. Then the task stays, and a later pass continues
// it.
type task struct {
	rd raft.Ready

	// logState is the state of the log once rd is saved.
	logState *raftserverpb.RaftState

	saved, applied bool
}

// takeReady makes the node's next Ready the peer's task, unless a task is under
// way.
//
//lab:implement 2B
func (p *peer) takeReady() {
	if p.task != nil || !p.node.HasReady() {
		return
	}
	p.task = &task{rd: p.node.Ready()}
	if !raft.IsEmptySnap(p.task.rd.Snapshot) {
		p.install(p.task.rd.Snapshot)
	}
}

// sendAppends sends what a leader may send before its own log is synced (thesis
// §10.2.1): its appends and heartbeats. Neither promises anything about its own
// disk. Answers come in a later pass, when the log is synced, so the leader's
// own copy is not counted before it is durable. Only the term must be durable,
// and with it the leader's vote for itself: without them it could win the same
// term twice.
func (p *peer) sendAppends() {
	t := p.task
	if hs, durable := t.rd.HardState, p.storage.state.HardState; t.saved ||
		p.node.BasicStatus().RaftState != raft.StateLeader ||
		hs != nil && (hs.Term != durable.Term || hs.Vote != durable.Vote) {
		return
	}
	var now, later []*eraftpb.Message
	for _, m := range t.rd.Messages {
		switch m.MsgType {
		case eraftpb.MessageType_MsgAppend, eraftpb.MessageType_MsgHeartbeat:
			now = append(now, m)
		default:
			later = append(later, m)
		}
	}
	p.send(now)
	t.rd.Messages = later
}

// appliesFirst reports whether the task can be applied before it is saved, and
// whether that helps: clients wait for a leader to apply, but a leader waits
// for a follower to save. Every entry that is applied must be in the log on
// disk already: otherwise a crash could take it from the log and leave it in
// the data.
func (p *peer) appliesFirst() bool {
	if p.node.BasicStatus().RaftState != raft.StateLeader {
		return false
	}
	entries := p.task.rd.CommittedEntries
	return len(entries) == 0 || entries[len(entries)-1].Index <= p.storage.state.LastIndex
}

// save adds to w what the task's Ready wants saved.
//
//lab:implement 2B
func (p *peer) save(w *writer) {
	p.task.logState = p.storage.save(w, &p.task.rd)
}

// saved sends the task's messages: all that they promise is durable now.
//
//lab:implement 2B
func (p *peer) saved() {
	p.storage.state = p.task.logState
	p.send(p.task.rd.Messages)
}

// finish ends the task: both of its halves are done.
//
//lab:implement 2B
func (p *peer) finish() {
	t := p.task
	p.task = nil
	p.node.Advance(t.rd)
	if p.node.HasReady() {
		p.store.queue.wake(p)
	}
}
