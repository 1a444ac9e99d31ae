package rafttest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/labkv/labkv/lab/graded"
	pb "github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/raft"
)

// A group is several nodes under test and the network between them, which
// delivers in the order of sending and loses what the test says. Nothing happens
// in it but what the test asks for, so it has no seed.
//
// After each delivery it checks that a term has one leader, and whenever the
// network is quiet that the logs match (Figure 3).
type group struct {
	t     *graded.T
	nodes []*solo // in ascending order of their ids
	net   []*pb.Message

	// only, if set, are the types of message that exist: a group without
	// replication.
	only []pb.MessageType
	// lose, if set, says which messages get lost.
	lose func(m *pb.Message) bool
	// cut are the nodes whose messages are lost, to them and from them.
	cut []uint64

	leaders map[uint64]uint64 // by term
	lapsed  map[uint64]bool   // nodes that have heard of no leader for ElectionTick ticks
	history []line            // the last messages, for the report of a failure
}

// disksOf returns empty disks for the nodes 1 to n of a group.
func disksOf(n int) []*Disk {
	disks := make([]*Disk, n)
	for i := range disks {
		disks[i] = NewDisk(upTo(n))
	}
	return disks
}

// electorate starts the nodes 1 to n of a group in which there is nothing but
// elections.
func electorate(t *graded.T, impl Implementation, n int) *group {
	t.Helper()
	var nodes []*solo
	for i, disk := range disksOf(n) {
		nodes = append(nodes, bareNode(t, impl, uint64(i)+1, disk))
	}
	g := groupOf(t, nodes...)
	g.only = []pb.MessageType{
		pb.MessageType_MsgRequestVote, pb.MessageType_MsgRequestVoteResponse,
		pb.MessageType_MsgHeartbeat, pb.MessageType_MsgHeartbeatResponse,
	}
	return g
}

// startGroup starts the nodes 1, 2, ... of a group from their disks.
func startGroup(t *graded.T, impl Implementation, disks []*Disk) *group {
	t.Helper()
	var nodes []*solo
	for i, disk := range disks {
		n := bareNode(t, impl, uint64(i)+1, disk, patient)
		n.watchLog()
		nodes = append(nodes, n)
	}
	return groupOf(t, nodes...)
}

func groupOf(t *graded.T, nodes ...*solo) *group {
	t.Helper()
	g := &group{t: t, nodes: nodes, leaders: map[uint64]uint64{}, lapsed: map[uint64]bool{}}
	t.Cleanup(func() {
		if t.Failed() {
			graded.Explain(t, "messages", strings.Join(shown(g.history, 24), "\n"))
			for _, n := range g.nodes {
				graded.Explain(t, fmt.Sprintf("node %d", n.id), n.Status().String())
			}
		}
	})
	return g
}

// node returns the node with that id, or nil.
func (g *group) node(id uint64) *solo {
	for _, n := range g.nodes {
		if n.id == id {
			return n
		}
	}
	return nil
}

// isolate cuts nodes off from all others.
func (g *group) isolate(ids ...uint64) { g.cut = append(g.cut, ids...) }

// rejoin undoes isolate.
func (g *group) rejoin(ids ...uint64) {
	g.cut = slices.DeleteFunc(g.cut, func(id uint64) bool { return slices.Contains(ids, id) })
}

// step hands node id a local message, and delivers all that comes of it. It
// returns the error of the node.
func (g *group) step(id uint64, m *pb.Message) error {
	g.t.Helper()
	out, err := g.node(id).try(m)
	g.send(out)
	g.settle()
	return err
}

// campaign makes node id start an election, and delivers all that comes of it.
func (g *group) campaign(id uint64) {
	g.t.Helper()
	for _, n := range g.nodes {
		if now := n.Status(); n.id != id && now.Lead != raft.None && now.RaftState == raft.StateFollower && !g.lapsed[n.id] {
			// It may protect the leader that it heard of last (thesis §4.2.3).
			g.lapsed[n.id] = true
			g.send(n.tick(electionTick))
		}
	}
	g.settle()
	_ = g.step(id, hup())
}

// elect makes node id the leader.
func (g *group) elect(id uint64) {
	g.t.Helper()
	term := g.node(id).Status().Term
	g.campaign(id)
	if now := g.node(id).Status(); now.RaftState != raft.StateLeader {
		g.t.Fatalf("node %d campaigned in term %d and should have won with the votes of a majority, but is %v of term %d",
			id, term+1, now.RaftState, now.Term)
	}
	g.commit(id)
}

// commit gives a leader that is heard the time of some heartbeats to commit what
// it has: it may send with them only.
func (g *group) commit(id uint64) {
	g.t.Helper()
	for range 3 {
		n := g.node(id)
		if g.lose != nil || slices.Contains(g.cut, id) || n.Status().RaftState != raft.StateLeader || n.Status().Commit == n.lastIndex() {
			return
		}
		g.beat(id, 1)
	}
}

// propose proposes data to node id, which should lead, and delivers all that
// comes of it.
func (g *group) propose(id uint64, data ...string) {
	g.t.Helper()
	for _, d := range data {
		if err := g.step(id, propose(d)); err != nil {
			g.t.Fatalf("node %d leads and should take the proposal %q, but says: %v", id, d, err)
		}
	}
	if g.only == nil {
		g.commit(id)
	}
}

// tick lets n ticks pass on every node, and after each delivers what comes of it.
func (g *group) tick(n int) {
	g.t.Helper()
	for range n {
		for _, node := range g.nodes {
			g.send(node.tick(1))
		}
		g.settle()
	}
}

// beat lets enough ticks pass on node id for it to send n rounds of heartbeats,
// if it leads, and delivers what comes of each. No other clock moves.
func (g *group) beat(id uint64, n int) {
	g.t.Helper()
	for range n {
		g.send(g.node(id).tick(heartbeatTick))
		g.settle()
	}
}

// awaitLeader lets time pass until a node that is not cut off leads the latest
// term among such nodes, and returns it.
func (g *group) awaitLeader() *solo {
	g.t.Helper()
	// Every round of elections ends without a leader only if the two fastest
	// nodes draw the same timeout.
	const rounds = 60
	for range rounds * 2 * electionTick {
		g.tick(1)
		var latest *solo
		for _, n := range g.nodes {
			if !slices.Contains(g.cut, n.id) && (latest == nil || n.Status().Term >= latest.Status().Term) {
				if latest == nil || n.Status().Term > latest.Status().Term || n.Status().RaftState == raft.StateLeader {
					latest = n
				}
			}
		}
		if latest.Status().RaftState == raft.StateLeader {
			return latest
		}
	}
	g.t.Fatalf("%d nodes that can talk to each other elected no leader within %d election timeouts",
		len(g.nodes)-len(g.cut), rounds)
	return nil
}

func (g *group) send(out []*pb.Message) { g.net = append(g.net, out...) }

// settle delivers messages until there are no more.
func (g *group) settle() {
	g.t.Helper()
	const limit = 20_000
	for i := 0; len(g.net) > 0; i++ {
		if i == limit {
			if again, _ := cycle(g.history); again != nil {
				g.t.Fatalf("the group does not come to rest: in %d messages with no tick between them, the same %d come again and again: %s",
					limit, len(again), strings.Join(again, "; "))
			}
			g.t.Fatalf("the group does not come to rest: after %d messages with no tick between them, still %s",
				limit, describeMessages(g.net[:min(len(g.net), 4)]))
		}
		m := g.net[0]
		g.net = g.net[1:]
		g.deliver(m)
	}
	g.checkLogs()
}

func (g *group) deliver(m *pb.Message) {
	g.t.Helper()
	to := g.node(m.To)
	lost := to == nil ||
		g.only != nil && !slices.Contains(g.only, m.MsgType) ||
		slices.Contains(g.cut, m.From) || slices.Contains(g.cut, m.To) ||
		g.lose != nil && g.lose(m)
	g.note(m, lost)
	if m.MsgType == pb.MessageType_MsgSnapshot {
		// The transport's duty, whatever became of the message.
		defer g.reportSnapshot(m.From, m.To, !lost)
	}
	if lost {
		return
	}
	switch m.MsgType {
	case pb.MessageType_MsgHeartbeat, pb.MessageType_MsgAppend, pb.MessageType_MsgSnapshot:
		delete(g.lapsed, m.To)
	}
	g.send(to.step(m))
	now := to.Status()
	if now.RaftState != raft.StateLeader {
		return
	}
	if other, ok := g.leaders[now.Term]; ok && other != to.id {
		g.t.Fatalf("nodes %d and %d both lead term %d (Election Safety, Figure 3)", other, to.id, now.Term)
	}
	g.leaders[now.Term] = to.id
}

func (g *group) note(m *pb.Message, lost bool) {
	l := line{text: describe(m), kind: m.MsgType}
	if lost {
		l.text += "  (lost)"
	}
	// More than are shown, since many of them may be heartbeats.
	const keep = 500
	if len(g.history) == 2*keep {
		g.history = g.history[:copy(g.history, g.history[keep:])]
	}
	g.history = append(g.history, l)
}

// checkLogs checks Log Matching and State Machine Safety (Figure 3): where two
// logs have an entry of the same index and term they agree up to there, and what
// is committed agrees everywhere.
func (g *group) checkLogs() {
	g.t.Helper()
	if g.only != nil {
		return
	}
	type log struct {
		entries []*pb.Entry
		commit  uint64
	}
	logs := make([]log, len(g.nodes))
	for i, n := range g.nodes {
		logs[i] = log{n.Entries(), n.Status().Commit}
	}
	for i, a := range logs {
		for j, b := range logs[:i] {
			must, why := min(a.commit, b.commit), "as both know it to be committed"
			if common := lastCommon(a.entries, b.entries); common > must {
				must, why = common, fmt.Sprintf("as both have the entry %d of the same term", common)
			}
			if index := firstDifference(a.entries, b.entries, must); index != 0 {
				g.t.Fatalf("the logs of nodes %d and %d differ at index %d, but should be equal up to %d, %s: node %d has %s, node %d has %s",
					g.nodes[j].id, g.nodes[i].id, index, must, why,
					g.nodes[j].id, describeEntries(b.entries), g.nodes[i].id, describeEntries(a.entries))
			}
		}
	}
}

// lastCommon returns the greatest index at which a and b have entries of the same
// term, or 0.
func lastCommon(a, b []*pb.Entry) uint64 {
	a, b = overlap(a, b)
	for i := len(a) - 1; i >= 0; i-- {
		if a[i].Term == b[i].Term {
			return a[i].Index
		}
	}
	return 0
}

// firstDifference returns the first index up to limit at which a and b have
// different entries, or 0.
func firstDifference(a, b []*pb.Entry, limit uint64) uint64 {
	a, b = overlap(a, b)
	for i := range a {
		if a[i].Index > limit {
			break
		}
		if !sameEntry(a[i], b[i]) {
			return a[i].Index
		}
	}
	return 0
}

// overlap returns the parts of a and b that cover the same indexes.
func overlap(a, b []*pb.Entry) ([]*pb.Entry, []*pb.Entry) {
	if len(a) == 0 || len(b) == 0 {
		return nil, nil
	}
	if a[0].Index > b[0].Index {
		b, a = overlap(b, a)
		return a, b
	}
	a = a[min(uint64(len(a)), b[0].Index-a[0].Index):]
	n := min(len(a), len(b))
	return a[:n], b[:n]
}

func sameEntry(a, b *pb.Entry) bool {
	return a.Index == b.Index && a.Term == b.Term && a.EntryType == b.EntryType && string(a.Data) == string(b.Data)
}

func sameEntries(a, b []*pb.Entry) bool { return slices.EqualFunc(a, b, sameEntry) }

// agree fails unless the logs and commit indexes of all nodes are equal, and
// everything is committed. Heartbeats of the leader help them to that.
func (g *group) agree(leader uint64, why string) {
	g.t.Helper()
	const rounds = 20
	for range rounds {
		if g.disagreement(leader) == "" {
			return
		}
		g.beat(leader, 1)
	}
	if found := g.disagreement(leader); found != "" {
		g.t.Fatalf("%s, and after %d heartbeats of leader %d all should have its log, committed; but %s", why, rounds, leader, found)
	}
}

func (g *group) disagreement(leader uint64) string {
	want := g.node(leader)
	entries := want.Entries()
	if last, commit := want.lastIndex(), want.Status().Commit; commit < last {
		return fmt.Sprintf("the leader's log ends at %d, and its commit index is %d", last, commit)
	}
	for _, n := range g.nodes {
		have := n.Entries()
		if a, b := overlap(entries, have); !sameEntries(a, b) || want.lastIndex() != n.lastIndex() {
			return fmt.Sprintf("the leader's log ends at %d with %s, and that of node %d at %d with %s",
				want.lastIndex(), describeEntries(entries), n.id, n.lastIndex(), describeEntries(have))
		}
		if commit := n.Status().Commit; commit != want.Status().Commit {
			return fmt.Sprintf("the commit index is %d on the leader, and %d on node %d", want.Status().Commit, commit, n.id)
		}
	}
	return ""
}

func lastIndex(entries []*pb.Entry) uint64 {
	if len(entries) == 0 {
		return 0
	}
	return entries[len(entries)-1].Index
}

// reportSnapshot tells node from what became of its snapshot.
func (g *group) reportSnapshot(from, to uint64, arrived bool) {
	g.t.Helper()
	if n, ok := g.node(from).Node.(interface{ ReportSnapshot(id uint64, arrived bool) }); ok {
		n.ReportSnapshot(to, arrived)
		g.send(g.node(from).collect(step{}))
	}
}
