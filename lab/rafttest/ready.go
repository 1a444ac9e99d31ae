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

// readyTests hold a RawNode to the Ready contract, with an application that is as
// awkward as the contract allows.
var readyTests = []Test{
	{
		Name:  "NothingToDoIsNoReady2AC",
		Claim: graded.Claim{Text: "a node to which nothing has happened has nothing to hand out", Source: "the Ready contract"},
		Run:   nothingToDoIsNoReady,
	},
	{
		Name:  "HasReadyChangesNothing2AC",
		Claim: graded.Claim{Text: "however often HasReady is called, the node does the same", Source: "the Ready contract"},
		Run:   hasReadyChangesNothing,
	},
	{
		Name:  "HardStateOnlyWhenChanged2AC",
		Claim: graded.Claim{Text: "a Ready has a hard state if term, vote or commit index changed since the last, and only then", Source: "the Ready contract"},
		Run:   hardStateOnlyWhenChanged,
	},
	{
		Name:  "SoftStateOnlyWhenChanged2AC",
		Claim: graded.Claim{Text: "a Ready has a soft state if the role or the known leader changed since the last, and only then", Source: "the Ready contract"},
		Run:   softStateOnlyWhenChanged,
	},
	{
		Name:  "MustSyncForPromises2AC",
		Claim: graded.Claim{Text: "term, vote and entries must be synced before messages leave; a commit index need not be", Source: "Raft Figure 2, the Ready contract"},
		Run:   mustSyncForPromises,
	},
	{
		Name:  "PromiseComesWithItsState2AC",
		Claim: graded.Claim{Text: "a vote, a campaign and an acknowledgement come in no earlier Ready than the state they promise", Source: "Raft Figure 2, the Ready contract"},
		Run:   promiseComesWithItsState,
	},
	{
		Name:  "LeaderSendsWhatItHandsOut2AC",
		Claim: graded.Claim{Text: "a leader's entries leave in no earlier Ready than they are handed out to be saved", Source: "the Ready contract"},
		Run:   leaderSendsWhatItHandsOut,
	},
	{
		Name:  "EntriesHandedOutOnce2AC",
		Claim: graded.Claim{Text: "an entry to be saved is handed out once", Source: "the Ready contract"},
		Run:   entriesHandedOutOnce,
	},
	{
		Name:  "MessagesHandedOutOnce2AC",
		Claim: graded.Claim{Text: "a message is handed out once, and none is forgotten", Source: "the Ready contract"},
		Run:   messagesHandedOutOnce,
	},
	{
		Name:  "CommittedEntriesOnceAndInOrder2AC",
		Claim: graded.Claim{Text: "committed entries are handed out once, in order, and nothing that is not committed", Source: "Raft §5.3, the Ready contract"},
		Run:   committedEntriesOnceAndInOrder,
	},
	{
		Name:  "AppliedMovesWithAdvance2AC",
		Claim: graded.Claim{Text: "what is handed out counts as applied once Advance says so", Source: "the Ready contract"},
		Run:   appliedMovesWithAdvance,
	},
	{
		Name:  "CommitBetweenReadyAndAdvance2AC",
		Claim: graded.Claim{Text: "what is committed between Ready and Advance comes with the next Ready", Source: "the Ready contract"},
		Run:   commitBetweenReadyAndAdvance,
	},
	{
		Name:  "ClockBetweenReadyAndAdvance2AC",
		Claim: graded.Claim{Text: "what the clock starts between Ready and Advance comes with the next Ready", Source: "the Ready contract"},
		Run:   clockBetweenReadyAndAdvance,
	},
	{
		Name:  "ReplacedWhileBeingSaved2AC",
		Claim: graded.Claim{Text: "an entry that is replaced while it is being saved is handed out anew: Advance speaks of the old one", Source: "Raft §5.3, the Ready contract"},
		Run:   replacedWhileBeingSaved,
	},
	{
		Name:  "RepeatedAdvance2AC",
		Claim: graded.Claim{Text: "Advance may be called again for the same Ready, and changes nothing", Source: "the Ready contract"},
		Run:   repeatedAdvance,
	},
	{
		Name:  "HandedOutStaysAsItWas2AC",
		Claim: graded.Claim{Text: "what was handed out may be kept: the node no longer changes it", Source: "the Ready contract"},
		Run:   handedOutStaysAsItWas,
	},
	{
		Name:  "RefusedProposalLeavesNothing2AC",
		Claim: graded.Claim{Text: "a proposal that is refused leaves no trace", Source: "the Ready contract"},
		Run:   refusedProposalLeavesNothing,
	},
	{
		Name:  "SingleNodeGroup2AC",
		Claim: graded.Claim{Text: "the only member of a group elects itself and commits alone, once its log is saved", Source: "Raft §5.2, §5.3"},
		Run:   singleNodeGroup,
	},
	{
		Name:  "ManyEntries2AC",
		Claim: graded.Claim{Text: "any number of entries is saved and applied completely, in however many Readys", Source: "the Ready contract"},
		Run:   manyEntries,
	},
	{
		Name:  "RestartContinues2AC",
		Claim: graded.Claim{Text: "a node that restarts has the term, vote, commit index and log that it had saved", Source: "Raft Figure 2, the Ready contract"},
		Run:   restartContinues,
	},
	{
		Name:  "RestartAppliesTheRest2AC",
		Claim: graded.Claim{Text: "after a restart, committed entries are handed out again from Config.Applied on", Source: "the Ready contract"},
		Run:   restartAppliesTheRest,
	},
	{
		Name:  "CrashLosesOnlyTheUnsynced2AC",
		Claim: graded.Claim{Text: "a crash loses only what was not synced, and the node catches up from there", Source: "Raft Figure 2, §5.3"},
		Run:   crashLosesOnlyTheUnsynced,
	},
	{
		Name:  "VoteSurvivesCrash2AC",
		Claim: graded.Claim{Text: "a node that crashes after voting does not vote for another in that term", Source: "Raft §5.2, Figure 2"},
		Run:   voteSurvivesCrash,
	},
	{
		Name:  "InvalidConfigIsAnError2AC",
		Claim: graded.Claim{Text: "a configuration that makes no sense, or contradicts what is saved, is an error", Source: "the Ready contract"},
		Run:   invalidConfigIsAnError,
	},
}

func nothingToDoIsNoReady(t *graded.T, impl Implementation) {
	for _, disk := range []*Disk{NewDisk(upTo(3)), NewDisk(upTo(3), 1, 1, 2)} {
		d := drive(t, impl, 1, disk)
		d.idle("nothing has happened")
		rd := d.Ready()
		if text := describeReady(rd); text != "nothing" {
			t.Fatalf("nothing has happened, but node 1 hands out: %s", text)
		}
		d.advance(rd)
		d.ticks(electionTick - 1)
		d.idle("it is too early for an election")

		d.in(heartbeat(2, 3, 0))
		d.settle()
		d.idle("everything is handled")
	}
}

// An inquisitive Raft is the one under test, asked for HasReady before and after
// every call.
type inquisitive struct{ Implementation }

func (i inquisitive) NewRawNode(c *raft.Config) (RawNode, error) {
	n, err := i.Implementation.NewRawNode(c)
	return asked{n}, err
}

type asked struct{ RawNode }

func (n asked) around(call func()) {
	for range 2 {
		n.HasReady()
	}
	call()
	n.HasReady()
}

func (n asked) Tick() { n.around(n.RawNode.Tick) }

func (n asked) Campaign() (err error) {
	n.around(func() { err = n.RawNode.Campaign() })
	return err
}

func (n asked) Propose(data ...[]byte) (index, term uint64, err error) {
	n.around(func() { index, term, err = n.RawNode.Propose(data...) })
	return index, term, err
}

func (n asked) Step(m *pb.Message) (err error) {
	n.around(func() { err = n.RawNode.Step(m) })
	return err
}

func (n asked) ReportUnreachable(id uint64) {
	n.around(func() { n.RawNode.ReportUnreachable(id) })
}

func (n asked) ReportSnapshot(id uint64, arrived bool) {
	n.around(func() { n.RawNode.ReportSnapshot(id, arrived) })
}

func (n asked) TransferLeader(transferee uint64) {
	n.around(func() { n.RawNode.TransferLeader(transferee) })
}

func (n asked) ApplyConfChange(cc *pb.ConfChange) (cs *pb.ConfState) {
	n.around(func() { cs = n.RawNode.ApplyConfChange(cc) })
	return cs
}

func (n asked) Ready() (rd raft.Ready) {
	n.around(func() { rd = n.RawNode.Ready() })
	return rd
}

func (n asked) Advance(rd raft.Ready) {
	n.around(func() { n.RawNode.Advance(rd) })
}

func hasReadyChangesNothing(t *graded.T, impl Implementation) {
	day := func(impl Implementation) []string {
		d := drive(t, impl, 1, NewDisk(upTo(3)))
		var log []string
		note := func(what string) {
			log = append(log, fmt.Sprintf("%s: %s", what, d.Status()))
		}
		handle := func(what string) {
			for d.HasReady() {
				rd := d.take()
				rd.Messages = appendByReceiver(nil, rd.Messages)
				log = append(log, fmt.Sprintf("%s, Ready: %s", what, describeReady(rd)))
				d.finish(rd)
			}
			note(what)
		}
		require.NoError(t, d.Campaign(), "Campaign of node 1")
		handle("it campaigns")
		d.in(grant(2, 1))
		note("it is elected")
		d.proposes("a")
		handle("it has a proposal")
		d.proposes("b")
		d.in(matchUpTo(2, 1, 2))
		note("node 2 has the first entries")
		d.proposes("c", "d")
		handle("it has more proposals")
		d.proposes("e")
		d.in(heartbeatAnswer(3, 1))
		d.proposes("f")
		rd := d.take()
		rd.Messages = appendByReceiver(nil, rd.Messages)
		log = append(log, "node 3 shows a sign of life, Ready: "+describeReady(rd))
		d.proposes("g")
		d.ticks(1)
		d.in(matchUpTo(2, 1, 5))
		d.finish(rd)
		handle("entries were committed before Advance")
		d.ReportUnreachable(2)
		d.proposes("h")
		d.in(matchUpTo(3, 1, 3))
		handle("node 2 cannot be reached")
		d.in(rejectAppend(3, 1, 8, 3, 1))
		d.proposes("i")
		handle("node 3 lost messages")
		d.in(heartbeat(3, 2, 0))
		note("node 3 leads term 2")
		handle("node 3 leads term 2")
		d.ticks(2 * electionTick)
		handle("it campaigns again")
		return log
	}
	seldom, often := day(impl), day(inquisitive{impl})
	for i := range min(len(seldom), len(often)) {
		if seldom[i] != often[i] {
			t.Fatalf("HasReady must change nothing, but node 1 differs if it is called before and after every other call.\nAfter %q it should be\n    %s\nand is\n    %s",
				seldom[max(0, i-1)], seldom[i], often[i])
		}
	}
	require.Equal(t, len(seldom), len(often), "the number of Readys depends on how often HasReady is called")
}

func hardStateOnlyWhenChanged(t *graded.T, impl Implementation) {
	d := drive(t, impl, 1, NewDisk(upTo(3)))
	handle := func(why string, want *pb.HardState) {
		t.Helper()
		var last *pb.HardState
		for d.HasReady() {
			rd := d.take()
			if rd.HardState != nil {
				require.NotEqual(t, hardStateText(last), hardStateText(rd.HardState), "a hard state is handed out twice")
				last = rd.HardState
			}
			d.finish(rd)
		}
		require.Equal(t, hardStateText(want), hardStateText(last), why)
	}
	// Nothing else changes with it, and it needs no answer.
	d.in(grant(2, 2))
	handle("an answer of term 2 arrived", &pb.HardState{Term: 2})
	d.in(heartbeat(2, 3, 0))
	handle("a heartbeat of term 3 arrived", &pb.HardState{Term: 3})
	d.in(heartbeat(2, 3, 0))
	handle("a heartbeat of the same term changes nothing", nil)
	d.lapse()
	d.in(requestVote(3, 4, 0, 0))
	handle("node 1 votes for 3 in term 4", &pb.HardState{Term: 4, Vote: 3})
	d.in(requestVote(3, 4, 0, 0))
	handle("the same vote again changes nothing", nil)
	d.in(appendAfter(3, 4, 0, 0, 0, entriesFrom(1, 4, 4)...))
	handle("entries alone change no hard state", nil)
	d.in(heartbeat(3, 4, 1))
	handle("the leader has committed index 1", &pb.HardState{Term: 4, Vote: 3, Commit: 1})
	d.lapse()
	d.in(requestVote(2, 5, 0, 0))
	handle("node 1 refuses its vote to 2, and is in term 5", &pb.HardState{Term: 5, Commit: 1})
	d.in(requestVote(3, 5, 2, 4))
	handle("node 1 votes for 3 in the term that it is in", &pb.HardState{Term: 5, Vote: 3, Commit: 1})
}

func hardStateText(h *pb.HardState) string {
	if h == nil {
		return "no hard state"
	}
	return fmt.Sprintf("term %d, vote %d, commit %d", h.Term, h.Vote, h.Commit)
}

func softStateOnlyWhenChanged(t *graded.T, impl Implementation) {
	d := drive(t, impl, 1, NewDisk(upTo(3)))
	handle := func(why string, want *raft.SoftState) {
		t.Helper()
		var last *raft.SoftState
		for d.HasReady() {
			rd := d.take()
			if rd.SoftState != nil {
				last = rd.SoftState
				if last.RaftState == raft.StateCandidate {
					last.Lead = raft.None // it may still name the leader before
				}
			}
			d.finish(rd)
		}
		require.Equal(t, want, last, why)
	}
	d.in(heartbeat(2, 1, 0))
	handle("node 2 leads", &raft.SoftState{Lead: 2, RaftState: raft.StateFollower})
	d.in(heartbeat(2, 1, 0))
	handle("node 2 still leads", nil)
	require.NoError(t, d.Campaign(), "Campaign of node 1")
	handle("node 1 campaigns", &raft.SoftState{RaftState: raft.StateCandidate})
	d.in(refuse(2, 2))
	handle("one vote was refused, and one is missing", nil)
	d.in(grant(3, 2))
	handle("node 1 has won", &raft.SoftState{Lead: 1, RaftState: raft.StateLeader})
	d.in(heartbeat(3, 5, 0))
	handle("node 3 leads a later term", &raft.SoftState{Lead: 3, RaftState: raft.StateFollower})
}

func mustSyncForPromises(t *graded.T, impl Implementation) {
	d := drive(t, impl, 1, NewDisk(upTo(3)))
	handle := func(what string, want bool) {
		t.Helper()
		any := false
		for d.HasReady() {
			rd := d.take()
			changed := rd.HardState != nil && (rd.HardState.Term != d.disk.now.hard.Term || rd.HardState.Vote != d.disk.now.hard.Vote)
			if needed := changed || len(rd.Entries) > 0; rd.MustSync != needed {
				t.Fatalf("%s: MustSync is %v, but must be %v in the Ready with %s", what, rd.MustSync, needed, describeReady(rd))
			}
			any = any || rd.MustSync
			d.finish(rd)
		}
		require.Equal(t, want, any, "%s: is anything to be synced", what)
	}
	d.in(heartbeat(2, 1, 0))
	handle("a new term", true)
	d.in(heartbeat(2, 1, 0))
	handle("an answer", false)
	d.lapse()
	d.in(requestVote(3, 2, 0, 0))
	handle("a vote in a new term", true)
	d.in(heartbeat(3, 2, 0))
	handle("a known leader", false)
	d.in(appendAfter(3, 2, 0, 0, 0, entriesFrom(1, 2, 2)...))
	handle("entries", true)
	d.in(heartbeat(3, 2, 1))
	handle("a commit index", false)
	d.in(appendAfter(3, 2, 2, 2, 2, entriesFrom(3, 2)...))
	handle("entries with a commit index", true)
	require.NoError(t, d.Campaign(), "Campaign of node 1")
	handle("a campaign", true)
}

func promiseComesWithItsState(t *graded.T, impl Implementation) {
	// The driver checks every message against what is on disk with it.
	d := drive(t, impl, 1, NewDisk(upTo(5)))
	sent := func(why string, want pb.MessageType, reject bool) {
		t.Helper()
		for _, m := range ofType(d.settle(), want) {
			if m.Reject == reject {
				return
			}
		}
		t.Fatalf("node 1 sends no such %v: %s", want, why)
	}
	d.in(requestVote(2, 1, 0, 0))
	sent("it votes for 2 in term 1", pb.MessageType_MsgRequestVoteResponse, false)
	d.in(appendAfter(2, 1, 0, 0, 0, entriesFrom(1, 1, 1)...))
	sent("it has appended entries", pb.MessageType_MsgAppendResponse, false)

	// All at once, so that one Ready has it all, or several have their parts.
	d.in(appendAfter(2, 1, 2, 1, 0, entriesFrom(3, 1, 1)...))
	d.ticks(electionTick)
	d.in(requestVote(3, 2, 4, 1))
	sent("it votes for 3 in term 2", pb.MessageType_MsgRequestVoteResponse, false)
	d.in(requestVote(4, 2, 9, 1))
	sent("it has voted in term 2", pb.MessageType_MsgRequestVoteResponse, true)
	d.in(requestVote(4, 3, 9, 1))
	d.in(appendAfter(4, 3, 2, 1, 0, entriesFrom(3, 3)...))
	sent("it follows 4 in term 3", pb.MessageType_MsgAppendResponse, false)
	require.NoError(t, d.Campaign(), "Campaign of node 1")
	sent("it campaigns in term 4", pb.MessageType_MsgRequestVote, false)
	d.in(requestVote(5, 5, 9, 3))
	require.NoError(t, d.Campaign(), "Campaign of node 1")
	sent("it campaigns in term 6", pb.MessageType_MsgRequestVote, false)
	require.Equal(t, []uint64{1, 1, 3}, termsOf(d.disk.now.entries), "the terms of the log on disk")
}

func leaderSendsWhatItHandsOut(t *graded.T, impl Implementation) {
	// The driver checks every append against what is on disk with it.
	d := drive(t, impl, 1, NewDisk(upTo(3)))
	d.lead()
	d.in(matchUpTo(2, 1, 1))
	d.in(matchUpTo(3, 1, 1))
	d.settle()
	sent := map[uint64]bool{}
	for i := range 5 {
		d.proposes(fmt.Sprintf("a%d", i))
		rd := d.take()
		d.proposes(fmt.Sprintf("b%d", i))
		d.save(rd)
		d.in(matchUpTo(2, 1, 1+uint64(i)))
		d.proposes(fmt.Sprintf("c%d", i))
		d.apply(rd)
		d.advance(rd)
		for _, m := range slices.Concat(rd.Messages, d.settle()) {
			for _, e := range m.Entries {
				sent[e.Index] = true
			}
		}
	}
	// A leader may wait for an answer, or for a heartbeat, before it sends more.
	for have := uint64(5); have < 16; have++ {
		d.ticks(heartbeatTick)
		d.in(heartbeatAnswer(2, 1))
		if sent[have] {
			d.in(matchUpTo(2, 1, have))
		}
		for _, m := range d.settle() {
			for _, e := range m.Entries {
				sent[e.Index] = true
			}
		}
	}
	for i := range uint64(15) {
		require.True(t, sent[2+i], "entry %d was never sent", 2+i)
	}
}

func entriesHandedOutOnce(t *graded.T, impl Implementation) {
	d := drive(t, impl, 1, NewDisk(upTo(3)))
	d.lead()
	d.proposes("a", "b")
	rd := d.take()
	require.Equal(t, []uint64{2, 3}, indexesOf(rd.Entries), "the entries of the first Ready")
	d.proposes("c")
	d.finish(rd)
	rd = d.take()
	require.Equal(t, []uint64{4}, indexesOf(rd.Entries), "what was proposed between Ready and Advance, and nothing else")
	d.finish(rd)
	for d.HasReady() {
		rd := d.take()
		require.Empty(t, indexesOf(rd.Entries), "everything was handed out before")
		d.finish(rd)
	}

	f := drive(t, impl, 1, NewDisk(upTo(3)))
	seen := map[uint64]int{}
	for _, m := range []*pb.Message{
		appendAfter(2, 1, 0, 0, 0, entriesFrom(1, 1, 1)...),
		appendAfter(2, 1, 0, 0, 1, entriesFrom(1, 1, 1)...), // again
		appendAfter(2, 1, 1, 1, 2, entriesFrom(2, 1, 1, 1)...),
		appendAfter(2, 1, 4, 1, 4),
	} {
		f.in(m)
		for f.HasReady() {
			rd := f.take()
			for _, i := range indexesOf(rd.Entries) {
				seen[i]++
			}
			f.finish(rd)
		}
	}
	require.Equal(t, map[uint64]int{1: 1, 2: 1, 3: 1, 4: 1}, seen, "how often a follower handed out each entry")
}

func indexesOf(entries []*pb.Entry) []uint64 {
	indexes := make([]uint64, len(entries))
	for i, e := range entries {
		indexes[i] = e.Index
	}
	return indexes
}

func messagesHandedOutOnce(t *graded.T, impl Implementation) {
	d := drive(t, impl, 1, NewDisk(upTo(3)))
	d.in(requestVote(2, 1, 0, 0))
	rd := d.take()
	d.in(requestVote(3, 1, 0, 0))
	sent := append(d.finish(rd), d.settle()...)
	require.Len(t, sent, 2, "a vote that is given, and the answer to what came between Ready and Advance")
	require.Equal(t, []uint64{2, 3}, receivers(sent), "whom they are for")
	require.False(t, sent[0].Reject, "node 2 was the first to ask for the vote of term 1")
	require.True(t, sent[1].Reject, "the vote is given already")
	require.Empty(t, d.settle(), "everything was sent")

	// A follower that is asked much answers all of it.
	for range 20 {
		d.in(heartbeat(2, 1, 0))
	}
	require.Len(t, d.settle(), 20, "every heartbeat is answered")
}

func committedEntriesOnceAndInOrder(t *graded.T, impl Implementation) {
	// The driver checks the order, and that what is committed is saved.
	d := drive(t, impl, 1, NewDisk(upTo(3)))
	applied := func(why string, want uint64) {
		t.Helper()
		d.settle()
		require.Len(t, d.applied, int(want), why)
	}
	d.in(appendAfter(2, 1, 0, 0, 2, entriesFrom(1, 1, 1, 1)...))
	applied("three entries came, two of them committed", 2)
	d.in(heartbeat(2, 1, 2))
	applied("the commit index is the same", 2)
	d.in(appendAfter(2, 1, 3, 1, 3, entriesFrom(4, 1)...))
	applied("the third is committed", 3)
	d.in(appendAfter(2, 1, 4, 1, 2, entriesFrom(5, 1)...))
	applied("an old commit index says nothing new", 3)
	d.in(appendAfter(2, 1, 5, 1, 9, entriesFrom(6, 1)...))
	applied("the commit index is beyond what the append reaches", 6)

	l := drive(t, impl, 1, NewDisk(upTo(3)))
	l.lead()
	l.proposes("a", "b", "c")
	l.settle()
	require.Empty(t, l.applied, "only the leader has them")
	l.in(matchUpTo(2, 1, 3))
	l.settle()
	require.Equal(t, []string{"a", "b"}, l.data(), "a majority has the first two")
	l.in(matchUpTo(3, 1, 4))
	l.in(matchUpTo(2, 1, 4))
	l.settle()
	require.Equal(t, []string{"a", "b", "c"}, l.data(), "every node has everything")
}

func appliedMovesWithAdvance(t *graded.T, impl Implementation) {
	d := drive(t, impl, 1, NewDisk(upTo(3)))
	d.in(appendAfter(2, 1, 0, 0, 2, entriesFrom(1, 1, 1)...))
	for d.HasReady() {
		rd := d.take()
		d.save(rd)
		before := d.after + uint64(len(d.applied))
		require.Equal(t, before, d.Status().Applied, "the applied index while a Ready is being handled")
		d.apply(rd)
		d.advance(rd)
		require.Equal(t, d.after+uint64(len(d.applied)), d.Status().Applied, "the applied index after Advance")
	}
	require.Equal(t, uint64(2), d.Status().Applied, "the applied index at the end")
}

func commitBetweenReadyAndAdvance(t *graded.T, impl Implementation) {
	d := drive(t, impl, 1, NewDisk(upTo(3)))
	d.lead()
	d.proposes("a")
	d.settle()
	d.proposes("b")
	rd := d.take()
	d.in(matchUpTo(2, 1, 2)) // a
	d.save(rd)
	d.in(matchUpTo(2, 1, 3)) // b
	d.proposes("c")
	d.apply(rd)
	d.advance(rd)
	d.settle()
	require.Equal(t, []string{"a", "b"}, d.data(), "what is on a majority")

	f := drive(t, impl, 1, NewDisk(upTo(3)))
	f.in(appendAfter(2, 1, 0, 0, 1, entriesFrom(1, 1, 1)...))
	rd = f.take()
	f.in(heartbeat(2, 1, 2))
	f.in(appendAfter(2, 1, 2, 1, 3, entriesFrom(3, 1)...))
	f.finish(rd)
	f.settle()
	require.Len(t, f.applied, 3, "all three entries are committed")
}

func clockBetweenReadyAndAdvance(t *graded.T, impl Implementation) {
	d := drive(t, impl, 1, NewDisk(upTo(3)))
	d.in(appendAfter(2, 1, 0, 0, 1, entriesFrom(1, 1)...))
	rd := d.take()
	d.ticks(2 * electionTick)
	d.finish(rd)
	requests := ofType(d.settle(), pb.MessageType_MsgRequestVote)
	require.Equal(t, []uint64{2, 3}, receivers(requests), "whom the campaign asks that the clock started meanwhile")
	hard, _, _ := d.disk.InitialState()
	require.Equal(t, uint64(2), requests[0].Term, "the term of the campaign")
	require.Equal(t, "term 2, vote 1, commit 1", hardStateText(hard), "what is on disk")
	require.Len(t, d.applied, 1, "what was committed before")

	l := drive(t, impl, 1, NewDisk(upTo(3)))
	l.lead()
	l.proposes("a")
	rd = l.take()
	l.ticks(heartbeatTick)
	l.finish(rd)
	require.Equal(t, []uint64{2, 3}, receivers(ofType(l.settle(), pb.MessageType_MsgHeartbeat)), "which members get the heartbeat that fell due meanwhile")
}

func replacedWhileBeingSaved(t *graded.T, impl Implementation) {
	tests := []struct {
		name string
		// appends come from the leaders of terms 2, 3, ... while the entries
		// 1/1 2/1 3/1 of term 1 are being saved.
		appends []*pb.Message
		want    []uint64 // terms of the log in the end
	}{
		{"by as many", []*pb.Message{appendAfter(3, 2, 1, 1, 0, entriesFrom(2, 2, 2)...)}, []uint64{1, 2, 2}},
		{"by fewer", []*pb.Message{appendAfter(3, 2, 1, 1, 0, entriesFrom(2, 2)...)}, []uint64{1, 2}},
		{"by more", []*pb.Message{appendAfter(3, 2, 0, 0, 0, entriesFrom(1, 2, 2, 2, 2)...)}, []uint64{2, 2, 2, 2}},
		{"only the last", []*pb.Message{appendAfter(3, 2, 2, 1, 0, entriesFrom(3, 2)...)}, []uint64{1, 1, 2}},
		{"twice", []*pb.Message{
			appendAfter(3, 2, 1, 1, 0, entriesFrom(2, 2, 2)...),
			appendAfter(2, 3, 1, 1, 0, entriesFrom(2, 3)...),
		}, []uint64{1, 3}},
		{"and back", []*pb.Message{
			appendAfter(3, 2, 1, 1, 0, entriesFrom(2, 2)...),
			appendAfter(2, 3, 1, 1, 0, entriesFrom(2, 1, 1, 3)...),
		}, []uint64{1, 1, 1, 3}},
	}
	for _, test := range tests {
		for _, late := range []bool{false, true} {
			d := drive(t, impl, 1, NewDisk(upTo(3)))
			d.note("the entries are replaced %s", test.name)
			d.in(appendAfter(2, 1, 0, 0, 0, entriesFrom(1, 1, 1, 1)...))
			rd := d.take()
			if !late {
				d.save(rd)
			}
			for _, m := range test.appends {
				d.in(copyMessage(m))
			}
			if late {
				d.save(rd)
			}
			d.apply(rd)
			d.advance(rd)
			d.settle()
			require.Equal(t, test.want, termsOf(d.disk.now.entries), "the terms of the log on disk, after the entries were replaced %s", test.name)

			last := test.appends[len(test.appends)-1]
			n := uint64(len(test.want))
			d.in(heartbeat(last.From, last.Term, n))
			d.settle()
			require.Equal(t, test.want, termsOf(d.applied), "the terms of what is applied, after the entries were replaced %s", test.name)
		}
	}
}

func repeatedAdvance(t *graded.T, impl Implementation) {
	d := drive(t, impl, 1, NewDisk(upTo(3)))
	twice := func() {
		t.Helper()
		for d.HasReady() {
			rd := d.take()
			d.finish(rd)
			d.advance(rd)
		}
	}
	require.NoError(t, d.Campaign(), "Campaign of node 1")
	twice()
	d.in(grant(3, 1))
	twice()
	d.proposes("a")
	twice()
	d.proposes("b")
	d.in(matchUpTo(3, 1, 2))
	twice()
	require.Equal(t, []string{"a"}, d.data(), "what is on a majority")
	d.in(matchUpTo(2, 1, 3))
	twice()
	require.Equal(t, []string{"a", "b"}, d.data(), "what is on a majority")
	require.Equal(t, []uint64{1, 1, 1}, termsOf(d.disk.now.entries), "the terms of the log on disk")
	require.Equal(t, uint64(3), d.Status().Applied, "the applied index")
}

func handedOutStaysAsItWas(t *graded.T, impl Implementation) {
	d := drive(t, impl, 1, NewDisk(upTo(3)))
	d.in(appendAfter(2, 1, 0, 0, 1, entriesFrom(1, 1, 1, 1, 1)...))
	rd := d.take()
	text := describeReady(rd)
	same := func(when string) {
		t.Helper()
		require.Equal(t, text, describeReady(rd), "the Ready that was handed out has changed %s", when)
	}
	d.in(appendAfter(3, 2, 1, 1, 0, entriesFrom(2, 2, 2, 2)...))
	same("when its entries were replaced")
	d.finish(rd)
	d.in(heartbeat(3, 2, 2))
	d.settle()
	same("when its replaced entries were saved")
	require.NoError(t, d.Campaign(), "Campaign of node 1")
	d.settle()
	d.in(grant(2, 3))
	d.settle()
	d.proposes("a", "b")
	d.settle()
	same("when the node became leader")
}

func refusedProposalLeavesNothing(t *graded.T, impl Implementation) {
	d := drive(t, impl, 1, NewDisk(upTo(3)))
	_, _, err := d.Propose([]byte("a"))
	require.Equal(t, raft.ErrNotLeader, errors.Cause(err), "node 1 knows of no leader, and is asked to append a proposal")
	d.idle("a proposal was refused")
	require.NoError(t, d.Campaign(), "Campaign of node 1")
	d.settle()
	_, _, err = d.Propose([]byte("b"))
	require.Equal(t, raft.ErrNotLeader, errors.Cause(err), "a candidate is asked to append a proposal")
	d.idle("a proposal was refused")
	d.in(grant(2, 1))
	d.settle()
	d.proposes("c")
	d.settle()
	d.in(matchUpTo(2, 1, 2))
	d.settle()
	require.Equal(t, []string{"c"}, d.data(), "what was proposed to the leader")
	require.Len(t, d.disk.now.entries, 2, "the no-op of the leader, and one proposal")
}

func singleNodeGroup(t *graded.T, impl Implementation) {
	d := drive(t, impl, 1, NewDisk(upTo(1)))
	d.ticks(2 * electionTick)
	require.Empty(t, d.settle(), "there is no other member to send to")
	require.Equal(t, raft.StateLeader, d.Status().RaftState, "the role of the only member after its election timeout")
	d.proposes("a", "b")
	rd := d.take()
	d.proposes("c")
	d.finish(rd)
	require.Empty(t, d.settle(), "there is no other member to send to")
	require.Equal(t, []string{"a", "b", "c"}, d.data(), "what was proposed")

	again := drive(t, impl, 1, d.disk)
	again.idle("everything was applied before the restart")
	again.ticks(2 * electionTick)
	again.settle()
	again.proposes("d")
	again.settle()
	require.Equal(t, []string{"d"}, again.data(), "what was proposed after the restart")
	require.Equal(t, uint64(2), again.Status().Term, "each election has its term")
}

func manyEntries(t *graded.T, impl Implementation) {
	const n = 3000
	d := drive(t, impl, 1, NewDisk(upTo(3)))
	d.lead()
	want := []string{}
	for i := range n {
		want = append(want, fmt.Sprint(i))
		d.proposes(want[i])
	}
	d.settle()
	d.in(matchUpTo(2, 1, 1+n/2))
	d.settle()
	require.Equal(t, want[:n/2], d.data(), "the half that is on a majority")
	d.in(matchUpTo(2, 1, 1+n))
	d.settle()
	require.Equal(t, want, d.data(), "everything that was proposed")

	hard, _, _ := d.disk.InitialState()
	disk := NewDisk(upTo(3))
	require.NoError(t, disk.Save(raft.Ready{Entries: d.disk.now.entries, HardState: hard}), "saving the log on another disk")
	disk.Sync()
	again := drive(t, impl, 1, disk)
	again.settle()
	require.Equal(t, want, again.data(), "everything again, after a restart of an application that remembers nothing")
}

func restartContinues(t *graded.T, impl Implementation) {
	disk := NewDisk(upTo(3), 1, 1, 2, 3)
	disk.SetHardState(4, 2, 3)
	disk.SaveApplied(3, &pb.ConfState{Nodes: upTo(3)}, nil)
	disk.Sync()
	d := drive(t, impl, 1, disk)
	st := d.Status()
	require.Equal(t, "term 4, vote 2, commit 3", hardStateText(&pb.HardState{Term: st.Term, Vote: st.Vote, Commit: st.Commit}), "what it had saved")
	require.Equal(t, raft.SoftState{RaftState: raft.StateFollower}, st.SoftState, "a node restarts as a follower that knows no leader")
	require.Equal(t, uint64(3), st.Applied, "the applied index is that of the application")
	require.Equal(t, upTo(3), st.Nodes, "the members")
	d.idle("everything is saved, applied and sent")

	d.in(requestVote(3, 5, 4, 2))
	answers := d.settle()
	require.Len(t, answers, 1, "answers to a vote request")
	require.True(t, answers[0].Reject, "it votes for a log that ends with term 2, but its own ends with term 3")
	d.in(appendAfter(3, 6, 4, 3, 4, entriesFrom(5, 6)...))
	answers = d.settle()
	require.Len(t, answers, 1, "answers to an append")
	require.False(t, answers[0].Reject, "it refuses an append after 4/3, which its log holds")
	require.Equal(t, uint64(5), answers[0].Index, "up to where it matches now")
	require.Equal(t, []uint64{4}, indexesOf(d.applied), "what was committed since")
}

func restartAppliesTheRest(t *graded.T, impl Implementation) {
	for applied := range uint64(4) {
		disk := NewDisk(upTo(3), 1, 1, 2, 3)
		disk.SetHardState(3, 0, 3)
		disk.SaveApplied(applied, &pb.ConfState{Nodes: upTo(3)}, nil)
		disk.Sync()
		d := drive(t, impl, 1, disk)
		d.note("the application has applied up to %d", applied)
		for d.HasReady() {
			rd := d.take()
			require.Empty(t, rd.Entries, "everything is saved")
			require.Nil(t, rd.HardState, "everything is saved")
			require.Empty(t, rd.Messages, "nothing has happened")
			d.finish(rd)
		}
		want := []uint64{}
		for i := applied + 1; i <= 3; i++ {
			want = append(want, i)
		}
		require.Equal(t, want, indexesOf(d.applied), "what is handed out after a restart with Config.Applied %d and commit index 3", applied)
	}
}

func crashLosesOnlyTheUnsynced(t *graded.T, impl Implementation) {
	disk := NewDisk(upTo(3))
	d := drive(t, impl, 1, disk)
	d.in(appendAfter(2, 1, 0, 0, 1, entriesFrom(1, 1, 1)...))
	d.settle()
	d.in(appendAfter(2, 1, 2, 1, 2, entriesFrom(3, 1, 1)...))
	rd := d.take()
	require.NoError(t, disk.Save(rd), "saving a Ready on the disk")
	d.note("crash before the sync")
	disk.Crash()

	again := drive(t, impl, 1, disk)
	again.settle()
	require.Equal(t, uint64(1), again.Status().Term, "the term was synced")
	again.in(appendAfter(2, 1, 4, 1, 4, entriesFrom(5, 1)...))
	answers := ofType(again.settle(), pb.MessageType_MsgAppendResponse)
	require.Len(t, answers, 1, "answers to an append after 4/1")
	require.True(t, answers[0].Reject, "it takes an append after 4/1, but has lost the entries before")
	again.in(appendAfter(2, 1, 2, 1, 4, entriesFrom(3, 1, 1, 1)...))
	answers = ofType(again.settle(), pb.MessageType_MsgAppendResponse)
	require.Len(t, answers, 1, "answers to an append after 2/1")
	require.False(t, answers[0].Reject, "it refuses an append after 2/1, but entries 1 and 2 were synced")
	require.Equal(t, uint64(5), answers[0].Index, "the index up to which an append of entries 3 to 5 is acknowledged")
	require.Equal(t, []uint64{2, 3, 4}, indexesOf(again.applied), "what the application had not applied")
}

func voteSurvivesCrash(t *graded.T, impl Implementation) {
	disk := NewDisk(upTo(3))
	d := drive(t, impl, 1, disk)
	d.in(requestVote(2, 1, 0, 0))
	rd := d.take()
	d.save(rd)
	d.note("crash after sending, before Advance")
	disk.Crash()

	again := drive(t, impl, 1, disk)
	again.in(requestVote(3, 1, 0, 0))
	answers := again.settle()
	require.Len(t, answers, 1, "answers to a vote request of node 3")
	require.True(t, answers[0].Reject, "node 1 has voted for 2 in term 1, and votes for 3 after a crash")
	again.in(requestVote(2, 1, 0, 0))
	answers = again.settle()
	require.Len(t, answers, 1, "answers to a vote request of node 2")
	require.False(t, answers[0].Reject, "it refuses node 2 its vote, which it had given it in that term")

	// A campaign is a vote too.
	require.NoError(t, again.Campaign(), "Campaign of node 1")
	again.save(again.take())
	disk.Crash()
	third := drive(t, impl, 1, disk)
	third.in(requestVote(3, 2, 9, 1))
	answers = third.settle()
	require.Len(t, answers, 1, "answers to a vote request after a campaign")
	require.True(t, answers[0].Reject, "node 1 has voted for itself in term 2, and votes for 3 after a crash")
}

func invalidConfigIsAnError(t *graded.T, impl Implementation) {
	valid := func() *raft.Config { return configOf(1, NewDisk(upTo(3), 1, 1)) }
	_, err := impl.NewRawNode(valid())
	require.NoError(t, err, "a valid configuration")
	for _, test := range []struct {
		why   string
		spoil func(c *raft.Config)
	}{
		{"the id None", func(c *raft.Config) { c.ID = raft.None }},
		{"no heartbeats", func(c *raft.Config) { c.HeartbeatTick = 0 }},
		{"heartbeats as rare as elections", func(c *raft.Config) { c.HeartbeatTick = c.ElectionTick }},
		{"no storage", func(c *raft.Config) { c.Storage = nil }},
		{"more applied than is committed", func(c *raft.Config) { c.Applied = 1 }},
		{"more committed than is in the log", func(c *raft.Config) {
			disk := NewDisk(upTo(3), 1, 1)
			disk.SetHardState(1, 0, 3)
			c.Storage = disk
		}},
	} {
		c := valid()
		test.spoil(c)
		_, err := impl.NewRawNode(c)
		require.Error(t, err, "a node starts with %s", test.why)
	}
}
