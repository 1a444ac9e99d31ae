package rafttest

import (
	"fmt"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/lab/dice"
	"github.com/labkv/labkv/lab/stack"
	"github.com/labkv/labkv/lab/todo"
	pb "github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/raft"
)

// A ByHand is a run in which the caller chooses every event: which message
// arrives, which clock ticks, which node crashes. Nodes, disks, applications and
// guarantees are the same as in the random schedules. It is what the playground shows.
//
// A node handles its Readys at once and completely, so between two events no
// node has one in its hands. A run is a function of the implementation, the group
// and the calls: the same calls always lead to the same state.
//
// Methods return an error and change nothing if the event cannot happen, as when
// the node is down. A *Refusal is different: the event happened, and the node
// refused what it was asked. Once the run has ended, each method returns why.
type ByHand struct {
	w      *world
	first  []uint64 // the members at the beginning
	flight []Flying

	// passed counts the messages from each node to each other one, messages
	// all of them, and rounds those of Run.
	passed   map[[2]uint64]uint64
	messages uint64
	rounds   uint64

	// sides has the side of each node while the network is partitioned.
	sides map[uint64]int

	// draws has what each node drew last for its election timeout.
	draws map[uint64]int

	proposals uint64
	lost      []Flying
	broken    []Broken
	end       *End
}

// A Group is what a run by hand begins with: nodes 1 to Nodes, which are members.
type Group struct {
	Nodes         int
	ElectionTick  int
	HeartbeatTick int
	Seed          uint64

	// Disks are the disks of the nodes that do not begin empty.
	Disks map[uint64]*Disk
}

// MaxNodes bounds the ids of nodes in a run by hand.
const MaxNodes = maxNodes

// A Flying is a message in flight.
type Flying struct {
	// Number counts the messages of the run, copies included, from 1.
	Number  uint64
	Message *pb.Message
	// Nth counts the messages from its sender to its receiver, from 1.
	Nth uint64
}

// Text returns what the message says, on one line.
func (f Flying) Text() string { return unnumbered(describe(f.Message)) }

// A Broken is a guarantee that was found broken.
type Broken struct {
	Key   string // of the guarantee
	Node  uint64 // 0: none in particular
	Found string // one sentence
}

// An End is why a run cannot go on: a panic, a function that is not written, or a
// broken guarantee after which nothing that follows would mean anything.
type End struct {
	NotImplemented *todo.Func
	Reason         string
	Stack          string // of the node under test; "" if it did not panic
}

func (e *End) Error() string { return e.Reason }

// A Refusal is the error of a node that does not take what it is asked to take.
type Refusal struct{ Err error }

func (r *Refusal) Error() string { return r.Err.Error() }

// A Guarantee is a rule that holds in every run.
type Guarantee struct {
	Key    string `json:"key"`
	Text   string `json:"text"`
	Source string `json:"source"`
}

// guarantees are the rules that can break in a run by hand, in the order in which
// they are shown. The rules that are missing bound time, which the caller has in
// its hands.
var guarantees = []struct {
	key  string
	rule rule
}{
	{"election-safety", electionSafety},
	{"one-vote", oneVote},
	{"knows-the-leader", knowsTheLeader},
	{"log-matching", logMatching},
	{"leader-append-only", leaderAppendOnly},
	{"leader-completeness", leaderCompleteness},
	{"state-machine-safety", stateMachineSafety},
	{"majority-commits", commitsWithMajority},
	{"own-term-commits", commitsOwnTerm},
	{"commits-the-committed", commitsTheCommitted},
	{"acknowledges-the-same", acknowledgesTheSame},
	{"goes-forward", goesForward},
	{"durable-first", durableFirst},
	{"continues-from-disk", restarts},
	{"ready-holds", readyHolds},
	{"applies-in-order", appliesInOrder},
	{"commits-the-proposed", commitsTheProposed},
	{"one-change-at-a-time", oneChangeAtATime},
	{"members-agree", membersAgree},
	{"consistent", staysConsistent},
	{"ends-work", endsWork},
	{"comes-to-rest", comesToRest},
	{"no-panic", noPanic},
}

// Guarantees returns what is checked after every event of a run by hand.
func Guarantees() []Guarantee {
	all := make([]Guarantee, len(guarantees))
	for i, g := range guarantees {
		c := g.rule.claim()
		all[i] = Guarantee{Key: g.key, Text: c.Text, Source: c.Source}
	}
	return all
}

func (r rule) key() string {
	for _, g := range guarantees {
		if g.rule == r {
			return g.key
		}
	}
	return r.String()
}

// StartByHand starts a run on nodes of impl. It returns an error for a group that
// cannot be, and an ended run if a node does not start.
func StartByHand(impl Implementation, g Group) (*ByHand, error) {
	h := &ByHand{passed: map[[2]uint64]uint64{}, draws: map[uint64]int{}}
	h.w = &world{impl: drawing{impl, h}, dice: dice.Dice(g.Seed), byHand: h}
	h.w.plan.seed = g.Seed
	h.w.plan.setting = setting{nodes: g.Nodes, electionTick: g.ElectionTick, heartbeatTick: g.HeartbeatTick}
	if g.Nodes < 1 || g.Nodes > maxNodes {
		return nil, errors.Errorf("a group has 1 to %d nodes, not %d", maxNodes, g.Nodes)
	}
	for id := range g.Nodes {
		h.first = append(h.first, uint64(id)+1)
	}
	w := h.w
	w.seen.begin()
	w.seen.model.members = h.first
	for _, id := range h.first {
		if d := g.Disks[id]; d != nil {
			if err := h.foresee(id, d); err != nil {
				return nil, err
			}
		}
	}
	_ = h.event(func() error {
		for _, id := range h.first {
			d := g.Disks[id]
			if d == nil {
				d = NewDisk(h.first)
			}
			w.addReplica(id, d)
			w.work(w.replica(id))
		}
		return nil
	})
	return h, nil
}

// A drawing is an implementation whose nodes are watched as they draw their election
// timeouts.
type drawing struct {
	Implementation
	h *ByHand
}

func (d drawing) NewRawNode(c *raft.Config) (RawNode, error) {
	draw := c.RandIntN
	c.RandIntN = func(n int) int {
		v := draw(n)
		if n == c.ElectionTick {
			d.h.draws[c.ID] = n + v
		}
		return v
	}
	return d.Implementation.NewRawNode(c)
}

// foresee notes the entries that node id begins with. They must be such that a
// run of Raft can have led to them.
func (h *ByHand) foresee(id uint64, d *Disk) error {
	chain, term := uint64(0), uint64(0)
	for _, e := range d.now.entries {
		if e.Term < term {
			return errors.Errorf("the log of node %d goes back from term %d to term %d at index %d", id, term, e.Term, e.Index)
		}
		term = e.Term
		chain = chainOf(chain, e)
		at := place{e.Index, e.Term}
		if other, ok := h.w.seen.chains[at]; ok && other != chain {
			return errors.Errorf("no run leads to these logs: entry %s of node %d is in another log, too, after other entries", position(e.Index, e.Term), id)
		}
		h.w.seen.chains[at] = chain
	}
	return nil
}

// goesOnAfter notes a broken rule, and reports whether the run can go on.
func (h *ByHand) goesOnAfter(v *violation) bool {
	b := Broken{Key: v.rule.key(), Node: v.node, Found: unnumbered(v.found)}
	if !slices.Contains(h.broken, b) {
		h.broken = append(h.broken, b)
	}
	switch v.rule {
	case readyHolds, appliesInOrder, commitsTheCommitted, restarts, endsWork, comesToRest, noPanic:
		return false
	}
	return true
}

// event makes f happen, which says no by an error before it changes anything.
func (h *ByHand) event(f func() error) (err error) {
	if h.end != nil {
		return h.end
	}
	h.lost = nil
	defer func() {
		switch v := recover().(type) {
		case nil:
			return
		case *violation:
			h.end = &End{Reason: "the run cannot go on: " + unnumbered(v.found)}
		default:
			h.endPanicking(v)
		}
		err = h.end
	}()
	h.w.acting = 0
	if err := f(); err != nil {
		return err
	}
	// What the agenda got meanwhile are clocks, which only the caller moves, and
	// reports on snapshots.
	for h.w.agenda.Len() > 0 {
		if e := h.w.agenda.Next(); e.kind == eventReportSnapshot {
			h.w.handle(&e)
		}
	}
	return nil
}

// endPanicking ends the run by a panic that is being recovered.
func (h *ByHand) endPanicking(value any) {
	if fn, ok := todo.Recovered(value); ok {
		h.end = &End{NotImplemented: &fn, Reason: "not implemented: " + fn.Name + "; stage " + strings.ToLower(fn.Stage)}
		return
	}
	text := string(debug.Stack())
	if at := strings.LastIndex(text, "\npanic("); at >= 0 {
		text = "goroutine 1 [running]:" + text[at:]
	}
	calls := stack.Parse(text, stack.Root)[0].Calls
	if len(h.broken) > 0 && len(calls) > 0 && strings.HasPrefix(calls[0].File, "lab/rafttest/") && !strings.HasSuffix(calls[0].File, "_test.go") {
		// The suite counts on what was broken before.
		h.end = &End{Reason: "the run cannot go on after what was broken: " + h.broken[len(h.broken)-1].Found}
		return
	}
	own := slices.DeleteFunc(calls, func(c stack.Call) bool {
		return !stack.IsStudents(c.File) && !strings.HasSuffix(c.File, "_test.go")
	})
	found := fmt.Sprintf("node %d panics%s: %v", h.w.acting, stack.In(own), value)
	h.broken = append(h.broken, Broken{Key: noPanic.key(), Node: h.w.acting, Found: found})
	h.end = &End{Reason: found, Stack: stack.Text(own)}
}

// sent takes a message that a node sends.
func (h *ByHand) sent(m *pb.Message) {
	link := [2]uint64{m.From, m.To}
	h.passed[link]++
	h.messages++
	f := Flying{Number: h.messages, Message: copyMessage(m), Nth: h.passed[link]}
	if h.severed(m) {
		h.lose(f)
		return
	}
	h.flight = append(h.flight, f)
}

func (h *ByHand) severed(m *pb.Message) bool {
	return h.sides != nil && h.sides[m.From] != h.sides[m.To]
}

// lose drops f, which is no longer in flight.
func (h *ByHand) lose(f Flying) {
	h.lost = append(h.lost, f)
	if f.Message.MsgType == pb.MessageType_MsgSnapshot {
		h.w.reportSnapshot(f.Message.From, f.Message.To, 2*f.Nth, false)
	}
}

// up returns the node with that id, which must run.
func (h *ByHand) up(id uint64) (*replica, error) {
	r, err := h.any(id)
	if err == nil && r.node == nil {
		err = errors.Errorf("node %d is down", id)
	}
	return r, err
}

func (h *ByHand) any(id uint64) (*replica, error) {
	if r := h.w.replica(id); r != nil {
		return r, nil
	}
	return nil, errors.Errorf("there is no node %d", id)
}

// on makes f happen to a node that runs, and handles what comes of it.
func (h *ByHand) on(id uint64, f func(r *replica) error) error {
	return h.event(func() error {
		r, err := h.up(id)
		if err != nil {
			return err
		}
		h.w.acting = id
		if err := f(r); err != nil {
			return err
		}
		h.w.work(r)
		return nil
	})
}

// Tick advances the clock of a node by one tick.
func (h *ByHand) Tick(id uint64) error {
	return h.on(id, func(r *replica) error { r.node.Tick(); return nil })
}

// Campaign makes a node begin an election, as if its timeout had elapsed.
func (h *ByHand) Campaign(id uint64) error {
	return h.on(id, func(r *replica) error { return r.node.Campaign() })
}

// Propose hands data to a node. A node that is not the leader refuses it.
func (h *ByHand) Propose(id uint64, data string) error {
	var refused error
	err := h.on(id, func(r *replica) error {
		h.proposals++
		n := h.proposals
		h.w.seen.proposed(n)
		index, term, err := r.node.Propose(append(proposal(n, 0), ":"+data...))
		switch {
		case err != nil:
			h.w.seen.refused(n)
			refused = &Refusal{err}
		case r.status.RaftState == raft.StateLeader:
			h.w.seen.places[n] = place{index, term}
		}
		return nil
	})
	return firstError(err, refused)
}

// unnumbered returns text without the numbers that make proposals unique.
func unnumbered(text string) string {
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(text, `"p`)
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		b.WriteByte('"')
		if n := len(rest) - len(strings.TrimLeft(rest, "0123456789")); n > 0 && strings.HasPrefix(rest[n:], ":") {
			rest = rest[n+1:]
		} else {
			b.WriteByte('p')
		}
		text = rest
	}
}

// AddMember asks the node via to add node id, and RemoveMember to remove it. A node
// that is added and was never there starts with an empty disk.
func (h *ByHand) AddMember(via, id uint64) error {
	if id == 0 || id > maxNodes {
		return errors.Errorf("a node has an id from 1 to %d, not %d", maxNodes, id)
	}
	return h.change(via, &pb.ConfChange{ChangeType: pb.ConfChangeType_AddNode, NodeId: id})
}

// RemoveMember asks the node via to remove node id.
func (h *ByHand) RemoveMember(via, id uint64) error {
	if _, err := h.any(id); err != nil {
		return err
	}
	return h.change(via, &pb.ConfChange{ChangeType: pb.ConfChangeType_RemoveNode, NodeId: id})
}

func (h *ByHand) change(via uint64, cc *pb.ConfChange) error {
	var refused error
	err := h.on(via, func(r *replica) error {
		if _, _, err := r.node.ProposeConfChange(cc); err != nil {
			refused = &Refusal{err}
			return nil
		}
		if h.w.replica(cc.NodeId) == nil {
			// It knows the first members, from whom the log leads to the present
			// ones.
			h.w.addReplica(cc.NodeId, NewDisk(h.first))
			if h.sides != nil {
				h.sides[cc.NodeId] = h.sides[via]
			}
		}
		h.w.acting = via
		return nil
	})
	return firstError(err, refused)
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// Transfer asks the node via to hand its leadership to node to.
func (h *ByHand) Transfer(via, to uint64) error {
	return h.on(via, func(r *replica) error {
		if _, err := h.any(to); err != nil {
			return err
		}
		r.node.TransferLeader(to)
		return nil
	})
}

// Compact replaces what a node has applied of its log by a snapshot.
func (h *ByHand) Compact(id uint64) error {
	return h.on(id, func(r *replica) error {
		index := r.app.applied
		if index <= r.disk.now.before {
			return errors.Errorf("node %d has applied nothing that is still in its log", id)
		}
		if err := r.disk.Compact(index, &pb.ConfState{Nodes: slices.Clone(r.app.members)}, r.app.encode()); err != nil {
			return err
		}
		r.disk.Sync()
		r.log.discard(index)
		r.durable = r.log
		return nil
	})
}

// Crash stops a node. What was not synced is lost.
func (h *ByHand) Crash(id uint64) error {
	return h.event(func() error {
		r, err := h.up(id)
		if err != nil {
			return err
		}
		r.disk.Crash()
		h.w.relearn(r)
		r.node = nil
		r.status.RaftState = raft.StateFollower
		return nil
	})
}

// Restart starts a node that is down from what its disk holds.
func (h *ByHand) Restart(id uint64) error {
	return h.event(func() error {
		r, err := h.any(id)
		if err != nil {
			return err
		}
		if r.node != nil {
			return errors.Errorf("node %d is up", id)
		}
		h.w.start(r)
		h.w.work(r)
		return nil
	})
}

// InFlight returns the messages in flight, oldest first.
func (h *ByHand) InFlight() []Flying { return slices.Clone(h.flight) }

// Lost returns the messages that the last event has lost.
func (h *ByHand) Lost() []Flying { return h.lost }

// Deliver makes the nth message in flight arrive, from 0. There must be that many.
func (h *ByHand) Deliver(n int) error {
	return h.event(func() error {
		r, err := h.up(h.flight[n].Message.To)
		if err != nil {
			return err
		}
		f := h.flight[n]
		h.flight = slices.Delete(h.flight, n, n+1)
		h.w.deliver(r, f.Message, 2*f.Nth)
		return nil
	})
}

// Drop loses the nth message in flight.
func (h *ByHand) Drop(n int) error {
	return h.event(func() error {
		f := h.flight[n]
		h.flight = slices.Delete(h.flight, n, n+1)
		h.lose(f)
		return nil
	})
}

// Duplicate puts a copy of the nth message in flight after all others.
func (h *ByHand) Duplicate(n int) error {
	return h.event(func() error {
		f := h.flight[n]
		if f.Message.MsgType == pb.MessageType_MsgPropose {
			return errors.New("a network may repeat a proposal, but then it is proposed twice: propose it again")
		}
		h.messages++
		f.Number, f.Message = h.messages, copyMessage(f.Message)
		h.flight = append(h.flight, f)
		return nil
	})
}

// Partition loses every message between nodes of different sides, those in flight
// and those to come, until Heal. Each node is on one side.
func (h *ByHand) Partition(sides [][]uint64) error {
	return h.event(func() error {
		of := map[uint64]int{}
		for i, side := range sides {
			for _, id := range side {
				if _, err := h.any(id); err != nil {
					return err
				}
				if _, twice := of[id]; twice {
					return errors.Errorf("node %d is on two sides", id)
				}
				of[id] = i
			}
		}
		for _, r := range h.w.nodes {
			if r == nil {
				continue
			}
			if _, ok := of[r.id]; !ok {
				return errors.Errorf("node %d is on no side", r.id)
			}
		}
		h.sides = of
		for i := 0; i < len(h.flight); {
			if f := h.flight[i]; h.severed(f.Message) {
				h.flight = slices.Delete(h.flight, i, i+1)
				h.lose(f)
			} else {
				i++
			}
		}
		return nil
	})
}

// Heal ends a partition.
func (h *ByHand) Heal() error {
	return h.event(func() error {
		if h.sides == nil {
			return errors.New("the network is not partitioned")
		}
		h.sides = nil
		return nil
	})
}

// Sides returns the sides of a partition, or nothing.
func (h *ByHand) Sides() [][]uint64 {
	var sides [][]uint64
	for id := uint64(1); id <= uint64(len(h.w.nodes)); id++ {
		side, ok := h.sides[id]
		if !ok {
			continue
		}
		for len(sides) <= side {
			sides = append(sides, nil)
		}
		sides[side] = append(sides[side], id)
	}
	return sides
}

// Run lets one round of time pass without a hand: most messages in flight arrive,
// in order, a few are late or, of each hundred, loss get lost, all by the seed;
// then each clock ticks once. Messages to a node that is down are lost.
func (h *ByHand) Run(loss int) error {
	if h.end != nil {
		return h.end
	}
	h.rounds++
	for n := len(h.flight); n > 0; n-- {
		f := h.flight[0]
		about := f.Message.From<<32 | f.Message.To
		r := h.w.replica(f.Message.To)
		var err error
		switch {
		case r.node == nil, h.w.dice.Chance(float64(loss)/100, askLoss, f.Nth, about):
			err = h.Drop(0)
		case h.w.dice.Chance(0.2, askDelay, f.Nth<<20+h.rounds, about):
			h.flight = append(h.flight[1:], f)
		default:
			err = h.Deliver(0)
		}
		if err != nil {
			return err
		}
	}
	for _, r := range slices.Clone(h.w.nodes) {
		if r == nil || r.node == nil {
			continue
		}
		if err := h.Tick(r.id); err != nil {
			return err
		}
	}
	return nil
}

// Broken returns what was found broken so far.
func (h *ByHand) Broken() []Broken { return h.broken }

// End returns why the run cannot go on, or nil.
func (h *ByHand) End() *End { return h.end }

// A NodeState is what is to be seen of a node, for people and for JSON.
type NodeState struct {
	ID     uint64 `json:"id"`
	Up     bool   `json:"up"`
	Member bool   `json:"member"` // as far as the group has committed

	// What the node says. All but ID is zero while the node is down.
	Role       string        `json:"role"`
	Term       uint64        `json:"term"`
	Vote       uint64        `json:"vote"`
	Lead       uint64        `json:"lead"`
	Commit     uint64        `json:"commit"`
	Applied    uint64        `json:"applied"`
	Members    []uint64      `json:"members"`
	Transferee uint64        `json:"transferee"`
	Progress   []MemberState `json:"progress"` // of a leader

	// Timeout is the election timeout that the node drew last, in ticks, or 0.
	Timeout  int `json:"timeout"`
	Restarts int `json:"restarts"`

	// What is on its disk. SavedTerm, SavedVote and SavedCommit are what a crash
	// leaves; Before is the last index that a snapshot has replaced.
	SavedTerm   uint64       `json:"savedTerm"`
	SavedVote   uint64       `json:"savedVote"`
	SavedCommit uint64       `json:"savedCommit"`
	Before      uint64       `json:"before"`
	BeforeTerm  uint64       `json:"beforeTerm"`
	Log         []EntryState `json:"log"`
}

// A MemberState is what a leader knows about the log of a member.
type MemberState struct {
	ID    uint64 `json:"id"`
	Match uint64 `json:"match"`
	Next  uint64 `json:"next"`
}

// An EntryState is an entry of a log.
type EntryState struct {
	Index uint64 `json:"index"`
	Term  uint64 `json:"term"`
	// Text is what was proposed, or the change of membership. A leader's first
	// entry has none.
	Text    string `json:"text"`
	Change  bool   `json:"change"`
	Durable bool   `json:"durable"`
}

// Nodes returns the state of each node, in the order of their ids.
func (h *ByHand) Nodes() []NodeState {
	var all []NodeState
	for _, r := range h.w.nodes {
		if r != nil {
			all = append(all, h.state(r))
		}
	}
	return all
}

func (h *ByHand) state(r *replica) NodeState {
	disk, saved := &r.disk.now, r.disk.synced.hard
	s := NodeState{
		ID: r.id, Up: r.node != nil, Member: slices.Contains(h.w.seen.members(), r.id),
		Restarts: int(r.incarnation) - 1, Timeout: h.draws[r.id],
		SavedTerm: saved.GetTerm(), SavedVote: saved.GetVote(), SavedCommit: saved.GetCommit(),
		Before: disk.before, BeforeTerm: disk.beforeTerm,
		Members: []uint64{}, Progress: []MemberState{}, Log: []EntryState{},
	}
	for i, e := range disk.entries {
		synced := e.Index > r.disk.synced.before && e.Index <= r.disk.synced.last() &&
			r.disk.synced.entries[e.Index-r.disk.synced.before-1] == disk.entries[i]
		es := EntryState{Index: e.Index, Term: e.Term, Durable: synced}
		if e.EntryType == pb.EntryType_EntryConfChange {
			es.Text, es.Change = describeConfChange(e.Data), true
		} else if _, text, ok := strings.Cut(string(e.Data), ":"); ok {
			es.Text = text
		}
		s.Log = append(s.Log, es)
	}
	if !s.Up {
		return s
	}
	st := &r.status
	s.Role, s.Term, s.Vote, s.Lead = st.RaftState.String(), st.Term, st.Vote, st.Lead
	s.Commit, s.Applied, s.Transferee = st.Commit, r.app.applied, st.LeadTransferee
	s.Members = append(s.Members, st.Nodes...)
	for id := uint64(1); id <= maxNodes; id++ {
		if p, ok := st.Progress[id]; ok {
			s.Progress = append(s.Progress, MemberState{ID: id, Match: p.Match, Next: p.Next})
		}
	}
	return s
}
