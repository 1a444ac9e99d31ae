package rafttest

import (
	"fmt"
	"slices"

	"github.com/pingcap/errors"
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/lab/graded"
	pb "github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/raft"
)

// membershipTests hold a RawNode to what the thesis says of leadership transfer
// and membership changes.
var membershipTests = []Test{
	{
		Name:  "TransferToUpToDateMember3A",
		Claim: graded.Claim{Text: "a leader asked to hand over to a member with a complete log tells that member at once to campaign, and is succeeded without a timeout", Source: "thesis §3.10"},
		Run:   transferToUpToDateMember,
	},
	{
		Name:  "TransferWaitsForLog3A",
		Claim: graded.Claim{Text: "a leader brings the log of its successor up to date before it tells it to campaign", Source: "thesis §3.10"},
		Run:   transferWaitsForLog,
	},
	{
		Name:  "NoProposalsDuringTransfer3A",
		Claim: graded.Claim{Text: "a leader that is handing over takes no proposals", Source: "thesis §3.10"},
		Run:   noProposalsDuringTransfer,
	},
	{
		Name:  "TransferTimesOut3A",
		Claim: graded.Claim{Text: "a transfer that is not done within an election timeout is given up, and the leader takes proposals again", Source: "thesis §3.10"},
		Run:   transferTimesOut,
	},
	{
		Name:  "TransferToSelfOrStrangerIsNothing3A",
		Claim: graded.Claim{Text: "a transfer to the leader itself, or to a server that is not a member, changes nothing", Source: "the contract of handleTransferLeader"},
		Run:   transferToSelfOrStrangerIsNothing,
	},
	{
		Name:  "NewTransferReplacesOld3A",
		Claim: graded.Claim{Text: "a transfer to another member replaces the one under way", Source: "the contract of handleTransferLeader"},
		Run:   newTransferReplacesOld,
	},
	{
		Name:  "TransferIsForwarded3A",
		Claim: graded.Claim{Text: "a server that is not the leader passes a request for a transfer on to the leader", Source: "the contract of handleTransferLeader"},
		Run:   transferIsForwarded,
	},
	{
		Name:  "TimeoutNowStartsElection3A",
		Claim: graded.Claim{Text: "a follower that is told so campaigns at once, as if its clock had run out; a candidate and a leader do not", Source: "thesis §3.10"},
		Run:   timeoutNowStartsElection,
	},
	{
		Name:  "TransferEndsWithLeadership3A",
		Claim: graded.Claim{Text: "a transfer ends with the leadership, and when its target is removed: nothing of it remains", Source: "thesis §3.10; the contract of handleTransferLeader"},
		Run:   transferEndsWithLeadership,
	},
	{
		Name:  "ChangeTakesEffectWhenApplied3A",
		Claim: graded.Claim{Text: "a membership change takes effect on a server when that server applies it, and not before", Source: "the contract of ApplyConfChange (thesis §4.1 lets it take effect when appended)"},
		Run:   changeTakesEffectWhenApplied,
	},
	{
		Name:  "AddedMemberCatchesUp3A",
		Claim: graded.Claim{Text: "a member that was added with an empty log gets everything, by entries or by a snapshot", Source: "thesis §4.2.1, §5.1"},
		Run:   addedMemberCatchesUp,
	},
	{
		Name:  "MajorityIsOfTheNewMembers3A",
		Claim: graded.Claim{Text: "once a change is applied, entries and elections need a majority of the new members, and only of them", Source: "thesis §4.1; the contract of ApplyConfChange"},
		Run:   majorityIsOfTheNewMembers,
	},
	{
		Name:  "StrangersMayLead3A",
		Claim: graded.Claim{Text: "a server follows a leader, and votes for a candidate, that is not a member as far as the server knows: it may not know the latest members", Source: "thesis §4.1"},
		Run:   strangersMayLead,
	},
	{
		Name:  "RemovalCommitsWhatWaited3A",
		Claim: graded.Claim{Text: "when a member is removed, entries that the smaller majority has are committed, and followers are told", Source: "thesis §4.1, Raft §5.3"},
		Run:   removalCommitsWhatWaited,
	},
	{
		Name:  "RemovedMemberIsGone3A",
		Claim: graded.Claim{Text: "a member that was removed gets no more messages, and does not campaign once it knows", Source: "thesis §4.2.3; the contract of ApplyConfChange"},
		Run:   removedMemberIsGone,
	},
	{
		Name:  "RemovedLeaderStepsDown3A",
		Claim: graded.Claim{Text: "a leader that was removed leads until that is committed, and then steps down: at once, or when it has told the others with its next heartbeats", Source: "thesis §4.2.2"},
		Run:   removedLeaderStepsDown,
	},
	{
		Name:  "ShrinkAndGrow3A",
		Claim: graded.Claim{Text: "a group can shrink to one member and grow again, one change at a time, and loses nothing", Source: "thesis §4.1"},
		Run:   shrinkAndGrow,
	},
	{
		Name:  "OneChangeAtATime3A",
		Claim: graded.Claim{Text: "a leader accepts no membership change while an earlier one may not be applied", Source: "thesis §4.1"},
		Run:   refusesSecondChange,
	},
	{
		Name:  "NewLeaderMindsPendingChange3A",
		Claim: graded.Claim{Text: "a new leader accepts no membership change until it has applied those that its log may hold, and has committed in its term", Source: "thesis §4.1, corrected in 2015 (raft-dev: a bug in single-server membership changes)"},
		Run:   newLeaderMindsPendingChange,
	},
	{
		Name:  "UncommittedChangeCanVanish3A",
		Claim: graded.Claim{Text: "a membership change that was not committed can be replaced like any entry, and then has no effect anywhere", Source: "Raft §5.3; the contract of ApplyConfChange"},
		Run:   uncommittedChangeCanVanish,
	},
	{
		Name:  "UnappliedChangeBlocksCampaign3A",
		Claim: graded.Claim{Text: "a server that has a committed membership change still to apply does not campaign: it does not know yet whose votes count", Source: "thesis §4.1; the contract of ApplyConfChange"},
		Run:   unappliedChangeBlocksCampaign,
	},
	{
		Name:  "ChangeWithoutEffectIsHarmless3A",
		Claim: graded.Claim{Text: "adding a member again, removing a stranger, or refusing a change leaves the group as it was, and lets the next change follow", Source: "thesis §4.1; the contract of ApplyConfChange"},
		Run:   changeWithoutEffectIsHarmless,
	},
	{
		Name:  "MembershipSurvivesRestart3A",
		Claim: graded.Claim{Text: "a server that restarts has the membership as of what it has applied, and applies later changes again", Source: "the Ready contract; the contract of ApplyConfChange"},
		Run:   membershipSurvivesRestart,
	},
}

// transfer asks the node to hand over to another, and returns what it sends.
func (s *solo) transfer(to uint64) []*pb.Message {
	s.t.Helper()
	s.host.TransferLeader(to)
	return s.collect(step{in: &pb.Message{MsgType: pb.MessageType_MsgTransferLeader, From: to, To: s.id}})
}

// change proposes a membership change, which the node should take, and returns
// what it sends.
func (s *solo) change(cc *pb.ConfChange) []*pb.Message {
	s.t.Helper()
	if _, _, err := s.host.ProposeConfChange(cc); err != nil {
		s.t.Fatalf("node %d leads, and no change is under way, so it should take the request to %s, but says: %v", s.id, describeChange(cc), err)
	}
	return s.collect(step{in: &pb.Message{MsgType: pb.MessageType_MsgPropose, Entries: []*pb.Entry{changeEntry(cc)}}})
}

func changeEntry(cc *pb.ConfChange) *pb.Entry {
	data, err := proto.Marshal(cc)
	if err != nil {
		panic(err)
	}
	return &pb.Entry{EntryType: pb.EntryType_EntryConfChange, Data: data}
}

// acknowledge makes members acknowledge the whole log of the leader.
func (s *solo) acknowledge(ids ...uint64) []*pb.Message {
	s.t.Helper()
	var out []*pb.Message
	for _, id := range ids {
		out = append(out, s.step(matchUpTo(id, s.seen.Term, s.lastIndex()))...)
	}
	return out
}

// hostLeader returns node 1 of a group as the leader of term 1, whose no-op
// every member has acknowledged.
func hostLeader(t *graded.T, impl Implementation, size int) *solo {
	t.Helper()
	n := startHost(t, impl, 1, NewDisk(upTo(size)))
	n.elect()
	n.acknowledge(without(upTo(size), 1)...)
	n.hasApplied(1, "as every member has acknowledged its no-op")
	return n
}

// timeoutNow returns to whom out tells to campaign.
func timeoutNow(out []*pb.Message) []uint64 {
	return receivers(ofType(out, pb.MessageType_MsgTimeoutNow))
}

// takesProposal fails unless the node takes a proposal.
func (s *solo) takesProposal(why string, args ...any) []*pb.Message {
	s.t.Helper()
	last := s.lastIndex()
	out, err := s.try(propose("p"))
	if err != nil || s.lastIndex() != last+1 {
		s.t.Fatalf("node %d should take a proposal %s, but its log went from %d to %d, and it says: %v",
			s.id, fmt.Sprintf(why, args...), last, s.lastIndex(), err)
	}
	return out
}

// refusesProposal fails unless the node refuses a proposal with the error want.
func (s *solo) refusesProposal(want error, why string, args ...any) {
	s.t.Helper()
	last := s.lastIndex()
	_, err := s.try(propose("p"))
	if errors.Cause(err) != want || s.lastIndex() != last {
		s.t.Fatalf("node %d should refuse a proposal with the error %q %s, but its log went from %d to %d, and its error is: %v",
			s.id, want, fmt.Sprintf(why, args...), last, s.lastIndex(), err)
	}
}

// refusesChange fails if the node takes a membership change: it returns the error
// want, or appends an entry without effect in its place.
func (s *solo) refusesChange(want error, cc *pb.ConfChange, why string, args ...any) {
	s.t.Helper()
	last := s.lastIndex()
	_, _, err := s.host.ProposeConfChange(cc)
	s.collect(step{in: &pb.Message{MsgType: pb.MessageType_MsgPropose, Entries: []*pb.Entry{changeEntry(cc)}}})
	for _, e := range s.log {
		if e.Index > last && e.EntryType == pb.EntryType_EntryConfChange {
			s.t.Fatalf("node %d should not take the request to %s %s, but appended %s", s.id, describeChange(cc), fmt.Sprintf(why, args...), describeEntry(e))
		}
	}
	if err != nil && errors.Cause(err) != want {
		s.t.Fatalf("node %d should refuse the request to %s with the error %q %s, but its error is: %v", s.id, describeChange(cc), want, fmt.Sprintf(why, args...), err)
	}
	if err != nil && s.lastIndex() != last {
		s.t.Fatalf("node %d refused the request to %s with the error %q, but its log went from %d to %d", s.id, describeChange(cc), err, last, s.lastIndex())
	}
}

func transferToUpToDateMember(t *graded.T, impl Implementation) {
	runCase(t, "message by message", func(t *graded.T) {
		n := hostLeader(t, impl, 3)
		out := n.transfer(2)
		if got := timeoutNow(out); !slices.Equal(got, []uint64{2}) {
			t.Fatalf("node 2 has the whole log, so leader 1 should send it MsgTimeoutNow at once, but sent %s", describeMessages(out))
		}
		n.is(raft.StateLeader, 1, "until it hears of a later term")
		// The successor campaigns in the next term, and the old leader votes
		// for it; or ignores it, as a leader may that protects itself (thesis
		// §4.2.3) and does not see in what term 2 began.
		if out := n.step(requestVote(2, 2, 1, 1)); len(out) > 0 {
			if out[0].MsgType != pb.MessageType_MsgRequestVoteResponse || out[0].Reject {
				t.Fatalf("leader 1 has told node 2 to campaign, and then answered its request for a vote in term 2 with %s", describeMessages(out))
			}
			n.is(raft.StateFollower, 2, "as its successor campaigns")
		}
	})
	for _, size := range []int{2, 3, 5} {
		runCase(t, fmt.Sprintf("group of %d", size), func(t *graded.T) {
			g := startHosts(t, impl, disksOf(size))
			g.elect(1)
			g.propose(1, "a")
			g.agreeOnState(1, "node 1 leads")
			for _, c := range []struct{ from, to, term uint64 }{{1, 2, 2}, {2, 1, 3}, {1, 2, 4}} {
				g.send(g.node(c.from).transfer(c.to))
				g.settle()
				g.node(c.to).is(raft.StateLeader, c.term, "after leader %d handed over to it, without a tick", c.from)
				g.beat(c.to, 1)
				g.node(c.from).follows(c.to, c.term, "after it handed over, and a heartbeat")
				g.propose(c.to, fmt.Sprint("of ", c.to))
				g.agreeOnState(c.to, fmt.Sprintf("node %d has taken over", c.to))
			}
		})
	}
}

func transferWaitsForLog(t *graded.T, impl Implementation) {
	runCase(t, "message by message", func(t *graded.T) {
		n := hostLeader(t, impl, 3)
		for range 3 {
			n.takesProposal("as it leads")
		}
		out := n.transfer(2)
		out = append(out, n.step(matchUpTo(2, 1, 2))...)
		out = append(out, n.step(matchUpTo(2, 1, 3))...)
		out = append(out, n.acknowledge(3)...)
		if got := timeoutNow(out); len(got) != 0 {
			t.Fatalf("the leader's log ends at 4 and node 2 has acknowledged up to 3 of it, but leader 1 told %v to campaign", got)
		}
		out = n.acknowledge(2)
		if got := timeoutNow(out); !slices.Equal(got, []uint64{2}) {
			t.Fatalf("node 2 has acknowledged the whole log now, so leader 1 should send it MsgTimeoutNow, but sent %s", describeMessages(out))
		}
	})
	runCase(t, "a follower that missed entries", func(t *graded.T) {
		g := startHosts(t, impl, disksOf(3))
		g.elect(1)
		g.isolate(3)
		g.propose(1, "a", "b", "c")
		g.rejoin(3)
		g.send(g.node(1).transfer(3))
		g.settle()
		g.beat(1, electionTick/2)
		g.node(3).is(raft.StateLeader, 2, "as leader 1 was to bring its log up to date and hand over to it")
		g.agreeOnState(3, "node 3 has taken over")
	})
	runCase(t, "a follower that needs a snapshot", func(t *graded.T) {
		g := startHosts(t, impl, disksOf(3))
		g.elect(1)
		g.isolate(3)
		g.propose(1, "a", "b", "c")
		g.node(1).host.compact(4)
		g.rejoin(3)
		g.send(g.node(1).transfer(3))
		g.settle()
		g.beat(1, electionTick/2)
		g.node(3).is(raft.StateLeader, 2, "as leader 1 was to send it a snapshot and hand over to it")
		g.agreeOnState(3, "node 3 has taken over")
	})
}

func noProposalsDuringTransfer(t *graded.T, impl Implementation) {
	for _, c := range []struct {
		name string
		lags bool
	}{{"to a lagging member", true}, {"to a member that was told to campaign", false}} {
		runCase(t, c.name, func(t *graded.T) {
			n := hostLeader(t, impl, 3)
			if c.lags {
				n.takesProposal("as it leads")
			}
			n.transfer(2)
			n.refusesProposal(raft.ErrLeaderTransfer, "while it is handing over to node 2")
			last := n.lastIndex()
			if _, _, err := n.host.ProposeConfChange(addNode(4)); errors.Cause(err) != raft.ErrLeaderTransfer {
				t.Fatalf("node 1 should refuse to %s with the error %q while it is handing over to node 2, but its error is: %v", describeChange(addNode(4)), raft.ErrLeaderTransfer, err)
			}
			n.collect(step{})
			if n.lastIndex() != last {
				t.Fatalf("node 1 is handing over and should not append anything, but its log went from %d to %d", last, n.lastIndex())
			}
			n.tick(electionTick / 2)
			n.refusesProposal(raft.ErrLeaderTransfer, "while it is handing over to node 2, and half an election timeout has passed")
		})
	}
}

func transferTimesOut(t *graded.T, impl Implementation) {
	for _, lags := range []bool{true, false} {
		runCase(t, fmt.Sprintf("lagging: %v", lags), func(t *graded.T) {
			n := hostLeader(t, impl, 3)
			n.beats(electionTick - 1) // the time of a transfer begins with it
			if lags {
				n.takesProposal("as it leads")
			}
			n.transfer(2)
			n.beats(electionTick - 2)
			n.refusesProposal(raft.ErrLeaderTransfer, "while it is handing over to node 2, and no election timeout has passed")
			n.beats(electionTick + 2)
			n.is(raft.StateLeader, 1, "as node 2 did not take over")
			n.takesProposal("as two election timeouts have passed since it was asked to hand over")
			if got := timeoutNow(n.acknowledge(3, 2)); len(got) != 0 {
				t.Fatalf("leader 1 gave up its transfer to node 2, and still told %v to campaign when node 2 had caught up", got)
			}
			// And it can try once more.
			if got := timeoutNow(n.transfer(2)); !slices.Equal(got, []uint64{2}) {
				t.Fatalf("leader 1 was asked again to hand over to node 2, which has the whole log, but told %v to campaign", got)
			}
		})
	}
	runCase(t, "group", func(t *graded.T) {
		g := startHosts(t, impl, disksOf(3))
		g.elect(1)
		g.isolate(3)
		g.send(g.node(1).transfer(3))
		g.settle()
		g.beat(1, 2*electionTick)
		g.propose(1, "a")
		g.node(1).hasCommitted(2, "as node 3 is dead, but node 2 is not")
		g.rejoin(3)
		g.agreeOnState(1, "the transfer to node 3 was given up before node 3 came back")
		g.node(1).is(raft.StateLeader, 1, "as it has given up its transfer")
	})
}

func transferToSelfOrStrangerIsNothing(t *graded.T, impl Implementation) {
	for _, to := range []uint64{1, 7, raft.None} {
		runCase(t, fmt.Sprintf("to %d", to), func(t *graded.T) {
			n := hostLeader(t, impl, 3)
			out := n.transfer(to)
			if len(out) != 0 {
				t.Fatalf("leader 1 of nodes 1 to 3 was asked to hand over to %d, which is to change nothing, but sent %s", to, describeMessages(out))
			}
			out = n.takesProposal("after it was asked to hand over to %d, which is nothing", to)
			out = append(out, n.acknowledge(2, 3)...)
			if got := timeoutNow(out); len(got) != 0 {
				t.Fatalf("leader 1 of nodes 1 to 3 was asked to hand over to %d, which is to change nothing, but told %v to campaign", to, got)
			}
			n.is(raft.StateLeader, 1, "after it was asked to hand over to %d", to)
		})
	}
	runCase(t, "to one that was removed", func(t *graded.T) {
		n := hostLeader(t, impl, 3)
		n.change(removeNode(3))
		n.acknowledge(2)
		n.members([]uint64{1, 2}, "as the removal of node 3 is applied")
		if out := n.transfer(3); len(out) != 0 {
			t.Fatalf("node 3 was removed, but leader 1 was asked to hand over to it and sent %s", describeMessages(out))
		}
		n.takesProposal("after it was asked to hand over to node 3, which was removed")
	})
}

func newTransferReplacesOld(t *graded.T, impl Implementation) {
	n := hostLeader(t, impl, 3)
	n.takesProposal("as it leads")
	n.acknowledge(3)
	if got := timeoutNow(n.transfer(2)); len(got) != 0 {
		t.Fatalf("node 2 lacks an entry, but leader 1 told %v to campaign", got)
	}
	if got := timeoutNow(n.transfer(3)); !slices.Equal(got, []uint64{3}) {
		t.Fatalf("leader 1 was handing over to node 2, and then was asked to hand over to node 3, which has the whole log; it should tell node 3 to campaign, but told %v", got)
	}
	n.refusesProposal(raft.ErrLeaderTransfer, "while it is handing over to node 3")
	if got := timeoutNow(n.acknowledge(2)); len(got) != 0 {
		t.Fatalf("leader 1 is handing over to node 3 instead of node 2, and still told %v to campaign when node 2 had caught up", got)
	}
}

func transferIsForwarded(t *graded.T, impl Implementation) {
	start := func(t *graded.T) *solo {
		t.Helper()
		disk := NewDisk(upTo(3))
		disk.SetHardState(5, 0, 0)
		return startHost(t, impl, 1, disk)
	}
	runCase(t, "follower", func(t *graded.T) {
		n := start(t)
		n.step(heartbeat(2, 5, 0))
		for _, to := range []uint64{3, 1} {
			out := n.transfer(to)
			if len(out) != 1 || out[0].MsgType != pb.MessageType_MsgTransferLeader || out[0].To != 2 || out[0].From != to {
				t.Fatalf("node 1 follows node 2, and should pass the request to hand over to %d on to it, as MsgTransferLeader %d->2; but it sent %s",
					to, to, describeMessages(out))
			}
		}
	})
	runCase(t, "follower without a leader", func(t *graded.T) {
		n := start(t)
		if out := n.transfer(3); len(out) != 0 {
			t.Fatalf("node 1 knows no leader to pass a transfer on to, but sent %s", describeMessages(out))
		}
	})
	runCase(t, "candidate", func(t *graded.T) {
		n := start(t)
		n.campaign()
		if out := n.transfer(3); len(out) != 0 {
			t.Fatalf("candidate 1 knows no leader to pass a transfer on to, but sent %s", describeMessages(out))
		}
		n.is(raft.StateCandidate, 6, "whatever it is asked to hand over")
	})
	runCase(t, "group", func(t *graded.T) {
		g := startHosts(t, impl, disksOf(3))
		g.elect(1)
		g.agreeOnState(1, "node 1 leads")
		g.send(g.node(2).transfer(3))
		g.settle()
		g.node(3).is(raft.StateLeader, 2, "after follower 2 was asked for a transfer to it")
		g.beat(3, 1)
		g.agreeOnState(3, "node 3 leads")
		g.send(g.node(1).transfer(1))
		g.settle()
		g.node(1).is(raft.StateLeader, 3, "after it asked for the leadership itself")
	})
}

func timeoutNowStartsElection(t *graded.T, impl Implementation) {
	order := func(from, term uint64) *pb.Message {
		return &pb.Message{MsgType: pb.MessageType_MsgTimeoutNow, From: from, Term: term}
	}
	runCase(t, "follower", func(t *graded.T) {
		disk := NewDisk(upTo(3), 1, 1)
		disk.SetHardState(5, 2, 0)
		n := startHost(t, impl, 1, disk)
		n.step(heartbeat(2, 5, 0))
		out := n.step(order(2, 5))
		n.is(raft.StateCandidate, 6, "after its leader told it to campaign")
		requests := ofType(out, pb.MessageType_MsgRequestVote)
		if got := receivers(requests); !slices.Equal(got, []uint64{2, 3}) {
			t.Fatalf("node 1 was told to campaign and should ask 2 and 3 for their votes at once, but sent %s", describeMessages(out))
		}
		n.step(grant(2, 6))
		n.is(raft.StateLeader, 6, "with the votes of 1 and 2")
	})
	runCase(t, "of an earlier term", func(t *graded.T) {
		disk := NewDisk(upTo(3))
		disk.SetHardState(5, 2, 0)
		n := startHost(t, impl, 1, disk)
		n.step(order(2, 4))
		n.is(raft.StateFollower, 5, "although the leader of term 4 told it to campaign")
	})
	runCase(t, "no member", func(t *graded.T) {
		disk := NewDisk([]uint64{1, 2, 3})
		disk.SetHardState(5, 0, 0)
		n := startHost(t, impl, 4, disk)
		n.step(order(2, 5))
		n.is(raft.StateFollower, 5, "although it was told to campaign, as it is not a member")
	})
	runCase(t, "candidate", func(t *graded.T) {
		disk := NewDisk(upTo(5))
		disk.SetHardState(5, 2, 0)
		n := startHost(t, impl, 1, disk)
		n.campaign()
		n.step(grant(3, 6))
		n.step(order(2, 6))
		n.is(raft.StateCandidate, 6, "as it campaigns already")
		n.step(grant(4, 6))
		n.is(raft.StateLeader, 6, "with the votes of 1, 3 and 4 of five members")
	})
	runCase(t, "leader", func(t *graded.T) {
		n := hostLeader(t, impl, 3)
		out := n.step(order(2, 1))
		n.is(raft.StateLeader, 1, "whichever node tells it to campaign in its own term")
		if len(out) != 0 {
			t.Fatalf("leader 1 was told to campaign, which is nothing to it, but it sent %s", describeMessages(out))
		}
	})
}

func transferEndsWithLeadership(t *graded.T, impl Implementation) {
	runCase(t, "stepped down and elected again", func(t *graded.T) {
		n := hostLeader(t, impl, 3)
		n.takesProposal("as it leads")
		n.transfer(2)
		n.step(heartbeat(3, 2, 0))
		n.follows(3, 2, "after its heartbeat")
		n.elect()
		n.takesProposal("as it has been elected anew, and the transfer was of an earlier term")
		if got := timeoutNow(n.acknowledge(2, 3)); len(got) != 0 {
			t.Fatalf("node 1 began a transfer in term 1, and leads again in term 3; no transfer was asked for since, but it told %v to campaign", got)
		}
	})
	runCase(t, "target removed", func(t *graded.T) {
		n := hostLeader(t, impl, 3)
		n.change(removeNode(3))
		n.transfer(3)
		n.refusesProposal(raft.ErrLeaderTransfer, "while it is handing over to node 3")
		n.acknowledge(2)
		n.members([]uint64{1, 2}, "as the removal of node 3 is applied")
		n.takesProposal("as the member that it was handing over to was removed")
	})
	runCase(t, "another removed", func(t *graded.T) {
		n := hostLeader(t, impl, 4)
		n.takesProposal("as it leads")
		n.change(removeNode(4))
		n.transfer(3)
		n.acknowledge(2)
		n.step(matchUpTo(3, 1, 2))
		n.acknowledge(4)
		n.members([]uint64{1, 2, 3}, "as the removal of node 4 is applied")
		n.refusesProposal(raft.ErrLeaderTransfer, "while it is handing over to node 3, whichever other node was removed")
		if got := timeoutNow(n.acknowledge(3)); !slices.Equal(got, []uint64{3}) {
			t.Fatalf("leader 1 is handing over to node 3, which has the whole log now, but told %v to campaign", got)
		}
	})
}

func changeTakesEffectWhenApplied(t *graded.T, impl Implementation) {
	runCase(t, "addition", func(t *graded.T) {
		n := hostLeader(t, impl, 3)
		n.host.hold = true
		out := n.change(addNode(4))
		out = append(out, n.acknowledge(2)...)
		out = append(out, n.tick(2*heartbeatTick)...)
		n.hasCommitted(2, "as nodes 1 and 2 of three have the change")
		n.members(upTo(3), "while the addition of node 4 is committed, but not applied")
		if ms := sentTo(out, 4); len(ms) != 0 {
			t.Fatalf("the addition of node 4 is not applied, but leader 1 sent it %s", describeMessages(ms))
		}
		n.host.release()
		out = n.collect(step{})
		n.members(upTo(4), "as the addition of node 4 is applied")
		out = append(out, n.beats(2)...)
		if len(appends(out, 4)) == 0 {
			t.Fatalf("the addition of node 4 is applied and it has answered two heartbeats, so leader 1 should find out about its log with an append, but sent %s", describeMessages(out))
		}
		beats := sentTo(ofType(out, pb.MessageType_MsgHeartbeat), 4)
		if len(beats) == 0 || beats[0].Commit != 0 {
			t.Fatalf("leader 1 should send the new member 4 a heartbeat with commit 0, as nothing is known of its log, but sent it %s", describeMessages(beats))
		}
	})
	runCase(t, "removal", func(t *graded.T) {
		n := hostLeader(t, impl, 3)
		n.host.hold = true
		n.change(removeNode(3))
		n.acknowledge(2)
		n.members(upTo(3), "while the removal of node 3 is committed, but not applied")
		if beats := sentTo(ofType(n.tick(heartbeatTick), pb.MessageType_MsgHeartbeat), 3); n.host.held == nil || len(beats) != 0 {
			t.Fatalf("while a Ready is being handled there are no messages, but there were %s", describeMessages(beats))
		}
		n.host.release()
		n.collect(step{})
		n.members([]uint64{1, 2}, "as the removal of node 3 is applied")
	})
	runCase(t, "follower", func(t *graded.T) {
		n := startHost(t, impl, 1, NewDisk(upTo(3)))
		add := changeEntry(addNode(4))
		add.Index, add.Term = 1, 1
		n.step(appendAfter(2, 1, 0, 0, 0, add))
		n.members(upTo(3), "as the addition of node 4 is in its log, but not committed")
		n.step(appendAfter(2, 1, 1, 1, 1))
		n.members(upTo(4), "as the addition of node 4 is applied")
		if nodes := slices.Sorted(slices.Values(n.host.conf.Nodes)); !slices.Equal(nodes, upTo(4)) {
			t.Fatalf("ApplyConfChange returns the new membership, which is 1 to 4, but returned %v", nodes)
		}
	})
}

func addedMemberCatchesUp(t *graded.T, impl Implementation) {
	for _, c := range []struct {
		name    string
		compact bool
	}{{"by entries", false}, {"by a snapshot", true}} {
		runCase(t, c.name, func(t *graded.T) {
			g := startHosts(t, impl, disksOf(3))
			g.elect(1)
			g.propose(1, "a", "b", "c")
			g.change(1, addNode(4))
			g.node(1).members(upTo(4), "as the addition of node 4 is applied")
			if c.compact {
				// A new member can only start from a snapshot in which it is one.
				g.node(1).host.compact(5)
			}
			g.propose(1, "d")
			// The new node is started by the first message that it gets. What
			// was there before the log began, it has as the others had it.
			g.add(bareHost(t, impl, 4, NewDisk(upTo(3))))
			g.agreeOnState(1, "node 4 was added with an empty log")
			g.node(4).members(upTo(4), "as it has applied its own addition")
			g.isolate(2, 3)
			g.propose(1, "e")
			g.node(1).hasCommitted(6, "as only 1 and 4 of four members have entry 7")
			g.rejoin(2)
			g.catchUpBut(1, 3)
			g.send(g.node(1).transfer(4))
			g.settle()
			g.node(4).is(raft.StateLeader, 2, "as it is a member like the others")
			g.rejoin(3)
			g.agreeOnState(4, "node 4 leads")
		})
	}
}

// catchUpBut brings every member but one up to date, by the leader's heartbeats.
func (g *group) catchUpBut(leader, but uint64) {
	g.t.Helper()
	g.beat(leader, 5)
	for _, n := range g.nodes {
		if n.id != but {
			n.hasCommitted(g.node(leader).lastIndex(), "after some heartbeats, as only node %d is away", but)
		}
	}
}

func majorityIsOfTheNewMembers(t *graded.T, impl Implementation) {
	runCase(t, "larger", func(t *graded.T) {
		n := hostLeader(t, impl, 3)
		n.change(addNode(4))
		n.acknowledge(2)
		n.members(upTo(4), "as the addition of node 4 is applied")
		n.takesProposal("as it leads")
		n.acknowledge(3)
		n.hasCommitted(2, "as only 1 and 3 of four members have entry 3")
		n.acknowledge(4)
		n.hasCommitted(3, "as 1, 3 and 4 of four members have entry 3")
		n.step(heartbeat(2, 2, 0))
		n.campaign()
		n.step(grant(2, 3))
		n.is(raft.StateCandidate, 3, "with the votes of 1 and 2 of four members")
		n.step(grant(4, 3))
		n.is(raft.StateLeader, 3, "with the votes of 1, 2 and 4 of four members")
	})
	runCase(t, "smaller", func(t *graded.T) {
		n := hostLeader(t, impl, 4)
		n.change(removeNode(4))
		n.acknowledge(2, 3)
		n.members(upTo(3), "as the removal of node 4 is applied")
		n.takesProposal("as it leads")
		n.try(matchUpTo(4, 1, 3))
		n.hasCommitted(2, "as node 4 is no longer a member, whatever it acknowledges")
		n.acknowledge(2)
		n.hasCommitted(3, "as 1 and 2 of three members have entry 3")
		n.step(heartbeat(2, 2, 0))
		if got := receivers(ofType(n.campaign(), pb.MessageType_MsgRequestVote)); !slices.Equal(got, []uint64{2, 3}) {
			t.Fatalf("node 4 was removed, so candidate 1 asks 2 and 3 for their votes, but asked %v", got)
		}
		n.try(grant(4, 3))
		n.is(raft.StateCandidate, 3, "with its own vote, and one of node 4, which was removed")
		n.step(grant(3, 3))
		n.is(raft.StateLeader, 3, "with the votes of 1 and 3 of three members")
	})
	runCase(t, "a vote that was given before", func(t *graded.T) {
		// Candidate 1 of four has the votes of 1 and 2. That is no majority.
		disk := NewDisk(upTo(3))
		n := startHost(t, impl, 1, disk)
		add := changeEntry(addNode(4))
		add.Index, add.Term = 1, 1
		n.step(appendAfter(2, 1, 0, 0, 1, add))
		n.campaign()
		n.step(grant(2, 2))
		n.is(raft.StateCandidate, 2, "with the votes of 1 and 2 of four members")
	})
}

func strangersMayLead(t *graded.T, impl Implementation) {
	for _, c := range []struct {
		name    string
		members []uint64
	}{
		{"a member of an earlier group", upTo(3)},
		{"a new server that knows no member", nil},
	} {
		start := func(t *graded.T) *solo {
			t.Helper()
			n := startHost(t, impl, 1, NewDisk(c.members))
			n.collect(step{})
			return n
		}
		runCase(t, c.name+" follows", func(t *graded.T) {
			n := start(t)
			n.step(heartbeat(4, 2, 0))
			n.follows(4, 2, "after its heartbeat, whether it is known as a member or not")
			add := changeEntry(addNode(4))
			add.Index, add.Term = 2, 1
			m := appendAfter(4, 2, 0, 0, 2, &pb.Entry{Index: 1, Term: 1}, add, &pb.Entry{Index: 3, Term: 2})
			if answer := appendAnswer(n, m); answer.Reject || answer.Index != 3 {
				t.Fatalf("node 1 should take the entries of leader 4, from which it learns that 4 is a member, but sent %s", describe(answer))
			}
			n.members(append(slices.Clone(c.members), 4), "as it has applied the addition of node 4")
		})
		runCase(t, c.name+" takes a snapshot", func(t *graded.T) {
			n := start(t)
			if answer := appendAnswer(n, snapshotMessage(4, 2, 5, 1, 1, 2, 4)); answer.Reject || answer.Index != 5 {
				t.Fatalf("node 1 should install the snapshot of leader 4, from which it learns that 4 is a member, but sent %s", describe(answer))
			}
			n.members([]uint64{1, 2, 4}, "as the snapshot says")
		})
		runCase(t, c.name+" votes", func(t *graded.T) {
			n := start(t)
			n.step(appendAfter(2, 1, 0, 0, 0, entriesFrom(1, 1, 1)...))
			n.tick(electionTick) // no leader is left to protect
			if askVote(n, requestVote(4, 2, 1, 1)) {
				t.Fatalf("the log of candidate 4 is shorter than that of node 1, which voted for it")
			}
			if !askVote(n, requestVote(4, 3, 3, 1)) {
				t.Fatalf("candidate 4 may have been added by an entry that node 1 does not have yet, and need its vote, but node 1 refused it")
			}
		})
	}
}

func removalCommitsWhatWaited(t *graded.T, impl Implementation) {
	runCase(t, "message by message", func(t *graded.T) {
		n := hostLeader(t, impl, 4)
		n.change(removeNode(4))
		n.takesProposal("as it leads")
		n.step(matchUpTo(2, 1, 3))
		n.hasCommitted(1, "as only 1 and 2 of four members have more")
		// Node 3 makes it the majority of four for the change, and 1 and 2 are
		// one of three for what follows.
		out := n.step(matchUpTo(3, 1, 2))
		n.members(upTo(3), "as the removal of node 4 is applied")
		n.hasCommitted(3, "as node 4 was removed, and 1 and 2 of the remaining three have entry 3")
		n.hasApplied(3, "as it is committed")
		out = append(out, n.beats(2)...)
		told := slices.ContainsFunc(sentTo(out, 2), func(m *pb.Message) bool { return m.Commit == 3 })
		if !told {
			t.Fatalf("the removal of node 4 committed entry 3, but leader 1 did not tell node 2, which has it; it sent %s", describeMessages(sentTo(out, 2)))
		}
	})
	runCase(t, "down to one", func(t *graded.T) {
		n := hostLeader(t, impl, 2)
		n.change(removeNode(2))
		n.takesProposal("as it leads")
		n.takesProposal("as it leads")
		n.step(matchUpTo(2, 1, 2))
		n.members([]uint64{1}, "as the removal of node 2 is applied")
		n.hasCommitted(4, "as node 1 is the only member left, and has everything")
	})
}

func removedMemberIsGone(t *graded.T, impl Implementation) {
	runCase(t, "for the leader", func(t *graded.T) {
		n := hostLeader(t, impl, 3)
		n.change(removeNode(3))
		n.acknowledge(2)
		n.members([]uint64{1, 2}, "as the removal of node 3 is applied")
		out := n.takesProposal("as it leads")
		out = append(out, n.tick(3*heartbeatTick)...)
		for _, m := range []*pb.Message{heartbeatAnswer(3, 1), rejectAppend(3, 1, 2, 0, 0), matchUpTo(3, 1, 1)} {
			more, _ := n.try(m)
			out = append(out, more...)
		}
		if ms := sentTo(out, 3); len(ms) != 0 {
			t.Fatalf("node 3 was removed, but leader 1 goes on sending it %s", describeMessages(ms))
		}
	})
	runCase(t, "for itself", func(t *graded.T) {
		n := startHost(t, impl, 3, NewDisk(upTo(3)))
		remove := changeEntry(removeNode(3))
		remove.Index, remove.Term = 1, 1
		n.step(appendAfter(1, 1, 0, 0, 1, remove))
		n.members([]uint64{1, 2}, "as it has applied its own removal")
		out := n.tick(4 * electionTick)
		out = append(out, n.step(hup())...)
		out = append(out, n.step(&pb.Message{MsgType: pb.MessageType_MsgTimeoutNow, From: 1, Term: 1})...)
		if len(out) != 0 {
			t.Fatalf("node 3 knows that it was removed, and should keep quiet, but sent %s", describeMessages(out))
		}
		n.is(raft.StateFollower, 1, "as it knows that it was removed")
		// Others may not know yet: it votes if it is asked.
		if !askVote(n, requestVote(2, 2, 1, 1)) {
			t.Fatalf("node 3 was removed, but a candidate that does not know this yet may need its vote, and it refused")
		}
	})
}

func removedLeaderStepsDown(t *graded.T, impl Implementation) {
	runCase(t, "message by message", func(t *graded.T) {
		n := hostLeader(t, impl, 3)
		n.change(removeNode(1))
		n.is(raft.StateLeader, 1, "as its removal is not committed")
		n.acknowledge(2)
		// It may tell the others first, with its next heartbeats.
		for i := 0; i < electionTick && n.Status().RaftState == raft.StateLeader; i++ {
			n.beats(1)
		}
		if now := n.Status(); now.RaftState != raft.StateFollower || now.Term != 1 || now.Lead != raft.None {
			t.Fatalf("leader 1 has applied its own removal and should step down within an election timeout, but is %v of term %d and takes %d for the leader (0 is none)",
				now.RaftState, now.Term, now.Lead)
		}
		n.refusesProposal(raft.ErrNotLeader, "as it was removed")
		out := n.tick(4 * electionTick)
		out = append(out, n.step(hup())...)
		if len(out) != 0 {
			t.Fatalf("node 1 was removed and has stepped down; it should keep quiet, but sent %s", describeMessages(out))
		}
	})
	// Of two members, the other cannot go on before it knows: whether it learns
	// that in time depends on what the leader sends first.
	for _, size := range []int{3, 4, 5} {
		runCase(t, fmt.Sprintf("group of %d", size), func(t *graded.T) {
			g := startHosts(t, impl, disksOf(size))
			g.elect(1)
			g.propose(1, "a")
			g.change(1, removeNode(1))
			g.node(1).members(without(upTo(size), 1), "as its removal is applied")
			g.isolate(1)
			next := g.awaitLeader()
			g.commit(next.id)
			next.members(without(upTo(size), 1), "as it has applied the removal of node 1")
			g.propose(next.id, "b")
			next.hasCommitted(next.lastIndex(), "as the members that remain have everything")
		})
	}
}

func shrinkAndGrow(t *graded.T, impl Implementation) {
	g := startHosts(t, impl, disksOf(3))
	g.elect(1)
	g.propose(1, "three")
	g.change(1, removeNode(3))
	g.isolate(3)
	g.propose(1, "two")
	g.change(1, removeNode(2))
	g.isolate(2)
	g.propose(1, "one")
	g.node(1).members([]uint64{1}, "as the others were removed")
	g.node(1).hasCommitted(6, "as it is the only member")
	g.nodes = g.nodes[:1]

	g.change(1, addNode(4))
	g.node(1).members([]uint64{1, 4}, "as node 4 was added")
	g.propose(1, "not yet")
	g.node(1).hasCommitted(7, "as node 4 is the other of two members, and has not started")
	g.add(bareHost(t, impl, 4, NewDisk(upTo(3))))
	g.agreeOnState(1, "node 4 has started")
	g.change(1, addNode(5))
	g.node(1).host.compact(9)
	g.add(bareHost(t, impl, 5, NewDisk(upTo(3))))
	g.agreeOnState(1, "node 5 was added, too")
	for _, n := range g.nodes {
		n.members([]uint64{1, 4, 5}, "after all these changes")
	}
	g.send(g.node(1).transfer(5))
	g.settle()
	g.change(5, removeNode(1))
	g.isolate(1)
	g.nodes = g.nodes[1:]
	g.propose(5, "last")
	g.agreeOnState(5, "node 5 leads without node 1")
	if want, have := "three;two;one;not yet;last;", g.node(4).host.state(); have != want {
		t.Fatalf("node 4 should have applied %q, but has applied %q", want, have)
	}
}

func refusesSecondChange(t *graded.T, impl Implementation) {
	runCase(t, "until the first is applied", func(t *graded.T) {
		n := hostLeader(t, impl, 3)
		n.host.hold = true
		n.change(addNode(4))
		n.refusesChange(raft.ErrConfChangePending, addNode(5), "while the addition of node 4 is not committed")
		n.refusesChange(raft.ErrConfChangePending, removeNode(2), "while the addition of node 4 is not committed")
		n.step(matchUpTo(2, 1, 2))
		if n.host.held == nil {
			t.Fatalf("nodes 1 and 2 of three have the addition of node 4, so it should be handed out to be applied, but was not")
		}
		last := n.lastIndex()
		_, _, err := n.host.ProposeConfChange(addNode(5))
		n.host.release()
		n.collect(step{})
		for _, e := range n.log {
			if e.Index > last && e.EntryType == pb.EntryType_EntryConfChange {
				t.Fatalf("the addition of node 4 was committed, but not applied, when node 1 took another change: %s (its error was: %v)", describeEntry(e), err)
			}
		}
		n.members(upTo(4), "as only the addition of node 4 is applied")
		n.acknowledge(2, 3)
		n.change(removeNode(2))
		if e := n.log[len(n.log)-1]; e.EntryType != pb.EntryType_EntryConfChange {
			t.Fatalf("the addition of node 4 is applied, so the next change should be in the log, but node 1 has %s", describeEntries(n.log))
		}
	})
	runCase(t, "in one proposal", func(t *graded.T) {
		n := hostLeader(t, impl, 3)
		m := &pb.Message{MsgType: pb.MessageType_MsgPropose, Entries: []*pb.Entry{changeEntry(addNode(4)), changeEntry(addNode(5))}}
		n.try(m)
		changes := 0
		for _, e := range n.log {
			if e.EntryType == pb.EntryType_EntryConfChange {
				changes++
			}
		}
		if changes > 1 {
			t.Fatalf("two membership changes were proposed together, and node 1 took both: %s", describeEntries(n.log))
		}
	})
	runCase(t, "followers take none", func(t *graded.T) {
		disk := NewDisk(upTo(3))
		disk.SetHardState(5, 0, 0)
		n := startHost(t, impl, 1, disk)
		n.refusesChange(raft.ErrNotLeader, addNode(4), "as it does not lead")
		n.hasLog(nil, "as it does not lead")
	})
}

func newLeaderMindsPendingChange(t *graded.T, impl Implementation) {
	start := func(t *graded.T) *solo {
		t.Helper()
		// The log ends with the addition of node 4, which may be committed.
		n := startHost(t, impl, 1, NewDisk(upTo(3)))
		add := changeEntry(addNode(4))
		add.Index, add.Term = 2, 1
		n.step(appendAfter(2, 1, 0, 0, 1, &pb.Entry{Index: 1, Term: 1}, add))
		n.elect()
		return n
	}
	runCase(t, "of its predecessor", func(t *graded.T) {
		n := start(t)
		n.refusesChange(raft.ErrConfChangePending, addNode(5), "while the addition of node 4 by its predecessor may not be applied")
		n.refusesChange(raft.ErrConfChangePending, removeNode(3), "while the addition of node 4 by its predecessor may not be applied")
		n.acknowledge(2)
		n.members(upTo(4), "as the addition of node 4 is committed with the no-op after it")
		n.acknowledge(3, 4)
		n.change(addNode(5))
		n.acknowledge(2, 3)
		n.members(upTo(5), "as the addition of node 5 is applied")
	})
	runCase(t, "committed, but not applied", func(t *graded.T) {
		n := start(t)
		n.host.hold = true
		n.acknowledge(2)
		if n.host.held == nil {
			t.Fatalf("nodes 1 and 2 of three have the no-op of node 1, so the entries up to it should be handed out to be applied, but were not")
		}
		last := n.lastIndex()
		_, _, err := n.host.ProposeConfChange(addNode(5))
		n.host.release()
		n.collect(step{})
		for _, e := range n.log {
			if e.Index > last && e.EntryType == pb.EntryType_EntryConfChange {
				t.Fatalf("the addition of node 4 was not applied when the new leader 1 took another change: %s (its error was: %v)", describeEntry(e), err)
			}
		}
	})
	runCase(t, "applied up to the first of two", func(t *graded.T) {
		// Its predecessor had applied the first when it proposed the second.
		// Node 1 comes to apply both, one after the other.
		n := startHost(t, impl, 1, NewDisk(upTo(3)))
		first, second := changeEntry(addNode(4)), changeEntry(addNode(5))
		first.Index, first.Term = 1, 1
		second.Index, second.Term = 2, 1
		n.step(appendAfter(2, 1, 0, 0, 0, first, second))
		n.elect() // its no-op is entry 3
		n.host.afterApply = func(e *pb.Entry) {
			if e.Index == 1 {
				_, _, _ = n.host.ProposeConfChange(removeNode(3))
			}
		}
		n.acknowledge(2)
		n.members(upTo(5), "as both additions are applied")
		for _, e := range n.log[3:] {
			if e.EntryType == pb.EntryType_EntryConfChange {
				t.Fatalf("the addition of node 5 was not applied yet when the new leader 1 took another change: %s", describeEntry(e))
			}
		}
	})
	runCase(t, "before its no-op is committed", func(t *graded.T) {
		// With a change of its own, a leader that has committed nothing in its
		// term could part the group: two groups of members, each a majority
		// that the other does not know.
		disk := NewDisk(upTo(3), 1, 1)
		disk.SetHardState(1, 0, 1)
		n := startHost(t, impl, 1, disk)
		n.elect()
		n.refusesChange(raft.ErrConfChangePending, addNode(4), "before an entry of its own term is committed")
		n.acknowledge(2)
		n.acknowledge(2, 3)
		n.change(addNode(4))
	})
}

func uncommittedChangeCanVanish(t *graded.T, impl Implementation) {
	g := startHosts(t, impl, disksOf(5))
	g.elect(1)
	g.agreeOnState(1, "node 1 leads")
	g.isolate(1, 2)
	g.change(1, removeNode(5))
	g.node(1).members(upTo(5), "as the removal of node 5 is not committed")
	g.elect(3)
	g.propose(3, "a")
	g.rejoin(1, 2)
	g.beat(1, 1)
	g.agreeOnState(3, "leader 1 came back, whose change no other node had")
	for _, n := range g.nodes {
		n.members(upTo(5), "as the removal of node 5 was replaced before it was committed")
	}
	g.change(3, addNode(6))
	g.beat(3, 3)
	for _, n := range g.nodes {
		n.members(upTo(6), "as the addition of node 6 is applied")
	}
	// The old leader, elected again, is free to change the membership.
	g.send(g.node(3).transfer(1))
	g.settle()
	g.node(1).is(raft.StateLeader, 3, "as leader 3 handed over to it")
	g.change(1, removeNode(6))
	g.agreeOnState(1, "node 1 leads again")
	g.node(4).members(upTo(5), "as the removal of node 6 is applied")
}

func unappliedChangeBlocksCampaign(t *graded.T, impl Implementation) {
	n := startHost(t, impl, 1, NewDisk(upTo(3)))
	n.host.hold = true
	remove := changeEntry(removeNode(3))
	remove.Index, remove.Term = 2, 1
	n.step(appendAfter(2, 1, 0, 0, 2, &pb.Entry{Index: 1, Term: 1}, remove))
	if n.host.held == nil {
		t.Fatalf("the entries 1 and 2 are committed, so they should be handed out to be applied, but were not")
	}
	if err := n.host.Campaign(); err != nil {
		t.Logf("Campaign said: %v", err)
	}
	for range 4 * electionTick {
		n.Tick()
	}
	n.is(raft.StateFollower, 1, "as it has committed the removal of node 3, and not applied it yet")
	n.host.release()
	n.collect(step{})
	n.members([]uint64{1, 2}, "as the removal of node 3 is applied")
	if got := receivers(ofType(n.campaign(), pb.MessageType_MsgRequestVote)); !slices.Equal(got, []uint64{2}) {
		t.Fatalf("the members are 1 and 2, so candidate 1 asks 2 for its vote, but asked %v", got)
	}
}

func changeWithoutEffectIsHarmless(t *graded.T, impl Implementation) {
	for _, c := range []struct {
		name   string
		cc     *pb.ConfChange
		refuse bool
	}{
		{"adding a member again", addNode(2), false},
		{"adding the leader again", addNode(1), false},
		{"removing a stranger", removeNode(7), false},
		{"refusing an addition", addNode(4), true},
		{"refusing a removal", removeNode(3), true},
	} {
		runCase(t, c.name, func(t *graded.T) {
			n := hostLeader(t, impl, 3)
			n.takesProposal("as it leads")
			n.acknowledge(2, 3)
			n.host.refuse = c.refuse
			n.change(c.cc)
			if e := n.log[len(n.log)-1]; e.EntryType != pb.EntryType_EntryConfChange {
				t.Fatalf("a request to %s is decided on when it is applied, so it should be in the log, but node 1 has %s", describeChange(c.cc), describeEntries(n.log))
			}
			n.acknowledge(2, 3)
			n.hasApplied(3, "as every node has everything")
			n.members(upTo(3), "after a request to %s, without effect", describeChange(c.cc))
			n.host.refuse = false
			n.feed(n.takesProposal("as it leads"), peer{2, 3}, peer{3, 3})
			n.hasCommitted(4, "as every member has it")
			n.change(addNode(5))
			n.acknowledge(2, 3)
			n.members([]uint64{1, 2, 3, 5}, "as the next change is applied")
		})
	}
}

func membershipSurvivesRestart(t *graded.T, impl Implementation) {
	runCase(t, "from the log", func(t *graded.T) {
		g := startHosts(t, impl, disksOf(3))
		g.elect(1)
		g.change(1, addNode(4))
		g.change(1, removeNode(2))
		g.propose(1, "a")
		g.node(1).members([]uint64{1, 3, 4}, "after the changes")
		g.restart(impl, 1)
		g.node(1).collect(step{}) // applies what is committed, from the beginning
		g.node(1).members([]uint64{1, 3, 4}, "after a restart, when it has applied the changes again")
		g.restart(impl, 3)
		g.node(3).collect(step{})
		g.node(3).members([]uint64{1, 3, 4}, "after a restart, when it has applied the changes again")
		g.isolate(2)
		g.add(bareHost(t, impl, 4, NewDisk(upTo(3))))
		g.nodes = slices.DeleteFunc(g.nodes, func(n *solo) bool { return n.id == 2 })
		g.elect(1)
		g.agreeOnState(1, "all were restarted")
	})
	runCase(t, "from the application", func(t *graded.T) {
		// The application has saved that it applied the changes, and with
		// what result: they do not come again.
		n := hostLeader(t, impl, 3)
		n.change(addNode(4))
		n.acknowledge(2, 3)
		n.hasApplied(2, "as every node has it")
		disk := n.host.disk
		disk.SetConfState(&pb.ConfState{Nodes: upTo(4)})
		disk.Sync()
		rn, err := impl.NewRawNode(configOf(1, disk, func(c *raft.Config) { c.Applied = 2 }))
		if err != nil {
			t.Fatalf("node 1 does not start: %v", err)
		}
		if nodes := slices.Sorted(slices.Values(rn.Status().Nodes)); !slices.Equal(nodes, upTo(4)) {
			t.Fatalf("storage says that the members are 1 to 4, but node 1 starts with %v", nodes)
		}
		for range 10 {
			if !rn.HasReady() {
				break
			}
			rd := rn.Ready()
			if len(rd.CommittedEntries) > 0 {
				t.Fatalf("the application has applied everything up to 2, but node 1 handed out %s again", describeEntries(rd.CommittedEntries))
			}
			rn.Advance(rd)
		}
	})
	runCase(t, "from a snapshot", func(t *graded.T) {
		g := startHosts(t, impl, disksOf(3))
		g.elect(1)
		g.change(1, removeNode(3))
		g.change(1, addNode(5))
		g.node(1).host.compact(3)
		g.restart(impl, 1)
		g.node(1).members([]uint64{1, 2, 5}, "after a restart, as the snapshot says")
	})
}
