package rafttest

import (
	"fmt"
	"slices"

	"github.com/pingcap/errors"
	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/graded"
	pb "github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/raft"
)

// handedOutTests hold a RawNode to this: what it hands out adds up to what it is.
var handedOutTests = []Test{
	{
		Name:  "HandedOutAddsUp2AC",
		Claim: graded.Claim{Text: "HasReady reports every change that an application has not been handed out, and once it reports none, the application knows the node's role, leader, term, vote, log and commit index, and has applied what is committed", Source: "the Ready contract"},
		Run:   handedOutAddsUp,
	},
	{
		Name:  "LateAdvance2AC",
		Claim: graded.Claim{Text: "Advance may be called again for an earlier Ready, and changes nothing", Source: "the Ready contract"},
		Run:   lateAdvance,
	},
	{
		Name:  "UnreadableStorageIsAnError2AC",
		Claim: graded.Claim{Text: "a node whose storage cannot be read does not start: it may have voted", Source: "the contract of NewRawNode, Raft Figure 2"},
		Run:   unreadableStorageIsAnError,
	},
}

// A truthful node fails its test if it has something to hand out, and says that
// it has nothing.
type truthful struct {
	RawNode
	t *graded.T
}

func (n truthful) HasReady() bool {
	n.t.Helper()
	if n.RawNode.HasReady() {
		return true
	}
	rd := n.RawNode.Ready()
	if text := describeReady(rd); text != "nothing" {
		n.t.Fatalf("HasReady says that node 1 has nothing to hand out, but it has: %s", text)
	}
	n.RawNode.Advance(rd)
	return false
}

// A listener is an application that remembers what it was told.
type listener struct {
	*driver
	soft raft.SoftState
}

// listen starts node 1 of impl from what is on disk.
func listen(t *graded.T, impl Implementation, disk *Disk) *listener {
	t.Helper()
	d := drive(t, impl, 1, disk)
	d.RawNode = truthful{d.RawNode, t}
	return &listener{driver: d, soft: raft.SoftState{RaftState: raft.StateFollower}}
}

// next takes the next Ready, and notes what it says.
func (l *listener) next() raft.Ready {
	l.t.Helper()
	rd := l.take()
	if rd.SoftState != nil {
		l.soft = *rd.SoftState
	}
	return rd
}

// addsUp handles what there is to handle, and compares the node with what it has
// handed out.
func (l *listener) addsUp(after string) {
	l.t.Helper()
	for l.HasReady() {
		l.finish(l.next())
	}
	st := l.Status()
	if l.soft != st.SoftState {
		l.t.Fatalf("after %s, node 1 is %v and takes %d for the leader (0 is none), and HasReady says that there is nothing to hand out, but its application was last told that it is %v, and that the leader is %d",
			after, st.RaftState, st.Lead, l.soft.RaftState, l.soft.Lead)
	}
	is := &pb.HardState{Term: st.Term, Vote: st.Vote, Commit: st.Commit}
	if hard := l.disk.now.hard; hardStateText(hard) != hardStateText(is) {
		l.t.Fatalf("after %s, node 1 is in %s, and HasReady says that there is nothing to hand out, but what it was told to save is %s",
			after, hardStateText(is), hardStateText(hard))
	}
	if applied := l.after + uint64(len(l.applied)); applied != st.Commit || applied != st.Applied {
		l.t.Fatalf("after %s, node 1 has committed up to %d, and HasReady says that there is nothing to hand out, but its application was given what to apply up to %d, and its applied index is %d",
			after, st.Commit, applied, st.Applied)
	}
}

// An input is something that happens to node 1 of three.
type input struct {
	what string
	do   func(l *listener)
}

// receives is the input of a message of the node's term plus later.
func receives(what string, later uint64, m *pb.Message) input {
	return input{what, func(l *listener) {
		m := copyMessage(m)
		m.Term = l.Status().Term + later
		l.in(m)
	}}
}

var campaigns = input{"it campaigns", func(l *listener) {
	l.note("campaign")
	_ = l.Campaign()
}}

// proposed is the input of a proposal, which the node may refuse: it may lead only
// once its vote is saved.
func proposed(data string) input {
	return input{fmt.Sprintf("the proposal %q", data), func(l *listener) {
		l.note("propose %q", data)
		_, _, _ = l.Propose([]byte(data))
	}}
}

func handedOutAddsUp(t *graded.T, impl Implementation) {
	for _, c := range []struct {
		name   string
		size   int
		inputs []input
	}{
		{"a lost election", 3, []input{
			receives("a heartbeat of node 2", 1, heartbeat(2, 0, 0)),
			campaigns,
			receives("the refusal of node 2", 0, refuse(2, 0)),
			receives("the refusal of node 3", 0, refuse(3, 0)),
			receives("a heartbeat of node 3", 0, heartbeat(3, 0, 0)),
			campaigns,
			receives("the refusal of node 3", 0, refuse(3, 0)),
			receives("the refusal of node 2", 0, refuse(2, 0)),
			campaigns,
		}},
		{"a later term", 3, []input{
			receives("a vote of a later term", 1, grant(2, 0)),
			campaigns,
			receives("a refusal of a later term", 3, refuse(2, 0)),
			campaigns,
			receives("the vote of node 3", 0, grant(3, 0)),
			receives("an answer of a later term", 1, heartbeatAnswer(2, 0)),
			campaigns,
			receives("the vote of node 3", 0, grant(3, 0)),
			receives("a vote request of a later term", 1, requestVote(2, 0, 0, 0)),
			receives("a vote request that it grants", 0, requestVote(3, 0, 9, 9)),
		}},
		{"entries", 3, []input{
			receives("two entries", 1, appendAfter(2, 0, 0, 0, 0, entriesFrom(1, 1, 1)...)),
			receives("what is committed", 0, heartbeat(2, 0, 1)),
			receives("another entry, in place of the second", 1, appendAfter(3, 0, 1, 1, 1, entriesFrom(2, 2)...)),
			receives("that all is committed", 0, appendAfter(3, 0, 2, 2, 2)),
			receives("a heartbeat", 0, heartbeat(3, 0, 2)),
			receives("entries that are committed", 0, appendAfter(3, 0, 2, 2, 4, entriesFrom(3, 2, 2)...)),
		}},
		{"a leader", 3, []input{
			campaigns,
			receives("the vote of node 2", 0, grant(2, 0)),
			proposed("a"),
			receives("an acknowledgement of node 2", 0, matchUpTo(2, 0, 1)),
			proposed("b"),
			proposed("c"),
			receives("an acknowledgement of node 3", 0, matchUpTo(3, 0, 3)),
			receives("an acknowledgement of node 2", 0, matchUpTo(2, 0, 4)),
			receives("a rejection of node 3", 0, rejectAppend(3, 0, 4, 3, 1)),
			receives("an acknowledgement of node 3", 0, matchUpTo(3, 0, 4)),
			receives("a heartbeat of the next leader", 1, heartbeat(3, 0, 4)),
			campaigns,
		}},
		{"a group of one", 1, []input{
			campaigns,
			proposed("a"),
			proposed("b"),
			receives("a vote of a later term", 1, grant(2, 0)),
			campaigns,
			proposed("c"),
		}},
	} {
		runCase(t, c.name, func(t *graded.T) {
			l := listen(t, impl, NewDisk(upTo(c.size)))
			for _, in := range c.inputs {
				in.do(l)
				l.addsUp(in.what)
			}
		})
		// Each input comes while the application handles what became of the one
		// before: of the even ones, of the odd ones.
		for first := range 2 {
			runCase(t, fmt.Sprintf("%s, each while another is handled, from %d on", c.name, first), func(t *graded.T) {
				l := listen(t, impl, NewDisk(upTo(c.size)))
				for i := 0; i < len(c.inputs); i++ {
					in := c.inputs[i]
					in.do(l)
					if i%2 == first && i+1 < len(c.inputs) && l.HasReady() {
						rd := l.next()
						i++
						c.inputs[i].do(l)
						l.finish(rd)
					}
					l.addsUp(c.inputs[i].what)
				}
			})
		}
	}
	runCase(t, "a restart", func(t *graded.T) {
		disk := NewDisk(upTo(3), 1, 1, 2)
		disk.SetHardState(2, 0, 2)
		l := listen(t, impl, disk)
		l.addsUp("a restart")
		require.Equal(t, []uint64{1, 2}, indexesOf(l.applied), "what is handed out after a restart")
	})
}

func lateAdvance(t *graded.T, impl Implementation) {
	d := drive(t, impl, 1, NewDisk(upTo(3)))
	var handled []raft.Ready
	handle := func() {
		t.Helper()
		for d.HasReady() {
			rd := d.take()
			d.finish(rd)
			handled = append(handled, rd)
		}
		// All that came before once more, the oldest last.
		for _, rd := range slices.Backward(handled) {
			d.advance(rd)
		}
	}
	d.in(appendAfter(2, 1, 0, 0, 1, entriesFrom(1, 1, 1, 1)...))
	handle()
	d.in(appendAfter(2, 1, 3, 1, 3, entriesFrom(4, 1)...))
	handle()
	d.in(appendAfter(3, 2, 3, 1, 3, entriesFrom(4, 2, 2)...))
	handle()
	d.in(heartbeat(3, 2, 5))
	handle()
	d.in(appendAfter(3, 2, 5, 2, 6, entriesFrom(6, 2)...))
	handle()
	require.Equal(t, []uint64{1, 2, 3, 4, 5, 6}, indexesOf(d.applied), "what was handed out to be applied")
	require.Equal(t, []uint64{1, 1, 1, 2, 2, 2}, termsOf(d.disk.now.entries), "the terms of the log on disk")
	require.Equal(t, uint64(6), d.Status().Applied, "the applied index")
}

// errUnreadable is what a broken disk returns.
var errUnreadable = errors.New("input/output error")

// A brokenDisk cannot read the hard state.
type brokenDisk struct{ *Disk }

func (brokenDisk) InitialState() (*pb.HardState, *pb.ConfState, error) {
	return nil, nil, errUnreadable
}

func unreadableStorageIsAnError(t *graded.T, impl Implementation) {
	_, err := impl.NewRawNode(configOf(1, brokenDisk{NewDisk(upTo(3), 1, 1)}))
	if err == nil {
		t.Fatalf("InitialState of the storage returns the error %q, so it is not known how node 1 has voted; but it starts", errUnreadable)
	}
}
