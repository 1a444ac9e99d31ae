package rafttest

import (
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/lab/graded"
	pb "github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/raft"
)

// A host runs a RawNode as its contract says, with nothing in its way: it saves
// and syncs, sends, applies, advances. So it is a Node, and what a test does
// with one it can do with a host. Its state machine is the list of all data it
// applied.
type host struct {
	RawNode
	t    *graded.T
	id   uint64
	disk *Disk
	out  []*pb.Message

	// applied is the index up to which the host has applied, conf the membership
	// there.
	applied uint64
	conf    *pb.ConfState
	// states[i] is the state at index first + i. The first is that of a
	// snapshot, or empty.
	first  uint64
	states []stateAt

	// hold makes the host put off what it is to apply, in held.
	hold bool
	held *raft.Ready

	// refuse makes the host refuse membership changes.
	refuse bool

	// afterApply, if set, is called when an entry has been applied, before the
	// next one is.
	afterApply func(e *pb.Entry)
}

// A stateAt is the state machine at one index.
type stateAt struct {
	data string // everything applied, each item followed by a semicolon
	conf *pb.ConfState
}

// startHost starts node id of impl from what disk holds. If the test fails, its
// report tells the last steps of the node.
func startHost(t *graded.T, impl Implementation, id uint64, disk *Disk) *solo {
	t.Helper()
	s := bareHost(t, impl, id, disk)
	t.Cleanup(func() {
		if t.Failed() {
			s.explain()
		}
	})
	return s
}

// bareHost is startHost for a node that is going to be in a group.
func bareHost(t *graded.T, impl Implementation, id uint64, disk *Disk) *solo {
	t.Helper()
	snapshot, _ := disk.Snapshot()
	meta := snapshot.GetMetadata()
	h := &host{
		t: t, id: id, disk: disk, first: meta.GetIndex(), applied: meta.GetIndex(),
		states: []stateAt{{string(snapshot.GetData()), meta.GetConfState()}},
	}
	// What was applied after the snapshot comes again, the membership with it.
	disk.ForgetApplied()
	h.conf = meta.GetConfState()
	rn, err := impl.NewRawNode(configOf(id, disk, patient, func(c *raft.Config) { c.Applied = h.applied }))
	if err != nil {
		t.Fatalf("node %d does not start: %v", id, err)
	}
	h.RawNode = rn
	s := watch(t, id, h)
	s.host = h
	s.watchLog()
	return s
}

// startHosts starts a group of hosts, the nodes 1, 2, ..., from their disks.
func startHosts(t *graded.T, impl Implementation, disks []*Disk) *group {
	t.Helper()
	var nodes []*solo
	for i, disk := range disks {
		nodes = append(nodes, bareHost(t, impl, uint64(i)+1, disk))
	}
	return groupOf(t, nodes...)
}

// Step implements Node.
func (h *host) Step(m *pb.Message) error {
	if m.MsgType == pb.MessageType_MsgHup {
		return h.Campaign()
	}
	return h.RawNode.Step(m)
}

// Messages implements Node. It does first what the RawNode wants done.
func (h *host) Messages() []*pb.Message {
	h.t.Helper()
	h.work()
	out := h.out
	h.out = nil
	return out
}

// Entries implements Node.
func (h *host) Entries() []*pb.Entry { return h.disk.now.entries }

// work handles every Ready, up to one whose entries are to be held.
func (h *host) work() {
	h.t.Helper()
	const limit = 100
	for range limit {
		if h.held != nil || !h.HasReady() {
			return
		}
		rd := h.Ready()
		if err := h.disk.Save(rd); err != nil {
			h.t.Fatalf("node %d gave its application a Ready that cannot be saved: %v", h.id, err)
		}
		h.disk.Sync()
		h.out = append(h.out, rd.Messages...)
		if h.hold && len(rd.CommittedEntries) > 0 {
			h.held = &rd
			return
		}
		h.finish(rd)
	}
	h.t.Fatalf("node %d has done %d Readys with no input between them, and HasReady still says that there is more", h.id, limit)
}

// release applies what was held, and goes on.
func (h *host) release() {
	h.t.Helper()
	h.hold = false
	if rd := h.held; rd != nil {
		h.held = nil
		h.finish(*rd)
	}
}

func (h *host) finish(rd raft.Ready) {
	h.t.Helper()
	if s := rd.Snapshot; s != nil {
		if s.Metadata.Index <= h.applied {
			h.t.Fatalf("node %d has applied up to %d, and was handed %s", h.id, h.applied, describeSnapshot(s))
		}
		h.applied, h.first = s.Metadata.Index, s.Metadata.Index
		h.conf = s.Metadata.ConfState
		h.states = []stateAt{{string(s.Data), h.conf}}
	}
	for _, e := range rd.CommittedEntries {
		h.apply(e)
	}
	h.Advance(rd)
}

func (h *host) apply(e *pb.Entry) {
	h.t.Helper()
	if e.Index != h.applied+1 {
		h.t.Fatalf("node %d has applied up to %d, so the next entry to apply is %d, but it was handed %s",
			h.id, h.applied, h.applied+1, describeEntry(e))
	}
	h.applied = e.Index
	data := h.states[len(h.states)-1].data
	switch {
	case e.EntryType == pb.EntryType_EntryConfChange:
		cc := &pb.ConfChange{}
		if err := proto.Unmarshal(e.Data, cc); err != nil {
			h.t.Fatalf("node %d was handed a membership change that cannot be read: %s", h.id, describeEntry(e))
		}
		if h.refuse {
			cc.NodeId = raft.None
		}
		h.conf = proto.Clone(h.ApplyConfChange(cc)).(*pb.ConfState)
		slices.Sort(h.conf.Nodes)
		h.disk.SetConfState(h.conf)
		h.disk.Sync()
	case len(e.Data) > 0:
		data += string(e.Data) + ";"
	}
	h.states = append(h.states, stateAt{data, h.conf})
	if h.afterApply != nil {
		h.afterApply(e)
	}
}

// state returns everything that was applied.
func (h *host) state() string { return h.states[len(h.states)-1].data }

// compact replaces the log up to index, which must have been applied, by a
// snapshot.
func (h *host) compact(index uint64) {
	h.t.Helper()
	at := h.states[index-h.first]
	if err := h.disk.Compact(index, at.conf, []byte(at.data)); err != nil {
		h.t.Fatalf("the log of node %d cannot be compacted up to %d: %v", h.id, index, err)
	}
	h.disk.Sync()
}

// agreeOnState is agree for hosts: their state machines are equal too.
func (g *group) agreeOnState(leader uint64, why string) {
	g.t.Helper()
	g.agree(leader, why)
	want := g.node(leader).host
	for _, n := range g.nodes {
		if n.host.applied != want.applied || n.host.state() != want.state() {
			g.t.Fatalf("%s, so all should have applied the same; but leader %d has applied up to %d with the result %q, node %d up to %d with the result %q",
				why, leader, want.applied, want.state(), n.id, n.host.applied, n.host.state())
		}
	}
}

// restart crashes the node and starts it again from its disk.
func (g *group) restart(impl Implementation, id uint64) {
	g.t.Helper()
	for i, n := range g.nodes {
		if n.id == id {
			n.host.disk.Crash()
			g.nodes[i] = bareHost(g.t, impl, id, n.host.disk)
		}
	}
}

// add adds a node that has just started.
func (g *group) add(n *solo) {
	g.nodes = append(g.nodes, n)
	slices.SortFunc(g.nodes, func(a, b *solo) int { return int(a.id) - int(b.id) })
}

// change proposes a membership change to the leader, and delivers all that comes
// of it.
func (g *group) change(leader uint64, cc *pb.ConfChange) {
	g.t.Helper()
	n := g.node(leader)
	g.commit(leader)
	if _, _, err := n.host.ProposeConfChange(cc); err != nil {
		g.t.Fatalf("node %d leads, and no change is under way, so it should take the request to %s, but says: %v", leader, describeChange(cc), err)
	}
	g.send(n.collect(step{}))
	g.settle()
	g.commit(leader)
}

func addNode(id uint64) *pb.ConfChange {
	return &pb.ConfChange{ChangeType: pb.ConfChangeType_AddNode, NodeId: id}
}

func removeNode(id uint64) *pb.ConfChange {
	return &pb.ConfChange{ChangeType: pb.ConfChangeType_RemoveNode, NodeId: id}
}
