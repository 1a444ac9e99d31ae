package rafttest

import (
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/lab/agenda"
	"github.com/labkv/labkv/lab/dice"
	"github.com/labkv/labkv/lab/stack"
	"github.com/labkv/labkv/lab/trace"
	pb "github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/raft"
)

// A world is one run of a schedule: some nodes with their disks and
// applications, the network between them, and a virtual clock. It does one event
// at a time, and checks every invariant after each.
type world struct {
	impl Implementation
	plan schedule
	dice dice.Dice

	now    time.Duration
	agenda agenda.Agenda[event, *event]

	nodes []*replica // that of id i at i-1; nil for ids that no node has yet
	seen  witness
	story story

	// active are the faults that have begun and not ended, with their targets.
	active []activeFault

	// healed is set once all faults are over. From then on the group must
	// recover before the deadline; done is set when it has.
	healed   bool
	deadline time.Duration
	done     bool

	// lesser is the gravest of the violations that the run has gone on after, the
	// first of those if there are several. until is a rule that it does not go
	// on after, although it could.
	lesser *violation
	until  rule

	// acting is the node that was called last.
	acting uint64

	proposals uint64 // made so far
	changes   uint64 // attempts at membership changes so far
	events    int
	digest    uint64
	reached   goals

	// log is kept if it is wanted.
	log *recording

	// steps, if it is wanted, gets every event with the digest after it.
	steps *[]takenStep

	// byHand, if it is set, chooses what happens next in the place of the agenda.
	byHand *ByHand

	outbox []*pb.Message // scratch of send
}

// An activeFault is a fault with whom it hit.
type activeFault struct {
	fault
	node uint64 // 0: none, or every node
}

// An outcome is what became of a run.
type outcome struct {
	violation *violation // the gravest; nil: none
	before    *violation // a lesser one that the run has gone on after; nil: none
	digest    uint64
	reached   goals
	events    int
	story     *story
	nodes     int // that there were
}

// recovery is how long a group may take, after everything is well again, until
// all of it agrees.
const recovery = 30 * time.Second

// A takenStep is an event that happened, with the digest of the run after it.
type takenStep struct {
	event
	digest uint64
}

// perform runs the schedule on nodes of impl.
func perform(impl Implementation, s schedule) outcome {
	return (&world{impl: impl, plan: s}).perform()
}

// performUntil is perform, but ends with the first violation of a rule, even if it
// is one that a run can go on after.
func performUntil(impl Implementation, s schedule, r rule) outcome {
	return (&world{impl: impl, plan: s, until: r}).perform()
}

func (w *world) perform() (out outcome) {
	w.dice = dice.Dice(w.plan.seed)
	w.digest = dice.Mix(w.plan.seed)
	defer func() {
		out = outcome{digest: w.digest, reached: w.reached, events: w.events, story: &w.story, before: w.lesser, nodes: len(w.nodes)}
		switch v := recover().(type) {
		case nil:
			out.violation, out.before = w.lesser, nil
		case *violation:
			out.violation = v
		default:
			calls := callsOfPanic()
			out.violation = &violation{
				rule: noPanic, at: w.now, node: w.acting, found: fmt.Sprintf("node %d panics%s: %v", w.acting, stack.In(calls), v),
				panicked: v, stack: stack.Text(calls),
			}
		}
	}()
	w.begin()
	for w.agenda.Len() > 0 && !w.done {
		e := w.agenda.Next()
		w.now = e.at
		w.events++
		w.digest = dice.Mix(w.digest ^ uint64(e.at)<<8 ^ e.order)
		w.handle(&e)
		if w.steps != nil {
			*w.steps = append(*w.steps, takenStep{e, w.digest})
		}
	}
	return out
}

// callsOfPanic returns the calls of the node under test in the panic that is being
// recovered, the innermost first.
func callsOfPanic() []stack.Call {
	g := stack.Parse(string(debug.Stack()), stack.Root)[0]
	return g.Of(func(file string) bool { return stack.IsStudents(file) || strings.HasSuffix(file, "_test.go") })
}

// begin starts the first nodes and all clocks.
func (w *world) begin() {
	var members []uint64
	for id := range w.plan.setting.nodes {
		members = append(members, uint64(id)+1)
	}
	w.seen.begin()
	var first []*pb.Entry
	if w.plan.setting.origin == originMembers {
		w.seen.model.members = members
	} else {
		for i, id := range members {
			data, err := proto.Marshal(&pb.ConfChange{NodeId: id})
			if err != nil {
				panic(err)
			}
			e := &pb.Entry{EntryType: pb.EntryType_EntryConfChange, Term: 1, Index: uint64(i) + 1, Data: data}
			first = append(first, e)
			w.seen.foresee(e)
		}
	}
	for _, id := range members {
		w.addReplica(id, w.firstDisk(members, first))
	}
	for i := range w.plan.faults {
		f := &w.plan.faults[i]
		w.post(event{at: f.from, kind: eventFaultBegins, n: uint64(i)})
		if f.until > f.from {
			w.post(event{at: f.until, kind: eventFaultEnds, n: uint64(i)})
		}
	}
	w.post(event{at: w.plan.setting.span, kind: eventHeal})
	w.scheduleProposal()
}

// firstDisk returns the disk of a first member.
func (w *world) firstDisk(members []uint64, first []*pb.Entry) *Disk {
	origin := w.plan.setting.origin
	if origin == originMembers {
		return NewDisk(members)
	}
	d := NewDisk(nil)
	n := uint64(len(first))
	rd := raft.Ready{HardState: &pb.HardState{Term: 1, Commit: n}}
	if origin == originSnapshot {
		rd.Snapshot = &pb.Snapshot{
			Data:     w.seen.model.encode(),
			Metadata: &pb.SnapshotMetadata{ConfState: &pb.ConfState{Nodes: members}, Index: n, Term: 1},
		}
	} else {
		rd.Entries = first
	}
	if err := d.Save(rd); err != nil {
		panic(err)
	}
	d.Sync()
	return d
}

// addReplica starts a node from disk.
func (w *world) addReplica(id uint64, disk *Disk) {
	for uint64(len(w.nodes)) < id {
		w.nodes = append(w.nodes, nil)
	}
	r := &replica{id: id, disk: disk, pace: tick}
	w.nodes[id-1] = r
	if w.plan.setting.freshSnapshots {
		disk.FreshSnapshots()
	}
	w.relearn(r)
	if skew := w.plan.setting.clockSkew; skew > 0 {
		permille := 1000 - skew + int(w.dice.Roll(askClockRate, 0, id<<32)%uint64(2*skew+1))
		r.pace = tick * 1000 / time.Duration(permille)
	}
	w.start(r)
	first := dice.Scaled(w.dice.Roll(askClockRate, 1, id<<32), 0, r.pace)
	w.post(event{at: w.now + first, kind: eventTick, to: uint8(id)})
}

// replica returns the replica with that id, or nil if there is none.
func (w *world) replica(id uint64) *replica {
	if id == 0 || id > uint64(len(w.nodes)) {
		return nil
	}
	return w.nodes[id-1]
}

func (w *world) handle(e *event) {
	switch e.kind {
	case eventFaultBegins:
		w.beginFault(w.plan.faults[e.n])
		return
	case eventFaultEnds:
		w.endFault(w.plan.faults[e.n].id)
		return
	case eventPropose:
		w.propose()
		return
	case eventChange:
		w.change(w.plan.faults[e.n])
		return
	case eventHeal:
		w.heal()
		return
	case eventSupervise:
		w.supervise(e.n)
		return
	}

	r := w.replica(uint64(e.to))
	switch e.kind {
	case eventTick:
		w.tick(r)
	case eventRestart:
		if r.node == nil && !r.retired {
			w.start(r)
			w.work(r)
		}
	case eventDeliver:
		w.deliver(r, e.m, e.n)
	default:
		if r.node == nil || r.incarnation != e.incarnation {
			return
		}
		w.acting = r.id
		switch e.kind {
		case eventCrash:
			if r.doom != 0 {
				w.crash(r)
			}
		case eventStage:
			if r.hand != nil && r.readies == e.n {
				w.proceed(r)
				if r.node != nil && r.hand == nil {
					w.work(r)
				}
			}
		case eventReportUnreachable:
			r.node.ReportUnreachable(uint64(e.from))
			w.work(r)
		case eventReportSnapshot:
			r.node.ReportSnapshot(uint64(e.from), e.flag)
			w.work(r)
		}
	}
}

// tick advances the clock of r, unless it stands still.
func (w *world) tick(r *replica) {
	r.ticks++
	w.post(event{at: w.now + r.pace, kind: eventTick, to: uint8(r.id), n: r.ticks})
	switch {
	case r.node == nil:
	case w.suffers(stalledClock, r.id):
		r.missedTicks++
	default:
		w.acting = r.id
		r.node.Tick()
		w.work(r)
	}
}

// leader returns the node that leads the latest term that has a leader,
// or nil.
func (w *world) leader() *replica {
	var leader *replica
	for _, r := range w.nodes {
		if r != nil && r.node != nil && r.status.RaftState == raft.StateLeader &&
			(leader == nil || r.status.Term > leader.status.Term) {
			leader = r
		}
	}
	return leader
}

// resolve returns the node that t means at this moment, or 0 if there is none.
// Where chance decides, it is that of the fault with that id.
func (w *world) resolve(t target, id uint64) uint64 {
	switch {
	case t > 0:
		return uint64(t)
	case t == everybody:
		return 0
	}
	leader := w.leader()
	if t == theLeader && leader != nil {
		return leader.id
	}
	var others []uint64
	for _, r := range w.nodes {
		if r != nil && r != leader && r.node != nil && slices.Contains(w.seen.members(), r.id) {
			others = append(others, r.id)
		}
	}
	if len(others) == 0 {
		return 0
	}
	return others[w.dice.Roll(askLeaderless, 0, id<<32)%uint64(len(others))]
}

// suffers reports whether a fault of that kind is active on node id.
func (w *world) suffers(kind faultKind, id uint64) bool {
	for i := range w.active {
		if f := &w.active[i]; f.kind == kind && (f.node == id || f.who == everybody) {
			return true
		}
	}
	return false
}

func (w *world) beginFault(f fault) {
	if w.healed {
		return
	}
	node := w.resolve(f.who, f.id)
	if !f.isChange() {
		w.story.tell(w.now, node, "%s", f.happening(node))
	}
	w.log.fault(trace.FaultBegins, &f, node)
	if f.until > f.from {
		w.active = append(w.active, activeFault{f, node})
	}
	r := w.replica(node)
	switch f.kind {
	case crashedNode:
		if r == nil || r.node == nil {
			return
		}
		if f.point == crashIdle {
			w.crash(r)
			return
		}
		r.doom, r.doomedReady = f.point, f.ready
		if f.ready > 0 {
			return
		}
		w.post(event{at: min(f.until, w.now+30*time.Millisecond), kind: eventCrash, to: uint8(r.id), n: f.id, incarnation: r.incarnation})
	case powerFailure:
		for _, r := range w.nodes {
			if r != nil && r.node != nil {
				w.crash(r)
			}
		}
	case calledElection:
		for _, id := range []uint64{node, w.resolve(f.to, f.id+maxNodes)} {
			if r := w.replica(id); r != nil && r.node != nil {
				w.acting = r.id
				_ = r.node.Campaign()
				w.work(r)
			}
		}
	case compaction:
		if r != nil && r.node != nil {
			w.compact(r)
			w.work(r)
		}
	case snapshotNotReady:
		if r != nil {
			r.disk.HoldSnapshot(true)
		}
	case leadershipTransfer:
		to := w.resolve(f.to, f.id+maxNodes)
		if r == nil || r.node == nil || to == 0 {
			return
		}
		if to != r.id && r.status.RaftState == raft.StateLeader {
			w.seen.transferTo = to
		}
		w.acting = r.id
		r.node.TransferLeader(to)
		w.work(r)
	case nodeAdded, nodeRemoved:
		w.change(f)
	}
}

func (w *world) endFault(id uint64) {
	i := slices.IndexFunc(w.active, func(f activeFault) bool { return f.id == id })
	if i < 0 {
		return
	}
	f := w.active[i]
	w.active = slices.Delete(w.active, i, i+1)
	w.log.fault(trace.FaultEnds, &f.fault, f.node)
	if !f.isChange() {
		w.story.tell(w.now, f.node, "%s: over", f.happening(f.node))
	}
	r := w.replica(f.node)
	switch f.kind {
	case crashedNode:
		if r != nil && r.node == nil {
			w.post(event{at: w.now, kind: eventRestart, to: uint8(r.id), n: f.id})
		}
	case powerFailure:
		for _, r := range w.nodes {
			if r != nil && r.node == nil {
				w.post(event{at: w.now, kind: eventRestart, to: uint8(r.id), n: f.id})
			}
		}
	case stalledClock:
		for _, r := range w.nodes {
			if r != nil && !w.suffers(stalledClock, r.id) {
				w.catchUp(r)
			}
		}
	case snapshotNotReady:
		if r != nil {
			r.disk.HoldSnapshot(w.suffers(snapshotNotReady, r.id))
		}
	}
}

// catchUp gives r the ticks that it has missed, all at once.
func (w *world) catchUp(r *replica) {
	for ; r.missedTicks > 0; r.missedTicks-- {
		if r.node != nil {
			w.acting = r.id
			r.node.Tick()
			w.work(r)
		}
	}
}

// scheduleProposal lets the next proposal happen.
func (w *world) scheduleProposal() {
	mean := w.plan.setting.proposeEvery
	wait := dice.Scaled(w.dice.Roll(askProposalTime, w.proposals, 0), mean/4, mean*7/4)
	w.post(event{at: w.now + wait, kind: eventPropose, n: w.proposals})
}

// propose proposes something new to the leader, or now and then to any node.
func (w *world) propose() {
	if !w.healed {
		defer w.scheduleProposal()
	}
	w.proposals++
	id := w.proposals
	r := w.leader()
	who := w.dice.Roll(askProposalTarget, id, 0)
	if r == nil || who%8 == 0 && !w.healed {
		r = w.nodes[who>>8%uint64(len(w.nodes))]
	}
	if r == nil || r.node == nil {
		return
	}
	size := w.dice.Roll(askProposalSize, id, 0) % uint64(w.plan.setting.proposalSize+1)
	w.seen.proposed(id)
	w.acting = r.id
	index, term, err := r.node.Propose(proposal(id, int(size)))
	switch {
	case err != nil:
		w.seen.refused(id)
	case r.status.RaftState == raft.StateLeader:
		w.seen.places[id] = place{index, term}
		if w.log != nil {
			w.log.add(trace.Event{Kind: trace.Propose, Store: r.id, Term: term, Index: index, N: id, Text: fmt.Sprintf("proposal %d", id)})
		}
	}
	w.work(r)
}

// change proposes the membership change of f, and again a little later if the
// leader could not take it.
func (w *world) change(f fault) {
	if w.now > f.until || w.healed {
		return
	}
	again := func() {
		w.changes++
		w.post(event{at: w.now + 25*time.Millisecond, kind: eventChange, n: uint64(slices.IndexFunc(w.plan.faults, func(g fault) bool { return g.id == f.id }))})
	}
	leader := w.leader()
	if leader == nil {
		again()
		return
	}
	cc := &pb.ConfChange{ChangeType: pb.ConfChangeType_AddNode, NodeId: w.resolve(f.who, f.id)}
	if f.kind == nodeRemoved {
		cc.ChangeType = pb.ConfChangeType_RemoveNode
		members := leader.status.Nodes
		// A group is never left empty. And two members are not reduced to one
		// by removing their leader: the other could not learn of it.
		if len(members) == 1 || len(members) == 2 && cc.NodeId == leader.id {
			return
		}
	}
	if cc.NodeId == 0 {
		return
	}
	if cc.ChangeType == pb.ConfChangeType_AddNode {
		if r := w.replica(cc.NodeId); r == nil {
			w.addReplica(cc.NodeId, NewDisk(nil))
		} else if r.retired {
			return
		}
	}
	w.acting = leader.id
	if _, _, err := leader.node.ProposeConfChange(cc); err != nil {
		again()
		return
	}
	w.story.tell(w.now, leader.id, "node %d, as leader of term %d, is asked to %s", leader.id, leader.status.Term, describeChange(cc))
	w.work(leader)
}

// heal ends all faults.
func (w *world) heal() {
	for len(w.active) > 0 {
		w.endFault(w.active[0].id)
	}
	w.healed = true
	w.deadline = w.now + recovery
	w.story.tell(w.now, 0, "everything is well again")
	w.log.add(trace.Event{Kind: trace.Heal})
	for _, r := range w.nodes {
		if r == nil {
			continue
		}
		r.doom = 0
		r.pace = tick
		r.disk.HoldSnapshot(false)
		if r.node == nil && !r.retired {
			w.start(r)
			w.work(r)
		}
	}
	w.seen.committedAtHealing = uint64(len(w.seen.commits))
	w.post(event{at: w.now + supervision, kind: eventSupervise})
}

// supervision is the time between two looks at a group that recovers.
const supervision = 2 * tick

// toCommit is the number of proposals that a group must commit after it has
// recovered.
const toCommit = 3

// supervise looks whether the group has recovered, and proposes something as
// long as it has not shown that it commits.
func (w *world) supervise(n uint64) {
	w.retire()
	committed := w.seen.proposalsCommittedSince(w.seen.committedAtHealing)
	missing := w.missing(committed)
	if missing == "" {
		w.done = true
		return
	}
	if w.now >= w.deadline {
		w.violate(violation{rule: recovers, found: fmt.Sprintf("%s after everything was well again, %s", seconds(recovery), missing)})
	}
	if committed < toCommit {
		w.propose()
	}
	w.post(event{at: w.now + supervision, kind: eventSupervise, n: n + 1})
}

// missing says in what the group has not recovered, or nothing.
func (w *world) missing(committed int) string {
	leader := w.leader()
	if leader == nil {
		return "no node leads"
	}
	members := w.seen.members()
	last := leader.log.last()
	for _, id := range members {
		r := w.replica(id)
		switch st := &r.status; {
		case st.Term != leader.status.Term:
			return fmt.Sprintf("node %d leads term %d, but node %d is in term %d", leader.id, leader.status.Term, id, st.Term)
		case st.Lead != leader.id:
			return fmt.Sprintf("node %d leads term %d, but node %d follows %d", leader.id, leader.status.Term, id, st.Lead)
		case committed < toCommit:
			return fmt.Sprintf("only %d of %d proposals are committed", committed, toCommit)
		case r.log.last() != last || st.Commit != last || r.app.applied != last || r.hand != nil:
			return fmt.Sprintf("the log of leader %d ends at %d, but node %d has log up to %d, commit %d, applied %d",
				leader.id, last, id, r.log.last(), st.Commit, r.app.applied)
		case !slices.Equal(st.Nodes, members):
			return fmt.Sprintf("the members are %v, but node %d believes %v", members, id, st.Nodes)
		case r.log.chain(last) != leader.log.chain(last) || r.app.sum != leader.app.sum:
			return fmt.Sprintf("nodes %d and %d are not equal at index %d", leader.id, id, last)
		}
	}
	return ""
}

// retire shuts down the nodes that were removed, once every member knows that
// they are: an operator would not wait for them either, nor switch off what a
// member may still need.
func (w *world) retire() {
	members := w.seen.members()
	for _, id := range members {
		if r := w.replica(id); r == nil || r.app.applied < w.seen.lastChange {
			return
		}
	}
	for _, r := range w.nodes {
		if r != nil && !r.retired && w.seen.wasRemoved(r.id) {
			r.retired = true
			r.node, r.hand = nil, nil
			w.story.tell(w.now, r.id, "node %d, which was removed, is shut down", r.id)
			w.log.add(trace.Event{Kind: trace.State, Store: r.id, Peer: r.id, Fate: "removed"})
		}
	}
}
