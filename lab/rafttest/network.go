package rafttest

import (
	"time"

	"github.com/labkv/labkv/lab/dice"
	pb "github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/raft"
)

// appendByReceiver appends msgs to sorted, which is empty: those to the same
// receiver together, in the order in which they were handed out, and the
// receivers ascending. In which order an implementation goes through its members
// thus makes no difference.
func appendByReceiver(sorted, msgs []*pb.Message) []*pb.Message {
	sorted = append(sorted, msgs...)
	for i := 1; i < len(sorted); i++ {
		for k := i; k > 0 && sorted[k-1].To > sorted[k].To; k-- {
			sorted[k-1], sorted[k] = sorted[k], sorted[k-1]
		}
	}
	return sorted
}

// send hands the messages of r to the network, which loses, delays, reorders and
// repeats them as the active faults say. Each receiver gets messages of its own.
func (w *world) send(r *replica, msgs []*pb.Message) {
	w.outbox = appendByReceiver(w.outbox[:0], msgs)
	for _, m := range w.outbox {
		w.checkPromise(r, m)
		if w.replica(m.To) != nil {
			w.route(r, m)
		}
	}
}

// route decides what becomes of one message.
func (w *world) route(r *replica, m *pb.Message) {
	if w.byHand != nil {
		w.byHand.sent(m)
		return
	}
	r.sent[m.To]++
	nth := r.sent[m.To]
	from, to := r.id, m.To
	if w.isLost(m, nth) {
		w.story.sent(w.now, m, false)
		w.log.message(m, nth, false, "lost")
		w.reached.add(goalMessageLost)
		if m.MsgType == pb.MessageType_MsgSnapshot {
			w.reached.add(goalSnapshotLost)
			w.reportSnapshot(from, to, 2*nth, false)
		} else if w.plan.setting.reports && w.dice.Roll(askLossReported, nth, from<<32|to)%4 == 0 {
			w.post(event{at: w.now + tick, kind: eventReportUnreachable, to: uint8(from), from: uint8(to), n: nth, incarnation: r.incarnation})
		}
		return
	}
	w.story.sent(w.now, m, true)
	w.log.message(m, nth, false, "sent")
	at := w.now + w.latency(from, to, 2*nth)
	w.post(event{at: at, kind: eventDeliver, to: uint8(to), from: uint8(from), n: 2 * nth, m: copyMessage(m)})
	// A node that forwards a proposal cannot know that the network repeats it.
	if m.MsgType != pb.MessageType_MsgPropose && w.isRepeated(m, nth) {
		w.reached.add(goalMessageRepeated)
		w.log.message(m, nth, true, "sent")
		at := w.now + w.latency(from, to, 2*nth+1)
		w.post(event{at: at, kind: eventDeliver, to: uint8(to), from: uint8(from), n: 2*nth + 1, m: copyMessage(m)})
	}
}

// isLost reports whether the nth message from its sender to its receiver gets
// lost.
func (w *world) isLost(m *pb.Message, nth uint64) bool {
	arrives := 1.0
	for i := range w.active {
		f := &w.active[i]
		switch f.kind {
		case lossyNetwork:
			arrives *= 1 - f.share
		case lossySnapshots:
			if m.MsgType == pb.MessageType_MsgSnapshot {
				arrives *= 1 - f.share
			}
		case splitNetwork:
			if f.side(m.From) != f.side(m.To) {
				return true
			}
		case bridgedNetwork:
			if f.side(m.From) != f.side(m.To) && m.From != f.node && m.To != f.node {
				return true
			}
		case isolatedNode:
			if m.From == f.node || m.To == f.node {
				return true
			}
		case deafNode:
			if m.To == f.node {
				return true
			}
		case muteNode:
			if m.From == f.node {
				return true
			}
		}
	}
	return arrives < 1 && w.dice.Chance(1-arrives, askLoss, nth, m.From<<32|m.To)
}

func (w *world) isRepeated(m *pb.Message, nth uint64) bool {
	for i := range w.active {
		f := &w.active[i]
		if f.kind == duplicatingNetwork || f.kind == lossySnapshots && m.MsgType == pb.MessageType_MsgSnapshot {
			if w.dice.Chance(f.share, askDuplicate, nth, m.From<<32|m.To) {
				return true
			}
		}
	}
	return false
}

// latency returns how long a message is on its way.
func (w *world) latency(from, to, nth uint64) time.Duration {
	const least = 200 * time.Microsecond
	took := dice.Scaled(w.dice.Roll(askNetworkLatency, nth, from<<32|to), least, w.plan.setting.latency)
	for i := range w.active {
		if f := &w.active[i]; f.kind == slowNetwork && w.dice.Chance(f.share, askDelay, nth, from<<32|to) {
			took += dice.Scaled(w.dice.Roll(askDelay, nth+1<<40, from<<32|to), 0, f.delay)
		}
	}
	return took
}

// reportSnapshot tells the sender of a snapshot, in a while, how it went.
func (w *world) reportSnapshot(sender, receiver, n uint64, arrived bool) {
	r := w.replica(sender)
	if r.node == nil {
		return
	}
	wait := dice.Scaled(w.dice.Roll(askSnapshotReport, n, sender<<32|receiver), time.Millisecond, 3*tick)
	w.post(event{at: w.now + wait, kind: eventReportSnapshot, to: uint8(sender), from: uint8(receiver), n: n, incarnation: r.incarnation, flag: arrived})
}

// deliver hands m to r, if it is up. n tells m from the other messages between
// its sender and r.
func (w *world) deliver(r *replica, m *pb.Message, n uint64) {
	if r.node == nil {
		w.log.message(m, n/2, n%2 != 0, "nobody there")
		if m.MsgType == pb.MessageType_MsgSnapshot {
			w.reportSnapshot(m.From, m.To, n, false)
		}
		return
	}
	w.digest = digest(w.digest, m)
	w.story.arrived(w.now, m)
	w.log.message(m, n/2, n%2 != 0, "arrives")
	if w.story.exchanges[m.From][m.To].times > maxRepeats {
		found, _ := w.story.endless()
		w.violate(violation{rule: comesToRest, node: m.To, found: found})
	}
	stale := m.Term < r.status.Term
	before := r.status
	w.acting = r.id
	_ = r.node.Step(m)
	if m.MsgType == pb.MessageType_MsgSnapshot {
		// The sender hears that it arrived even if the receiver crashes before
		// it has saved it.
		w.reportSnapshot(m.From, m.To, n, true)
		if m.Snapshot.GetMetadata().GetIndex() <= before.Commit {
			w.reached.add(goalStaleSnapshot)
		}
	}
	if stale && m.MsgType == pb.MessageType_MsgAppend {
		w.reached.add(goalStaleAppend)
	}
	w.work(r)
	if before.RaftState == raft.StateLeader && r.status.RaftState != raft.StateLeader && r.node != nil {
		w.reached.add(goalLeaderDeposed)
	}
}

// copyMessage returns a copy of m for its receiver. Data is shared.
func copyMessage(m *pb.Message) *pb.Message {
	c := &pb.Message{
		MsgType: m.MsgType, To: m.To, From: m.From, Term: m.Term, LogTerm: m.LogTerm, Index: m.Index,
		Commit: m.Commit, Snapshot: m.Snapshot, Reject: m.Reject, RejectHint: m.RejectHint, Context: m.Context,
	}
	if n := len(m.Entries); n > 0 {
		c.Entries = make([]*pb.Entry, n)
		space := make([]pb.Entry, n)
		for i, e := range m.Entries {
			to := &space[i]
			to.EntryType, to.Term, to.Index, to.Data = e.EntryType, e.Term, e.Index, e.Data
			c.Entries[i] = to
		}
	}
	return c
}

// digest adds m to h.
func digest(h uint64, m *pb.Message) uint64 {
	h = dice.Mix(h ^ uint64(m.MsgType) ^ m.From<<8 ^ m.To<<16 ^ m.Term<<32)
	h = dice.Mix(h ^ m.Index ^ m.LogTerm<<32)
	h = dice.Mix(h ^ m.Commit ^ m.RejectHint<<32)
	if m.Reject {
		h++
	}
	for _, e := range m.Entries {
		h = chainOf(h, e)
	}
	if meta := m.Snapshot.GetMetadata(); meta != nil {
		h = dice.Mix(h ^ meta.Index ^ meta.Term<<32)
		h = hash(h, m.Snapshot.Data)
	}
	return h
}
