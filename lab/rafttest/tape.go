package rafttest

import (
	"bufio"
	"encoding/gob"
	"fmt"
	"io"
	"sync"
	"testing"

	"github.com/labkv/labkv/lab/graded"

	stderrors "errors"

	"github.com/pingcap/errors"
	"google.golang.org/protobuf/proto"

	pb "github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/raft"
)

// A tape holds all that the nodes of an implementation answer, in the order of the calls.
//
// The suite decides by these answers alone: it keeps the disks, the network, the clock and
// the schedule itself, and everything it draws comes from the seed. So a test can be run
// again from a tape, in a process that has no line of the implementation in it, and comes to
// the same verdict and the same digest. A tape that passes a test without having been
// recorded from a Raft would have to be written by something that does what a Raft does.
//
// Nodes are numbered in the order in which they start. Each reply names its node and its
// call, so that a tape which does not belong to a run is noticed at its first wrong call.

// A reply is what one call returns. It has the fields that the call has.
type reply struct {
	Node int
	Call string

	Err         failure
	OK          bool
	Index, Term uint64
	Status      *recordedStatus
	Ready       *recordedReady
	Messages    [][]byte // marshaled pb.Message
	Entries     [][]byte // marshaled pb.Entry
	ConfState   []byte   // marshaled pb.ConfState
}

// recordedStatus is a raft.Status. Fields that a student has added are of no interest to
// the suite.
type recordedStatus struct {
	ID, Term, Vote, Commit, Lead, Applied, LeadTransferee uint64
	Role                                                  raft.StateType
	Nodes                                                 []uint64
	Progress                                              map[uint64]recordedProgress
}

type recordedProgress struct{ ID, Match, Next uint64 }

// recordedReady is a raft.Ready.
type recordedReady struct {
	Soft                         *recordedSoft
	Hard, Snapshot               []byte // marshaled
	HasHard, HasSnapshot         bool
	Entries, Committed, Messages [][]byte
	MustSync                     bool
}

type recordedSoft struct {
	Lead uint64
	Role raft.StateType
}

// A failure is an error. Known stands for one of knownErrors, from 1.
type failure struct {
	Known int
	Text  string
}

// knownErrors are the errors that mean something to the caller.
var knownErrors = []error{
	raft.ErrNotLeader, raft.ErrLeaderTransfer, raft.ErrConfChangePending, raft.ErrStepLocalMsg, raft.ErrStepPeerNotFound,
	raft.ErrCompacted, raft.ErrUnavailable, raft.ErrSnapshotTemporarilyUnavailable, raft.ErrSnapOutOfDate,
}

func recordError(err error) failure {
	if err == nil {
		return failure{}
	}
	for i, known := range knownErrors {
		if stderrors.Is(err, known) {
			return failure{Known: i + 1, Text: err.Error()}
		}
	}
	return failure{Text: "error: " + err.Error()}
}

func (f failure) err() error {
	switch {
	case f.Known > 0 && f.Known <= len(knownErrors):
		return knownErrors[f.Known-1]
	case f.Text != "":
		return errors.New(f.Text)
	}
	return nil
}

// Record returns impl with a tape of what its nodes answer, which it writes to w.
func Record(impl Implementation, w io.Writer) Implementation {
	return &recorder{Implementation: impl, tape: gob.NewEncoder(w)}
}

type recorder struct {
	Implementation
	tape  *gob.Encoder
	nodes int
}

func (r *recorder) record(a reply) {
	if err := r.tape.Encode(a); err != nil {
		panic(errors.Annotate(err, "record the answers of nodes"))
	}
}

func (r *recorder) NewNode(c *raft.Config) (Node, error) {
	n, err := r.Implementation.NewNode(c)
	r.nodes++
	r.record(reply{Node: r.nodes, Call: "NewNode", Err: recordError(err)})
	return &recordedNode{taped{r, r.nodes}, n}, err
}

func (r *recorder) NewRawNode(c *raft.Config) (RawNode, error) {
	n, err := r.Implementation.NewRawNode(c)
	r.nodes++
	r.record(reply{Node: r.nodes, Call: "NewRawNode", Err: recordError(err)})
	return &recordedRawNode{taped{r, r.nodes}, n}, err
}

type taped struct {
	recorder *recorder
	number   int
}

func (n taped) record(call string, a reply) {
	a.Node, a.Call = n.number, call
	n.recorder.record(a)
}

type recordedNode struct {
	taped
	node Node
}

func (n *recordedNode) Tick() { n.node.Tick() }

func (n *recordedNode) Step(m *pb.Message) error {
	err := n.node.Step(m)
	n.record("Step", reply{Err: recordError(err)})
	return err
}

func (n *recordedNode) Messages() []*pb.Message {
	messages := n.node.Messages()
	n.record("Messages", reply{Messages: marshalAll(messages)})
	return messages
}

func (n *recordedNode) Status() raft.Status {
	st := n.node.Status()
	n.record("Status", reply{Status: recordStatus(st)})
	return st
}

func (n *recordedNode) Entries() []*pb.Entry {
	entries := n.node.Entries()
	n.record("Entries", reply{Entries: marshalAll(entries)})
	return entries
}

type recordedRawNode struct {
	taped
	node RawNode
}

func (n *recordedRawNode) Tick()                                  { n.node.Tick() }
func (n *recordedRawNode) TransferLeader(transferee uint64)       { n.node.TransferLeader(transferee) }
func (n *recordedRawNode) ReportUnreachable(id uint64)            { n.node.ReportUnreachable(id) }
func (n *recordedRawNode) ReportSnapshot(id uint64, arrived bool) { n.node.ReportSnapshot(id, arrived) }
func (n *recordedRawNode) Advance(rd raft.Ready)                  { n.node.Advance(rd) }

func (n *recordedRawNode) Campaign() error {
	err := n.node.Campaign()
	n.record("Campaign", reply{Err: recordError(err)})
	return err
}

func (n *recordedRawNode) Propose(data ...[]byte) (uint64, uint64, error) {
	index, term, err := n.node.Propose(data...)
	n.record("Propose", reply{Index: index, Term: term, Err: recordError(err)})
	return index, term, err
}

func (n *recordedRawNode) ProposeConfChange(cc *pb.ConfChange) (uint64, uint64, error) {
	index, term, err := n.node.ProposeConfChange(cc)
	n.record("ProposeConfChange", reply{Index: index, Term: term, Err: recordError(err)})
	return index, term, err
}

func (n *recordedRawNode) ApplyConfChange(cc *pb.ConfChange) *pb.ConfState {
	state := n.node.ApplyConfChange(cc)
	n.record("ApplyConfChange", reply{OK: state != nil, ConfState: marshal(state)})
	return state
}

func (n *recordedRawNode) Step(m *pb.Message) error {
	err := n.node.Step(m)
	n.record("Step", reply{Err: recordError(err)})
	return err
}

func (n *recordedRawNode) HasReady() bool {
	has := n.node.HasReady()
	n.record("HasReady", reply{OK: has})
	return has
}

func (n *recordedRawNode) Ready() raft.Ready {
	rd := n.node.Ready()
	r := &recordedReady{
		Hard: marshal(rd.HardState), HasHard: rd.HardState != nil,
		Snapshot: marshal(rd.Snapshot), HasSnapshot: rd.Snapshot != nil,
		Entries: marshalAll(rd.Entries), Committed: marshalAll(rd.CommittedEntries), Messages: marshalAll(rd.Messages),
		MustSync: rd.MustSync,
	}
	if rd.SoftState != nil {
		r.Soft = &recordedSoft{rd.SoftState.Lead, rd.SoftState.RaftState}
	}
	n.record("Ready", reply{Ready: r})
	return rd
}

func (n *recordedRawNode) Status() raft.Status {
	st := n.node.Status()
	n.record("Status", reply{Status: recordStatus(st)})
	return st
}

// CheckInvariants implements Checked. Of a node that does not know what must be true of it,
// there is nothing to say.
func (n *recordedRawNode) CheckInvariants() error {
	var err error
	if checked, ok := n.node.(Checked); ok {
		err = checked.CheckInvariants()
	}
	n.record("CheckInvariants", reply{Err: recordError(err)})
	return err
}

func recordStatus(st raft.Status) *recordedStatus {
	r := &recordedStatus{
		ID: st.ID, Term: st.Term, Vote: st.Vote, Commit: st.Commit, Lead: st.Lead, Applied: st.Applied,
		LeadTransferee: st.LeadTransferee, Role: st.RaftState, Nodes: st.Nodes,
	}
	if st.Progress != nil {
		r.Progress = map[uint64]recordedProgress{}
	}
	for id, p := range st.Progress {
		r.Progress[id] = recordedProgress{p.ID, p.Match, p.Next}
	}
	return r
}

func marshal(m proto.Message) []byte {
	data, err := proto.Marshal(m)
	if err != nil {
		panic(errors.Annotate(err, "record the answers of nodes"))
	}
	return data
}

func marshalAll[M proto.Message](all []M) [][]byte {
	data := make([][]byte, len(all))
	for i, m := range all {
		data[i] = marshal(m)
	}
	return data
}

// Play returns an Implementation whose nodes answer as the tape in r says, and do nothing
// else. A call that is not on the tape panics.
func Play(r io.Reader) Implementation {
	return &player{tape: gob.NewDecoder(bufio.NewReader(r))}
}

type player struct {
	tape  *gob.Decoder
	nodes int
}

func (*player) Name() string { return "tape" }

// next returns the answer to a call of a node.
func (p *player) next(node int, call string) reply {
	var a reply
	if err := p.tape.Decode(&a); err != nil {
		mismatch("it ends before %s of node %d: %v", call, node, err)
	}
	if a.Node != node || a.Call != call {
		mismatch("it has %s of node %d in place of %s of node %d", a.Call, a.Node, call, node)
	}
	return a
}

func mismatch(format string, args ...any) {
	panic("the tape is not of this run: " + fmt.Sprintf(format, args...))
}

func (p *player) NewNode(*raft.Config) (Node, error) {
	p.nodes++
	return playedNode{played{p, p.nodes}}, p.next(p.nodes, "NewNode").Err.err()
}

func (p *player) NewRawNode(*raft.Config) (RawNode, error) {
	p.nodes++
	return playedRawNode{played{p, p.nodes}}, p.next(p.nodes, "NewRawNode").Err.err()
}

// played is what both kinds of nodes have in common.
type played struct {
	player *player
	number int
}

func (n played) next(call string) reply { return n.player.next(n.number, call) }

func (n played) Tick()                  {}
func (n played) Step(*pb.Message) error { return n.next("Step").Err.err() }
func (n played) Status() raft.Status    { return n.next("Status").Status.status() }

type playedNode struct{ played }

func (n playedNode) Messages() []*pb.Message {
	return unmarshalAll[pb.Message](n.next("Messages").Messages)
}

func (n playedNode) Entries() []*pb.Entry {
	return unmarshalAll[pb.Entry](n.next("Entries").Entries)
}

type playedRawNode struct{ played }

func (n playedRawNode) TransferLeader(uint64)       {}
func (n playedRawNode) ReportUnreachable(uint64)    {}
func (n playedRawNode) ReportSnapshot(uint64, bool) {}
func (n playedRawNode) Advance(raft.Ready)          {}
func (n playedRawNode) Campaign() error             { return n.next("Campaign").Err.err() }
func (n playedRawNode) HasReady() bool              { return n.next("HasReady").OK }
func (n playedRawNode) CheckInvariants() error      { return n.next("CheckInvariants").Err.err() }

func (n playedRawNode) Propose(...[]byte) (uint64, uint64, error) {
	a := n.next("Propose")
	return a.Index, a.Term, a.Err.err()
}

func (n playedRawNode) ProposeConfChange(*pb.ConfChange) (uint64, uint64, error) {
	a := n.next("ProposeConfChange")
	return a.Index, a.Term, a.Err.err()
}

func (n playedRawNode) ApplyConfChange(*pb.ConfChange) *pb.ConfState {
	a := n.next("ApplyConfChange")
	return unmarshal[pb.ConfState](a.ConfState, a.OK)
}

func (n playedRawNode) Ready() raft.Ready {
	r := n.next("Ready").Ready
	if r == nil {
		mismatch("it has a Ready without contents")
	}
	rd := raft.Ready{
		HardState:        unmarshal[pb.HardState](r.Hard, r.HasHard),
		Snapshot:         unmarshal[pb.Snapshot](r.Snapshot, r.HasSnapshot),
		Entries:          unmarshalAll[pb.Entry](r.Entries),
		CommittedEntries: unmarshalAll[pb.Entry](r.Committed),
		Messages:         unmarshalAll[pb.Message](r.Messages),
		MustSync:         r.MustSync,
	}
	if r.Soft != nil {
		rd.SoftState = &raft.SoftState{Lead: r.Soft.Lead, RaftState: r.Soft.Role}
	}
	return rd
}

func (r *recordedStatus) status() raft.Status {
	if r == nil {
		mismatch("it has a Status without contents")
	}
	st := raft.Status{
		ID: r.ID, Term: r.Term, Vote: r.Vote, Commit: r.Commit, Applied: r.Applied, LeadTransferee: r.LeadTransferee,
		SoftState: raft.SoftState{Lead: r.Lead, RaftState: r.Role}, Nodes: r.Nodes,
	}
	if r.Progress != nil {
		st.Progress = map[uint64]raft.Progress{}
	}
	for id, p := range r.Progress {
		st.Progress[id] = raft.Progress{ID: p.ID, Match: p.Match, Next: p.Next}
	}
	return st
}

// message is a pointer to a generated type.
type message[T any] interface {
	*T
	proto.Message
}

func unmarshal[T any, M message[T]](data []byte, has bool) M {
	if !has {
		return nil
	}
	m := M(new(T))
	if err := proto.Unmarshal(data, m); err != nil {
		mismatch("%v", err)
	}
	return m
}

func unmarshalAll[T any, M message[T]](data [][]byte) []M {
	var all []M
	for _, d := range data {
		all = append(all, unmarshal[T, M](d, true))
	}
	return all
}

// theTape is what takes the place of the implementation under test in a process that records
// or plays a tape: one for all of its tests.
var theTape struct {
	sync.Once
	impl Implementation
}

// onTape runs a test on impl, or as the process's tape has it.
func onTape(t *testing.T, impl Implementation, run func(*testing.T, Implementation)) {
	t.Helper()
	tape := graded.TapeOf()
	if tape == nil {
		run(t, impl)
		return
	}
	theTape.Do(func() {
		if tape.Play != nil {
			theTape.impl = Play(tape.Play)
		} else {
			theTape.impl = Record(impl, tape.Record)
		}
	})
	if tape.Record != nil {
		defer tape.Record.Flush()
	}
	run(t, theTape.impl)
}
