package rafttest

import (
	"fmt"
	"slices"
	"time"

	"github.com/labkv/labkv/lab/dice"
	"github.com/labkv/labkv/lab/trace"
	"github.com/labkv/labkv/raft"

	pb "github.com/labkv/labkv/proto/eraftpb"
)

// A replica is a node with its disk and the application that drives it.
type replica struct {
	id   uint64
	disk *Disk

	// node is nil while the replica is down. incarnation counts its starts.
	node        RawNode
	incarnation uint32

	// retired replicas were removed from the group, and are down for good.
	retired bool

	// status is what the node said last, and told what the log of the run has of it.
	status raft.Status
	told   trace.Event

	app machine

	// log is what is on the disk, durable what of it would survive a crash.
	log, durable ledger

	// changes are the indexes in log of membership changes, ascending.
	changes []uint64

	// hand is the Ready that is being handled, or nil. readies counts them, and
	// stage is what to do next with it.
	hand    *handful
	readies uint64
	stage   stage

	// doom is where in the handling of a Ready a crash is to happen, or
	// crashIdle. It is the Ready doomedReady, or any if that is 0.
	doom        crashPoint
	doomedReady uint64

	// pace is the time between two ticks.
	pace        time.Duration
	ticks       uint64
	missedTicks int

	// drawn counts the random numbers that the node took, sent the messages
	// that it sent to each other node.
	drawn uint64
	sent  [maxNodes + 1]uint64

	// decided is what the node has committed as a leader.
	decided decision

	// checked is the index up to which the node's committed entries have been
	// compared with every other node's.
	checked uint64

	// electedAt is the number of committed entries when the node was elected,
	// and leads is the term that it leads once its first Ready in it is saved.
	electedAt uint64
	leads     uint64
}

// A handful is a Ready with what the node said when it gave it.
type handful struct {
	raft.Ready
	status  raft.Status
	decided decision
}

// A decision is what a leader has committed: everything up to index, in its
// term, with the members that it counted.
type decision struct {
	index   uint64
	term    uint64
	members []uint64
}

// A stage is what an application does next with a Ready.
type stage int

const (
	toSave stage = iota
	toSync
	toSend
	toApply
	toAdvance
)

// start starts a node from what is on the disk of r.
func (w *world) start(r *replica) {
	if r.incarnation > 0 && w.plan.setting.forgetful {
		r.disk.ForgetApplied()
	}
	applied, state := r.disk.Applied()
	hard, conf, _ := r.disk.InitialState()
	var err error
	if r.app, err = decodeMachine(state, conf.GetNodes()); err != nil {
		panic(err)
	}
	r.incarnation++
	incarnation := uint64(r.incarnation)
	r.drawn = 0
	w.acting = r.id
	w.log.add(trace.Event{Kind: trace.Start, Store: r.id, N: incarnation})
	r.told = trace.Event{}
	node, err := w.impl.NewRawNode(&raft.Config{
		ID:            r.id,
		ElectionTick:  w.plan.setting.electionTick,
		HeartbeatTick: w.plan.setting.heartbeatTick,
		Storage:       r.disk,
		Applied:       applied,
		RandIntN: func(n int) int {
			r.drawn++
			return int(w.dice.Roll(askElectionTimeout, r.drawn, r.id<<32|incarnation) % uint64(n))
		},
	})
	if err != nil {
		w.violate(violation{rule: restarts, node: r.id, found: fmt.Sprintf("node %d does not start from what it has saved: %v", r.id, err)})
	}
	r.node = node
	r.hand, r.doom, r.missedTicks = nil, crashIdle, 0
	r.decided, r.leads, r.checked = decision{}, 0, 0
	r.status = raft.Status{ID: r.id}
	if r.incarnation > 1 {
		w.story.tell(w.now, r.id, "node %d restarts in term %d, commit %d, applied %d, its log ends at %s",
			r.id, hard.GetTerm(), hard.GetCommit(), applied, r.describeEnd())
		w.reached.add(goalRestart)
	}
	st := node.Status()
	if st.Term != hard.GetTerm() || st.Vote != hard.GetVote() || st.Commit < hard.GetCommit() || st.Applied != applied {
		w.violate(violation{rule: restarts, node: r.id, found: fmt.Sprintf(
			"node %d starts in term %d with vote %d, commit %d and applied %d, but what it had saved was term %d, vote %d, commit %d and applied %d",
			r.id, st.Term, st.Vote, st.Commit, st.Applied, hard.GetTerm(), hard.GetVote(), hard.GetCommit(), applied)})
	}
	w.observe(r)
}

func (r *replica) describeEnd() string { return position(r.log.last(), r.log.term(r.log.last())) }

// crash stops r at once. What was not synced is lost, but for as much of it as
// the disk happened to write.
func (w *world) crash(r *replica) {
	unsynced := len(r.disk.unsynced)
	survive := 0
	if bits := w.dice.Roll(askSurvivingWrites, 0, r.id<<32|uint64(r.incarnation)); bits%2 == 0 {
		survive = int(bits >> 1 % uint64(unsynced+1))
	}
	last := r.log.last()
	lost := r.disk.CrashKeeping(survive)
	w.relearn(r)
	if r.hand != nil && r.stage == toSync {
		w.recordCommits(r, r.hand.decided)
	}
	what := "loses nothing"
	if lost > 0 {
		what = fmt.Sprintf("loses %d writes that it had not synced", lost)
		w.reached.add(goalCrashLostWrites)
		if r.log.last() < last {
			what += fmt.Sprintf(", the entries after %d among them", r.log.last())
			w.reached.add(goalCrashLostEntries)
		}
	}
	w.story.tell(w.now, r.id, "node %d crashes and %s", r.id, what)
	w.log.add(trace.Event{Kind: trace.Crash, Store: r.id, N: uint64(r.incarnation), Text: what})
	if r.status.RaftState == raft.StateLeader {
		w.reached.add(goalLeaderCrashed)
	}
	if r.doomedReady > 0 {
		r.doomedReady = 0
		w.post(event{at: w.now + 8*tick, kind: eventRestart, to: uint8(r.id)})
	}
	r.node, r.hand, r.doom = nil, nil, crashIdle
	r.status.RaftState = raft.StateFollower
}

// relearn reads the ledger of r from its disk.
func (w *world) relearn(r *replica) {
	before := r.disk.now.before
	base := link{term: r.disk.now.beforeTerm}
	if before > 0 {
		base.chain = w.seen.commits[before-1].chain
	}
	r.log = ledger{before: before, base: base}
	r.changes = r.changes[:0]
	for _, e := range r.disk.now.entries {
		r.log.append(e)
		if e.EntryType == pb.EntryType_EntryConfChange {
			r.changes = append(r.changes, e.Index)
		}
	}
	r.durable = r.log
}

// work looks at what r says after something happened to it, and handles its
// Readys, as far as that takes no time.
func (w *world) work(r *replica) {
	w.observe(r)
	if r.hand != nil {
		w.reached.add(goalSteppedWhileBusy)
		return
	}
	for rounds := 0; r.node.HasReady(); rounds++ {
		if rounds == 1000 {
			w.violate(violation{rule: endsWork, node: r.id, found: fmt.Sprintf(
				"node %d still has a Ready after 1000 in a row, with nothing else happening", r.id)})
		}
		rd := r.node.Ready()
		r.readies++
		r.hand = &handful{Ready: rd, status: r.status, decided: r.decided}
		r.stage = toSave
		w.proceed(r)
		if r.node == nil || r.hand != nil {
			return
		}
		w.observe(r)
		if n := w.plan.setting.compactAfter; n > 0 && r.app.applied > r.log.before+uint64(n) {
			w.compact(r)
		}
	}
}

// proceed goes on with the Ready in r's hands until it has been advanced, the
// node crashes, or something takes its time. Afterwards there is work to do only
// if the node is up and has nothing in its hands.
func (w *world) proceed(r *replica) {
	for {
		if r.doom != crashIdle && w.meetsDoom(r) {
			w.crash(r)
			return
		}
		switch r.stage {
		case toSave:
			w.save(r)
			r.stage = toSync
			if w.pause(r, askDisk, w.diskTime(r)) {
				return
			}
		case toSync:
			if r.hand.MustSync {
				w.sync(r)
			}
			w.recordCommits(r, r.hand.decided)
			r.stage = toSend
		case toSend:
			w.send(r, r.hand.Messages)
			r.stage = toApply
			if w.pause(r, askApply, w.applyTime()) {
				return
			}
		case toApply:
			w.apply(r)
			r.stage = toAdvance
		case toAdvance:
			hand := r.hand
			r.hand = nil
			r.node.Advance(hand.Ready)
			return
		}
	}
}

// meetsDoom reports whether r is where it is to crash. If it is to crash while
// sending, the first half of its messages leaves.
func (w *world) meetsDoom(r *replica) bool {
	if r.doomedReady != 0 && r.doomedReady != r.readies {
		return false
	}
	switch r.doom {
	case crashBeforeSave:
		return r.stage == toSave
	case crashBeforeSync:
		return r.stage == toSync && r.hand.MustSync
	case crashBeforeSend:
		return r.stage == toSend && len(r.hand.Messages) > 0
	case crashWhileSending:
		if r.stage == toSend && len(r.hand.Messages) > 1 {
			sorted := appendByReceiver(nil, r.hand.Messages)
			w.send(r, sorted[:len(sorted)/2])
			return true
		}
	case crashBeforeApply:
		return r.stage == toApply && len(r.hand.CommittedEntries) > 0
	case crashBeforeAdvance:
		return r.stage == toAdvance
	}
	return false
}

// pause lets r go on later, if that is at all later, and reports whether.
func (w *world) pause(r *replica, q dice.Question, longest time.Duration) bool {
	if longest <= 0 {
		return false
	}
	wait := dice.Scaled(w.dice.Roll(q, r.readies, r.id<<32|uint64(r.incarnation)), longest/8, longest)
	w.post(event{at: w.now + wait, kind: eventStage, to: uint8(r.id), n: r.readies, incarnation: r.incarnation})
	return true
}

// diskTime returns the longest time that saving the Ready of r may take now.
func (w *world) diskTime(r *replica) time.Duration {
	if w.healed || !r.hand.MustSync {
		return 0
	}
	longest := w.plan.setting.disk
	for i := range w.active {
		if f := &w.active[i]; f.kind == slowDisk && (f.node == r.id || f.who == everybody) {
			longest = max(longest, f.delay)
		}
	}
	return longest
}

// applyTime returns the longest time that applying a Ready may take now.
func (w *world) applyTime() time.Duration {
	if w.healed {
		return 0
	}
	return w.plan.setting.apply
}

// save writes what the Ready asks for.
func (w *world) save(r *replica) {
	w.checkReady(r)
	rd := &r.hand.Ready
	if rd.Snapshot != nil {
		w.checkSnapshot(r, rd.Snapshot)
	}
	before := r.log.last()
	w.log.saves(r, rd)
	if err := r.disk.Save(*rd); err != nil {
		w.violate(violation{rule: readyHolds, node: r.id, found: fmt.Sprintf("the Ready of node %d cannot be saved: %v", r.id, err)})
	}
	if s := rd.Snapshot; s != nil {
		meta := s.Metadata
		r.log = ledger{before: meta.Index, base: w.seen.commits[meta.Index-1].link}
		r.changes = r.changes[:0]
		r.app, _ = decodeMachine(s.Data, meta.ConfState.GetNodes())
		w.reached.add(goalSnapshotInstalled)
		w.story.tell(w.now, r.id, "node %d, whose log ended at %d, installs the snapshot up to %s", r.id, before, position(meta.Index, meta.Term))
	}
	w.learn(r, rd.Entries)
	w.checkSaved(r)
}

// sync makes what r has saved survive a crash.
func (w *world) sync(r *replica) {
	r.disk.Sync()
	r.durable = r.log
	w.log.synced(r)
}

// apply hands the committed entries to the machine of r.
func (w *world) apply(r *replica) {
	entries := r.hand.CommittedEntries
	if len(entries) == 0 {
		return
	}
	for _, e := range entries {
		w.checkCommitted(r, e)
		change, err := r.app.apply(e)
		if err != nil {
			w.violate(violation{rule: stateMachineSafety, node: r.id, index: e.Index, found: fmt.Sprintf(
				"the membership change at index %d of node %d cannot be read: %v", e.Index, r.id, err)})
		}
		if change != nil {
			conf := r.node.ApplyConfChange(change)
			w.checkMembers(r, e.Index, conf.GetNodes())
			w.observe(r)
		}
		w.checkMachine(r)
	}
	w.log.applied(r, entries)
	r.disk.SaveApplied(r.app.applied, &pb.ConfState{Nodes: r.app.members}, r.app.encode())
	if w.dice.Chance(w.plan.setting.syncApplied, askApplySync, r.readies, r.id<<32|uint64(r.incarnation)) {
		w.sync(r)
	}
}

// compact takes a snapshot of what r has applied, and drops most of the log
// before it. The node must know that it is applied.
func (w *world) compact(r *replica) {
	if r.node == nil || r.hand != nil || r.app.applied <= r.disk.now.snapshot.Metadata.Index {
		return
	}
	index := r.app.applied
	if err := r.disk.TakeSnapshot(index, &pb.ConfState{Nodes: slices.Clone(r.app.members)}, r.app.encode()); err != nil {
		panic(err)
	}
	trailing := w.dice.Roll(askTrailingEntries, 0, r.id<<32|index) % 4
	if index > r.log.before+trailing {
		if err := r.disk.Discard(index - trailing); err != nil {
			panic(err)
		}
		first := r.log.before + 1
		r.log.discard(index - trailing)
		w.log.compacted(r, first)
		w.reached.add(goalCompacted)
	}
}
