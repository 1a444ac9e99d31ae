package rafttest

import (
	"fmt"
	"strings"

	"github.com/labkv/labkv/lab/fold"
	"github.com/labkv/labkv/lab/graded"
	pb "github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/raft"
)

// A driver is an application that handles the Readys of one node a step at a
// time, so that a test can put anything between two steps. Of each Ready it
// checks what every Ready must keep: its entries follow what is on the disk, what
// is committed is saved and comes once and in order, and no message promises what
// is not saved with it.
type driver struct {
	RawNode
	t    *graded.T
	id   uint64
	disk *Disk

	// applied is everything that was applied since the start, after is the
	// index before it.
	applied []*pb.Entry
	after   uint64

	// taken counts the Readys.
	taken int

	// history is what happened last, for the report of a failure.
	history []string
}

// drive starts node id of impl from what is on disk.
func drive(t *graded.T, impl Implementation, id uint64, disk *Disk) *driver {
	t.Helper()
	applied, _ := disk.Applied()
	d := &driver{t: t, id: id, disk: disk, after: applied}
	n, err := impl.NewRawNode(configOf(id, disk, patient, func(c *raft.Config) { c.Applied = applied }))
	if err != nil {
		t.Fatalf("node %d does not start: %v", id, err)
	}
	d.RawNode = n
	t.Cleanup(func() {
		if t.Failed() {
			const most = 30
			lines := fold.Lines(d.history, longestCycle)
			graded.Explain(t, "fate", strings.Join(lines[max(0, len(lines)-most):], "\n"))
		}
	})
	return d
}

func (d *driver) note(format string, args ...any) {
	// More than are shown, since many of them may be the same again.
	const most = 300
	if len(d.history) == most {
		d.history = d.history[:copy(d.history, d.history[most/2:])]
	}
	d.history = append(d.history, fmt.Sprintf(format, args...))
}

// in hands m to the node.
func (d *driver) in(m *pb.Message) {
	m.To = d.id
	d.note("in: %s", describe(m))
	_ = d.Step(m)
}

// ticks lets the clock tick n times.
func (d *driver) ticks(n int) {
	d.note("%d ticks", n)
	for range n {
		d.Tick()
	}
}

// lapse lets the time pass for which a node may protect a leader that it has heard
// of from candidates (thesis §4.2.3).
func (d *driver) lapse() {
	d.t.Helper()
	d.ticks(electionTick)
	d.settle()
}

// proposes proposes each of data, which the node must take.
func (d *driver) proposes(data ...string) {
	d.t.Helper()
	for _, s := range data {
		d.note("propose %q", s)
		if _, _, err := d.Propose([]byte(s)); err != nil {
			d.t.Fatalf("leader %d does not take a proposal: %v", d.id, err)
		}
	}
}

// take returns the next Ready, which there must be.
func (d *driver) take() raft.Ready {
	d.t.Helper()
	const limit = 10_000
	if d.taken++; d.taken > limit {
		d.t.Fatalf("node %d still has a Ready after %d of them", d.id, limit)
	}
	if !d.HasReady() {
		d.t.Fatalf("node %d has no Ready, although there is something to do", d.id)
	}
	rd := d.Ready()
	d.note("Ready: %s", describeReady(rd))
	return rd
}

// save saves and syncs what rd asks for, and returns its messages.
func (d *driver) save(rd raft.Ready) []*pb.Message {
	d.t.Helper()
	if err := d.disk.Save(rd); err != nil {
		d.t.Fatalf("the Ready of node %d cannot be saved: %v", d.id, err)
	}
	d.disk.Sync()
	d.note("saved: the log ends at %s", position(d.disk.last(), d.lastTerm()))
	for _, m := range rd.Messages {
		d.checkPromise(m)
	}
	return rd.Messages
}

func (d *driver) lastTerm() uint64 {
	term, _ := d.disk.Term(d.disk.last())
	return term
}

// checkPromise checks that what m promises is on the disk.
func (d *driver) checkPromise(m *pb.Message) {
	d.t.Helper()
	bad := func(format string, args ...any) {
		d.t.Helper()
		d.t.Fatalf("node %d sends %s, but with that Ready saved, %s", d.id, describe(m), fmt.Sprintf(format, args...))
	}
	hard := d.disk.now.hard
	if m.Term > hard.Term {
		bad("the term on disk is %d", hard.Term)
	}
	if m.Term < hard.Term {
		return
	}
	switch m.MsgType {
	case pb.MessageType_MsgRequestVote:
		if hard.Vote != d.id {
			bad("the vote on disk is for %d", hard.Vote)
		}
	case pb.MessageType_MsgRequestVoteResponse:
		if !m.Reject && hard.Vote != m.To {
			bad("the vote on disk is for %d", hard.Vote)
		}
	case pb.MessageType_MsgAppendResponse:
		if !m.Reject && m.Index > d.disk.last() {
			bad("the log on disk ends at %d", d.disk.last())
		}
	case pb.MessageType_MsgAppend:
		for _, e := range m.Entries {
			if term, err := d.disk.Term(e.Index); err != nil || term != e.Term {
				bad("entry %s is not on disk", describeEntry(e))
			}
		}
	}
}

// apply applies what rd has committed.
func (d *driver) apply(rd raft.Ready) {
	d.t.Helper()
	for _, e := range rd.CommittedEntries {
		if want := d.after + uint64(len(d.applied)) + 1; e.Index != want {
			d.t.Fatalf("node %d hands out entry %s as committed, but the next to apply is %d", d.id, describeEntry(e), want)
		}
		if term, err := d.disk.Term(e.Index); err != nil || term != e.Term {
			d.t.Fatalf("node %d hands out entry %s as committed, but it is neither on disk nor in this Ready", d.id, describeEntry(e))
		}
		if commit := d.disk.now.hard.Commit; e.Index > commit {
			d.t.Fatalf("node %d hands out entry %s as committed, but the commit index that it has handed out is %d", d.id, describeEntry(e), commit)
		}
		d.applied = append(d.applied, e)
	}
	if n := len(d.applied); n > 0 {
		d.disk.SaveApplied(d.applied[n-1].Index, d.disk.now.conf, nil)
		d.disk.Sync()
	}
}

// advance tells the node that rd is done.
func (d *driver) advance(rd raft.Ready) {
	d.note("Advance")
	d.Advance(rd)
}

// finish does everything that is left to do with rd, and returns its messages.
func (d *driver) finish(rd raft.Ready) []*pb.Message {
	d.t.Helper()
	msgs := d.save(rd)
	d.apply(rd)
	d.advance(rd)
	return msgs
}

// settle handles Readys until there are none, and returns what was sent.
func (d *driver) settle() []*pb.Message {
	d.t.Helper()
	var msgs []*pb.Message
	for d.HasReady() {
		msgs = append(msgs, d.finish(d.take())...)
	}
	return msgs
}

// idle fails unless there is nothing to do.
func (d *driver) idle(why string) {
	d.t.Helper()
	if d.HasReady() {
		d.t.Fatalf("%s, but node %d has a Ready: %s", why, d.id, describeReady(d.Ready()))
	}
}

// lead makes the node the leader of the next term, in a group of three whose
// node 2 votes for it. What it then sends is lost.
func (d *driver) lead() {
	d.t.Helper()
	d.note("campaign")
	if err := d.Campaign(); err != nil {
		d.t.Fatalf("node %d does not campaign: %v", d.id, err)
	}
	d.settle()
	d.in(grant(2, d.Status().Term))
	d.settle()
	if st := d.Status(); st.RaftState != raft.StateLeader {
		d.t.Fatalf("node %d has a majority of the votes, but is a %v", d.id, st.RaftState)
	}
}

// data returns what was applied and is not empty.
func (d *driver) data() []string {
	data := []string{}
	for _, e := range d.applied {
		if len(e.Data) > 0 {
			data = append(data, string(e.Data))
		}
	}
	return data
}

// describeReady returns rd on one line.
func describeReady(rd raft.Ready) string {
	text := ""
	add := func(format string, args ...any) {
		if text != "" {
			text += "; "
		}
		text += fmt.Sprintf(format, args...)
	}
	if s := rd.SoftState; s != nil {
		add("%v, leader %d", s.RaftState, s.Lead)
	}
	if h := rd.HardState; h != nil {
		add("term %d, vote %d, commit %d", h.Term, h.Vote, h.Commit)
	}
	if rd.Snapshot != nil {
		add("%s", describeSnapshot(rd.Snapshot))
	}
	if len(rd.Entries) > 0 {
		add("entries %s", describeEntries(rd.Entries))
	}
	if len(rd.CommittedEntries) > 0 {
		add("committed %s", describeEntries(rd.CommittedEntries))
	}
	if len(rd.Messages) > 0 {
		add("messages %s", describeMessages(rd.Messages))
	}
	if rd.MustSync {
		add("to be synced")
	}
	if text == "" {
		return "nothing"
	}
	return text
}
