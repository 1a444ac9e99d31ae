package rafttest

import (
	"slices"

	"github.com/labkv/labkv/lab/graded"
	pb "github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/raft"
)

// changeTests look at membership changes that are refused, come in company, or
// undo each other.
var changeTests = []Test{
	{
		Name:  "RefusedChangeBlocksNothing3A",
		Claim: graded.Claim{Text: "a membership change that was refused, or has vanished from the log, does not stand in the way of the next one", Source: "thesis §4.1; the contract of ErrConfChangePending"},
		Run:   refusedChangeBlocksNothing,
	},
	{
		Name:  "ChangeAmongOtherEntries3A",
		Claim: graded.Claim{Text: "a membership change is pending until it is applied itself, wherever it stands in a proposal", Source: "thesis §4.1; the contract of ErrConfChangePending"},
		Run:   changeAmongOtherEntries,
	},
	{
		Name:  "AcknowledgementsOutliveChange3A",
		Claim: graded.Claim{Text: "what the other members have acknowledged before a member is added or removed counts after it", Source: "thesis §4.1, Raft §5.3"},
		Run:   acknowledgementsOutliveChange,
	},
	{
		Name:  "RemovedMemberComesBack3A",
		Claim: graded.Claim{Text: "a member that was removed and kept what it had saved can be added again, and is a member like the others", Source: "thesis §4.1; the package comment of raft, Membership"},
		Run:   removedMemberComesBack,
	},
}

// proposeTogether proposes entries together, which the node may refuse.
func (s *solo) proposeTogether(entries ...*pb.Entry) {
	s.t.Helper()
	_, _ = s.try(&pb.Message{MsgType: pb.MessageType_MsgPropose, Entries: entries})
}

// changesAfter returns how many membership changes are in the log after index.
func (s *solo) changesAfter(index uint64) int {
	n := 0
	for _, e := range s.log {
		if e.Index > index && e.EntryType == pb.EntryType_EntryConfChange {
			n++
		}
	}
	return n
}

// takesChange makes nodes 2 and 3 acknowledge everything, and fails unless the
// node then takes a membership change, which comes into effect.
func (s *solo) takesChange(after string) {
	s.t.Helper()
	s.acknowledge(2, 3)
	s.acknowledge(2, 3)
	s.hasApplied(s.lastIndex(), "as every node has everything, after %s", after)
	last := s.lastIndex()
	_, _, err := s.host.ProposeConfChange(addNode(9))
	s.collect(step{in: &pb.Message{MsgType: pb.MessageType_MsgPropose, Entries: []*pb.Entry{changeEntry(addNode(9))}}})
	if err != nil || s.changesAfter(last) != 1 {
		s.t.Fatalf("everything in the log of leader %d is applied, so no membership change is pending, and it should take the request to %s; but after %s its log ends with %s, and it says: %v",
			s.id, describeChange(addNode(9)), after, describeEntries(s.log[max(0, len(s.log)-3):]), err)
	}
	s.acknowledge(2, 3)
	if !slices.Contains(s.Status().Nodes, 9) {
		s.t.Fatalf("leader %d should have applied the addition of node 9, after %s, but its members are %v", s.id, after, s.Status().Nodes)
	}
}

func refusedChangeBlocksNothing(t *graded.T, impl Implementation) {
	data := func() *pb.Entry { return &pb.Entry{Data: []byte("x")} }
	for _, c := range []struct {
		name string
		most int // changes that it may take meanwhile
		do   func(n *solo)
	}{
		{"two changes in one proposal", 1, func(n *solo) {
			n.proposeTogether(changeEntry(addNode(4)), changeEntry(addNode(5)))
		}},
		{"two changes in one proposal, again and again", 3, func(n *solo) {
			for range 3 {
				n.proposeTogether(changeEntry(removeNode(4)), changeEntry(addNode(5)), changeEntry(addNode(6)))
				n.acknowledge(2, 3)
			}
		}},
		{"two changes among other entries", 1, func(n *solo) {
			n.proposeTogether(data(), changeEntry(addNode(4)), data(), changeEntry(addNode(5)), data())
		}},
		{"a change while another was pending", 1, func(n *solo) {
			n.change(addNode(4))
			n.refusesChange(raft.ErrConfChangePending, addNode(5), "while the addition of node 4 is pending")
		}},
		{"two changes while another was pending", 1, func(n *solo) {
			n.change(addNode(4))
			n.proposeTogether(changeEntry(addNode(5)), changeEntry(removeNode(4)))
		}},
		{"a change while it was handing over", 0, func(n *solo) {
			n.takesProposal("as it leads")
			n.transfer(2)
			n.refusesChange(raft.ErrLeaderTransfer, addNode(4), "while it is handing over to node 2")
			for range 2 * electionTick {
				n.tick(1)
				n.acknowledge(3) // a leader that hears from no majority may step down
			}
		}},
		{"a change before it led", 0, func(n *solo) {
			n.step(heartbeat(2, 2, 0))
			n.refusesChange(raft.ErrNotLeader, addNode(4), "as it follows node 2")
			n.elect()
		}},
		{"a change that another leader replaced", 1, func(n *solo) {
			for range 5 {
				n.takesProposal("as it leads")
			}
			n.change(addNode(4)) // entry 7
			n.step(appendAfter(2, 2, 1, 1, 1, entriesFrom(2, 2)...))
			n.hasLog([]uint64{1, 2}, "after the leader of term 2 replaced what it had proposed")
			n.elect()
		}},
	} {
		runCase(t, c.name, func(t *graded.T) {
			n := hostLeader(t, impl, 3)
			last := n.lastIndex()
			c.do(n)
			if n.changesAfter(last) > c.most {
				t.Fatalf("after %s, the log of leader 1 should have at most %d changes since entry %d, but is %s", c.name, c.most, last, describeEntries(n.log))
			}
			n.takesChange(c.name)
		})
	}
}

func changeAmongOtherEntries(t *graded.T, impl Implementation) {
	data := func(s string) *pb.Entry { return &pb.Entry{Data: []byte(s)} }
	runCase(t, "while another is pending", func(t *graded.T) {
		n := hostLeader(t, impl, 3)
		n.change(addNode(4)) // entry 2
		n.proposeTogether(data("a"), changeEntry(addNode(5)))
		n.proposeTogether(data("b"), changeEntry(addNode(5)), data("c"))
		if n.changesAfter(2) > 0 {
			t.Fatalf("the addition of node 4 is pending, and leader 1 took another change among other entries: %s", describeEntries(n.log))
		}
		n.takesChange("changes among other entries, while one was pending")
	})
	for _, c := range []struct {
		name    string
		entries []*pb.Entry
		at      uint64 // the index of the change
	}{
		{"after others", []*pb.Entry{data("a"), data("b"), changeEntry(addNode(4))}, 4},
		{"between others", []*pb.Entry{data("a"), changeEntry(addNode(4)), data("b")}, 3},
		{"before others", []*pb.Entry{changeEntry(addNode(4)), data("a"), data("b")}, 2},
	} {
		runCase(t, c.name, func(t *graded.T) {
			n := hostLeader(t, impl, 3)
			n.proposeTogether(c.entries...)
			if last := n.lastIndex(); last != 4 || n.changesAfter(1) != 1 {
				t.Fatalf("no membership change is pending, so leader 1 should take the three entries with a change among them, but has %s", describeEntries(n.log))
			}
			for index := uint64(2); index < c.at; index++ {
				n.step(matchUpTo(2, 1, index))
				n.hasApplied(index, "as nodes 1 and 2 of three have it")
				n.refusesChange(raft.ErrConfChangePending, addNode(5), "while the addition of node 4, entry %d, is pending", c.at)
			}
			n.step(matchUpTo(2, 1, c.at))
			n.members(upTo(4), "as the addition of node 4 is applied")
			n.takesChange("the addition of node 4")
		})
	}
}

func acknowledgementsOutliveChange(t *graded.T, impl Implementation) {
	for _, c := range []struct {
		name    string
		cc      *pb.ConfChange
		members []uint64
		more    []uint64 // who make it a majority of the new members
	}{
		{"addition", addNode(6), upTo(6), []uint64{4, 5}},
		{"removal", removeNode(5), upTo(4), []uint64{4}},
	} {
		runCase(t, c.name, func(t *graded.T) {
			n := hostLeader(t, impl, 5)
			n.change(c.cc) // entry 2
			n.takesProposal("as it leads")
			n.acknowledge(2) // up to 3
			n.step(matchUpTo(3, 1, 2))
			n.members(c.members, "as nodes 1, 2 and 3 of five have the change")
			n.hasCommitted(2, "as only 1 and 2 have entry 3")
			for _, id := range c.more {
				n.hasCommitted(2, "before node %d has acknowledged entry 3", id)
				n.acknowledge(id)
			}
			n.hasCommitted(3, "as 1, 2 and %v of the members %v have acknowledged entry 3, node 2 before the change", c.more, c.members)
		})
	}
}

func removedMemberComesBack(t *graded.T, impl Implementation) {
	runCase(t, "for the leader", func(t *graded.T) {
		n := hostLeader(t, impl, 3)
		n.change(removeNode(3))
		n.acknowledge(2)
		n.members([]uint64{1, 2}, "as the removal of node 3 is applied")
		n.change(addNode(3))
		n.acknowledge(2)
		n.members(upTo(3), "as the addition of node 3 is applied")
		out := n.takesProposal("as it leads")
		out = append(out, n.tick(heartbeatTick)...)
		if len(ofType(sentTo(out, 3), pb.MessageType_MsgHeartbeat)) == 0 {
			t.Fatalf("node 3 was added again, so leader 1 should send it heartbeats, but sent %s", describeMessages(out))
		}
		n.acknowledge(3)
		n.hasCommitted(n.lastIndex(), "as nodes 1 and 3 of three have everything")
	})
	runCase(t, "for itself", func(t *graded.T) {
		n := startHost(t, impl, 3, NewDisk(upTo(3)))
		remove, add := changeEntry(removeNode(3)), changeEntry(addNode(3))
		remove.Index, remove.Term = 1, 1
		add.Index, add.Term = 2, 1
		n.step(appendAfter(1, 1, 0, 0, 1, remove))
		n.members([]uint64{1, 2}, "as it has applied its own removal")
		n.step(appendAfter(1, 1, 1, 1, 2, add))
		n.members(upTo(3), "as it was added again")
		waitForElection(n, "after it was added again")
		n.is(raft.StateCandidate, 2, "after it was added again, when it heard from no leader")
		n.step(grant(2, 2))
		n.is(raft.StateLeader, 2, "with the votes of 2 and 3 of three members")
	})
	runCase(t, "group", func(t *graded.T) {
		g := startHosts(t, impl, disksOf(3))
		g.elect(1)
		g.propose(1, "a")
		g.agreeOnState(1, "node 1 leads")
		g.change(1, removeNode(3))
		g.beat(1, 1)
		g.propose(1, "b")
		g.change(1, addNode(3))
		g.propose(1, "c")
		g.agreeOnState(1, "node 3 was removed and added again")
		g.isolate(2)
		g.propose(1, "d")
		g.beat(1, 2)
		g.node(1).hasCommitted(g.node(1).lastIndex(), "as nodes 1 and 3 of three have everything")
		g.send(g.node(1).transfer(3))
		g.settle()
		g.node(3).is(raft.StateLeader, 2, "as leader 1 handed over to it")
		g.rejoin(2)
		g.agreeOnState(3, "node 3 leads")
	})
}
