package play

import (
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/lab/rafttest"
	"github.com/labkv/labkv/lab/todo"
	pb "github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/raft"
)

// A bareNode makes Readys for a node that has no RawNode yet, of what is to be seen of
// it from outside. It knows neither snapshots nor changes of membership, which need
// RawNode.
type bareNode struct {
	node rafttest.Node
	id   uint64

	// hasLog is false while the log cannot be read yet (stage 2AB).
	hasLog bool

	// What the last Ready said. saved is the log with all Readys saved.
	hard    raft.Status
	saved   []*pb.Entry
	applied uint64

	msgs []*pb.Message
}

func newBareNode(n rafttest.Node, c *raft.Config) (rafttest.RawNode, error) {
	b := &bareNode{node: n, id: c.ID, hard: n.Status(), applied: c.Applied}
	_, missing := unwritten(func() { b.node.Entries() })
	b.hasLog = !missing
	if b.hasLog {
		b.saved = slices.Clone(n.Entries())
	}
	return b, nil
}

func (b *bareNode) Tick()                    { b.node.Tick() }
func (b *bareNode) Step(m *pb.Message) error { return b.node.Step(m) }

func (b *bareNode) Campaign() error {
	return b.node.Step(&pb.Message{MsgType: pb.MessageType_MsgHup})
}

func (b *bareNode) Propose(data ...[]byte) (index, term uint64, err error) {
	m := &pb.Message{MsgType: pb.MessageType_MsgPropose, From: b.id, To: b.id}
	for _, d := range data {
		m.Entries = append(m.Entries, &pb.Entry{Data: d})
	}
	return b.propose(m)
}

func (b *bareNode) ProposeConfChange(cc *pb.ConfChange) (index, term uint64, err error) {
	data, err := proto.Marshal(cc)
	if err != nil {
		return 0, 0, err
	}
	return b.propose(&pb.Message{MsgType: pb.MessageType_MsgPropose, From: b.id, To: b.id,
		Entries: []*pb.Entry{{EntryType: pb.EntryType_EntryConfChange, Data: data}}})
}

func (b *bareNode) propose(m *pb.Message) (index, term uint64, err error) {
	if err := b.node.Step(m); err != nil {
		return 0, 0, err
	}
	last := uint64(0)
	if log := b.log(); len(log) > 0 {
		last = log[len(log)-1].Index
	}
	return last + 1 - uint64(len(m.Entries)), b.node.Status().Term, nil
}

func (b *bareNode) ApplyConfChange(*pb.ConfChange) *pb.ConfState {
	panic(todo.Func{Stage: "2AC", Name: "raft.NewRawNode"}.String())
}

func (b *bareNode) TransferLeader(to uint64) {
	_ = b.node.Step(&pb.Message{MsgType: pb.MessageType_MsgTransferLeader, From: to})
}

func (b *bareNode) ReportUnreachable(uint64)    {}
func (b *bareNode) ReportSnapshot(uint64, bool) {}

func (b *bareNode) log() []*pb.Entry {
	if !b.hasLog {
		return nil
	}
	return b.node.Entries()
}

// unsaved returns the entries that differ from those of the last Ready, and all
// after them.
func (b *bareNode) unsaved() []*pb.Entry {
	log := b.log()
	for i, e := range log {
		if i >= len(b.saved) || b.saved[i].Index != e.Index || b.saved[i].Term != e.Term || !slices.Equal(b.saved[i].Data, e.Data) {
			return log[i:]
		}
	}
	return nil
}

// committed returns the entries that are committed and not applied.
func (b *bareNode) committed() []*pb.Entry {
	commit := b.node.Status().Commit
	var all []*pb.Entry
	for _, e := range b.log() {
		if e.Index > b.applied && e.Index <= commit {
			all = append(all, e)
		}
	}
	return all
}

func (b *bareNode) HasReady() bool {
	b.msgs = append(b.msgs, b.node.Messages()...)
	st := b.node.Status()
	return len(b.msgs) > 0 || st.Term != b.hard.Term || st.Vote != b.hard.Vote || st.Commit != b.hard.Commit ||
		st.SoftState != b.hard.SoftState || len(b.unsaved()) > 0 || len(b.committed()) > 0
}

func (b *bareNode) Ready() raft.Ready {
	b.msgs = append(b.msgs, b.node.Messages()...)
	st := b.node.Status()
	rd := raft.Ready{Messages: b.msgs, Entries: b.unsaved(), CommittedEntries: b.committed()}
	b.msgs = nil
	if st.SoftState != b.hard.SoftState {
		rd.SoftState = &raft.SoftState{Lead: st.Lead, RaftState: st.RaftState}
	}
	rd.MustSync = st.Term != b.hard.Term || st.Vote != b.hard.Vote || len(rd.Entries) > 0
	if rd.MustSync || st.Commit != b.hard.Commit {
		rd.HardState = &pb.HardState{Term: st.Term, Vote: st.Vote, Commit: st.Commit}
	}
	b.hard = st
	b.saved = slices.Clone(b.log())
	return rd
}

func (b *bareNode) Advance(rd raft.Ready) {
	if n := len(rd.CommittedEntries); n > 0 {
		b.applied = rd.CommittedEntries[n-1].Index
	}
}

func (b *bareNode) Status() raft.Status {
	st := b.node.Status()
	st.Applied = b.applied
	return st
}
