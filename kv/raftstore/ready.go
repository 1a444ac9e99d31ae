package raftstore

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/raftserverpb"
	"github.com/labkv/labkv/raft"
)

// A task is a Ready on its way through passes. Usually one pass is enough; a
// task stays longer while its snapshot is being installed, and while a disk is
// full.
type task struct {
	rd raft.Ready

	// logState is the state of the log once rd is saved.
	logState *raftserverpb.RaftState
	// saved is true once rd is durable.
	saved bool

	// applied is the applied state once rd's entries are applied, and results
	// are what came of each of them.
	applied *raftserverpb.RegionState
	results []Result
	// answered is true once all of that is done and has been told. applying
	// is true while it is being written.
	answered, applying bool
}

// passSize is the number of peers that share a pass, and thus a sync, at most.
const passSize = 64

// Pass lets some of the peers that have something to do, do it, and reports
// whether there were any. It is what a simulator calls until nobody has
// anything left to do; Run calls it for a program.
func (s *Store) Pass() bool {
	peers := s.queue.take(nil, passSize)
	if len(peers) == 0 {
		return false
	}
	s.pass(peers)
	return true
}

// pass handles the events of peers, and then what their nodes want done: save,
// send, apply, in that order, as Raft demands. The peers share each write. Two
// things come before the save, because they do not depend on it and somebody waits
// for them: a leader's appends are sent, and what was saved in an earlier pass and
// is committed by now is applied.
func (s *Store) pass(peers []*peer) {
	s.passes.RLock()
	defer s.passes.RUnlock()
	defer s.queue.release(peers)
	busy := peers[:0:0] // with a task that can go on
	for _, p := range peers {
		before := p.task
		p.handleEvents()
		p.takeReady()
		if before == nil {
			p.removeUnused()
		}
		if p.task != nil && !p.restoring {
			busy = append(busy, p)
			p.sendAppends()
		}
	}
	if !s.applyAll(busy, (*peer).appliesFirst) {
		return
	}

	var log engine.Batch
	sync := false
	for _, p := range busy {
		p.save(&log)
		sync = sync || p.task.rd.MustSync && !p.task.saved
	}
	if !s.write(s.cfg.RaftEngine, &log, sync) {
		return
	}
	for _, p := range busy {
		p.saved()
	}

	if !s.applyAll(busy, func(*peer) bool { return true }) {
		return
	}
	for _, p := range busy {
		p.finish()
	}
}

// applyAll applies and answers the tasks of those peers for which it is time, with
// one write. It reports whether the pass may go on.
func (s *Store) applyAll(peers []*peer, time func(*peer) bool) bool {
	var data engine.Batch
	for _, p := range peers {
		// Set anew each time: a write that failed may have left it true.
		if p.task.applying = !p.task.answered && time(p); p.task.applying {
			p.apply(&data)
		}
	}
	if !s.write(s.cfg.KVEngine, &data, false) {
		return false
	}
	for _, p := range peers {
		if p.task.applying {
			p.task.applying, p.task.answered = false, true
			p.answer()
		}
	}
	return true
}

// appliesFirst reports whether the task can be applied before it is saved, and
// gains by it: clients wait for a leader, but not for a follower, whose leader waits
// for its save. What is applied must be in the log already, or it would be gone from
// there, but not from the data, after a crash.
func (p *peer) appliesFirst() bool {
	t := p.task
	if p.node.BasicStatus().RaftState != raft.StateLeader {
		return false
	}
	n := len(t.rd.CommittedEntries)
	return n == 0 || t.rd.CommittedEntries[n-1].Index <= p.storage.state.LastIndex
}

// sendAppends sends what a leader may send before its own log is synced (thesis
// §10.2.1): its entries, and that it is alive. Both promise nothing about its own
// disk. Answers to them come in a later pass, when the log is synced, so the
// leader's own copy is not counted before. Only the term must be durable, and its
// vote for itself, without which it could have become leader twice.
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

// write writes b, if there is anything in it, and reports whether the pass may
// go on. If the disk is full it may not, and what it wanted to write is tried
// again with the next tick. Any other error means that the store's state is not
// known any more: it stops.
func (s *Store) write(e engine.Engine, b *engine.Batch, sync bool) bool {
	if b.Len() == 0 {
		return true
	}
	if err := e.Write(b, sync); err != nil {
		s.writeFailed(err)
		return false
	}
	if s.diskFull.Load() && s.diskFull.Swap(false) {
		s.cfg.Logger.Info("the disk has room again")
	}
	return true
}

// takeReady makes the node's next Ready the peer's task, if there is none under
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

// save adds to b what the task's Ready wants saved.
//
//lab:implement 2B
func (p *peer) save(b *engine.Batch) {
	if !p.task.saved {
		p.task.logState = p.storage.save(b, &p.task.rd)
	}
}

// saved sends the task's messages: all that they promise is durable now.
//
//lab:implement 2B
func (p *peer) saved() {
	if !p.task.saved {
		p.task.saved = true
		p.storage.state = p.task.logState
		p.send(p.task.rd.Messages)
	}
}

// answer tells whoever waits for the task's effects: they are in the kv engine.
//
//lab:implement 2B
func (p *peer) answer() {
	t := p.task
	if t.applied != nil {
		p.storage.applied = t.applied
	}
	for i, e := range t.rd.CommittedEntries {
		p.proposals.decide(e.Index, e.Term, t.results[i])
	}
	p.serveReads(t.rd.ReadStates)
}

// finish ends the task: all of it is done.
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
