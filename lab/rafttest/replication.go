package rafttest

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/lab/graded"
	pb "github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/raft"
)

// replicationTests hold a Node to the paper's claims about the log: how it is
// replicated, repaired and committed.
var replicationTests = []Test{
	{
		Name:  "NewLeaderAppendsNoOp2AB",
		Claim: graded.Claim{Text: "a new leader appends an entry without data of its own term, and sends it to every follower as what follows its last entry", Source: "Raft §8, §5.3, Figure 2"},
		Run:   newLeaderAppendsNoOp,
	},
	{
		Name:  "LeaderReplicatesProposals2AB",
		Claim: graded.Claim{Text: "a leader appends each proposal to its log, with its term and the next index, and sends it to every follower, in order", Source: "Raft §5.3"},
		Run:   leaderReplicatesProposals,
	},
	{
		Name:  "ProposalNeedsLeader2AB",
		Claim: graded.Claim{Text: "only a leader appends proposals: any other server refuses one with an error, or passes it on to the leader", Source: "Raft §5.1, §5.3"},
		Run:   proposalNeedsLeader,
	},
	{
		Name:  "AppendNeedsMatchingPredecessor2AB",
		Claim: graded.Claim{Text: "a follower whose log has no entry with the index and term that precede the new entries refuses them", Source: "Raft §5.3"},
		Run:   appendNeedsMatchingPredecessor,
	},
	{
		Name:  "ConflictingEntriesAreReplaced2AB",
		Claim: graded.Claim{Text: "an entry that conflicts with one of the leader's is deleted with all that follow it, and the leader's take their place", Source: "Raft §5.3, Figure 2"},
		Run:   conflictingEntriesAreReplaced,
	},
	{
		Name:  "DelayedAppendDoesNotShortenLog2AB",
		Claim: graded.Claim{Text: "an append whose entries are all in the log already changes nothing, even if the log goes on after them", Source: "Raft §5.3, Figure 2"},
		Run:   delayedAppendDoesNotShortenLog,
	},
	{
		Name:  "AppendAnswerSaysWhatMatches2AB",
		Claim: graded.Claim{Text: "an append is answered with agreement up to its last entry or, if it has none, up to the entry before; and not further", Source: "Raft §5.3, Figure 2"},
		Run:   appendAnswerSaysWhatMatches,
	},
	{
		Name:  "AppendBelowCommitIsAcknowledged2AB",
		Claim: graded.Claim{Text: "an append that starts before the follower's commit index is acknowledged and undoes nothing: what is committed is the same everywhere", Source: "Raft §5.3, §5.4"},
		Run:   appendBelowCommitIsAcknowledged,
	},
	{
		Name:  "AppendObeysTerms2AB",
		Claim: graded.Claim{Text: "an append of a later term, or to a candidate of the same term, makes its receiver follow; one of an earlier term changes nothing", Source: "Raft §5.1, §5.2"},
		Run:   appendObeysTerms,
	},
	{
		Name:  "AppendResetsClock2AB",
		Claim: graded.Claim{Text: "a follower stays one as long as it receives appends of the current leader, even such as it has to refuse", Source: "Raft §5.2"},
		Run:   appendResetsClock,
	},
	{
		Name:  "LeaderBacksUpUntilLogsMatch2AB",
		Claim: graded.Claim{Text: "after a refused append the leader tries an earlier entry, until the logs match", Source: "Raft §5.3"},
		Run:   leaderBacksUpUntilLogsMatch,
	},
	{
		Name:  "LeaderRepairsEveryLog2AB",
		Claim: graded.Claim{Text: "a leader brings a follower's log into agreement with its own, whatever is missing there or too much", Source: "Raft §5.3, Figure 7"},
		Run:   leaderRepairsEveryLog,
	},
	{
		Name:  "MajorityCommits2AB",
		Claim: graded.Claim{Text: "an entry is committed, with all before it, once a majority of all members store it, and not before", Source: "Raft §5.3"},
		Run:   majorityCommits,
	},
	{
		Name:  "OnlyOwnTermCommitsByCounting2AB",
		Claim: graded.Claim{Text: "a leader commits only entries of its own term by counting; those of earlier terms are committed with them", Source: "Raft §5.4.2"},
		Run:   onlyOwnTermCommitsByCounting,
	},
	{
		Name:  "Figure8IsSafe2AB",
		Claim: graded.Claim{Text: "an entry of an earlier term may be replaced although a majority stores it; once an entry after it is committed, it may not", Source: "Raft §5.4.2, Figure 8"},
		Run:   figure8IsSafe,
	},
	{
		Name:  "OnlyCurrentMembersAcknowledge2AB",
		Claim: graded.Claim{Text: "only acknowledgements of members, sent in the leader's present term, count", Source: "Raft §5.1, §5.3"},
		Run:   onlyCurrentMembersAcknowledge,
	},
	{
		Name:  "AnswersMayComeInAnyOrder2AB",
		Claim: graded.Claim{Text: "answers that come twice, late, or out of order take nothing back from what is known of a follower", Source: "Raft §5.3, §5.5"},
		Run:   answersMayComeInAnyOrder,
	},
	{
		Name:  "FollowersLearnCommitIndex2AB",
		Claim: graded.Claim{Text: "followers learn what is committed from the appends and heartbeats that follow", Source: "Raft §5.3"},
		Run:   followersLearnCommitIndex,
	},
	{
		Name:  "FollowerCommitsWhatItMatched2AB",
		Claim: graded.Claim{Text: "a follower's commit index is the smaller of the leader's and the last entry of the append: only up to there do the logs agree for certain", Source: "Raft Figure 2"},
		Run:   followerCommitsWhatItMatched,
	},
	{
		Name:  "HeartbeatCommitIsBounded2AB",
		Claim: graded.Claim{Text: "a heartbeat tells a follower to commit only what the follower is known to have", Source: "the guide, Part A, Log replication"},
		Run:   heartbeatCommitIsBounded,
	},
	{
		Name:  "LostMessagesAreSentAgain2AB",
		Claim: graded.Claim{Text: "a leader retries appends, however many get lost, until all followers store all entries", Source: "Raft §5.3, §5.5"},
		Run:   lostMessagesAreSentAgain,
	},
	{
		Name:  "FollowerCatchesUp2AB",
		Claim: graded.Claim{Text: "a follower that was away for long gets everything it missed, once and in order", Source: "Raft §5.3, §5.5"},
		Run:   followerCatchesUp,
	},
	{
		Name:  "OldLeaderGivesWay2AB",
		Claim: graded.Claim{Text: "a leader that was cut off commits nothing; back again, it gives up the entries that its successor does not have", Source: "Raft §5.2, §5.3"},
		Run:   oldLeaderGivesWay,
	},
	{
		Name:  "LeaderHasEverythingCommitted2AB",
		Claim: graded.Claim{Text: "a server that is elected has every committed entry", Source: "Raft §5.4.1, §5.4.3, Figure 3 (Leader Completeness)"},
		Run:   leaderHasEverythingCommitted,
	},
	{
		Name:  "SingleNodeCommitsAlone2AB",
		Claim: graded.Claim{Text: "in a group of one, an entry is committed as soon as the leader stores it", Source: "Raft §5.3"},
		Run:   singleNodeCommitsAlone,
	},
	{
		Name:  "LogSurvivesRestart2AB",
		Claim: graded.Claim{Text: "a server that starts again goes on with the log and commit index that it finds in storage", Source: "Raft Figure 2, thesis §3.8; the contract of Storage"},
		Run:   logSurvivesRestart,
	},
	{
		Name:  "SentEntriesNeverChange2AB",
		Claim: graded.Claim{Text: "what is in a message stays as it was when it was sent, whatever happens to the log after that", Source: "the contract of Log"},
		Run:   sentEntriesNeverChange,
	},
}

// follower returns node 1 of {1, 2, 3} as a follower in term 5, which has no
// leader yet, with a log of those terms that is committed up to commit.
func follower(t *graded.T, impl Implementation, commit uint64, terms ...uint64) *solo {
	t.Helper()
	disk := NewDisk(upTo(3), terms...)
	disk.SetHardState(5, 0, commit)
	return withLog(t, impl, 1, disk)
}

// leader returns node 1 of a group as the leader of term 5, whose log has those
// terms and then its no-op, and what it has sent since it was elected.
func leader(t *graded.T, impl Implementation, size int, terms ...uint64) (*solo, []*pb.Message) {
	t.Helper()
	disk := NewDisk(upTo(size), terms...)
	disk.SetHardState(4, 0, 0)
	n := withLog(t, impl, 1, disk)
	out := n.elect()
	if want := uint64(len(terms)) + 1; lastIndex(n.log) != want {
		t.Fatalf("node 1 was elected with a log up to %d, so its no-op should be entry %d, but its log is %s",
			want-1, want, describeEntries(n.log))
	}
	return n, out
}

// appends returns the append messages to node id.
func appends(ms []*pb.Message, id uint64) []*pb.Message {
	return sentTo(ofType(ms, pb.MessageType_MsgAppend), id)
}

// appendAnswer steps m, and returns the one answer that its sender gets.
func appendAnswer(n *solo, m *pb.Message) *pb.Message {
	n.t.Helper()
	answers := ofType(n.step(m), pb.MessageType_MsgAppendResponse)
	term := n.Status().Term
	if len(answers) != 1 || answers[0].To != m.From || answers[0].Term != term {
		n.t.Fatalf("%s is to be answered with one MsgAppendResponse to node %d in term %d, but node %d sent %s",
			describe(m), m.From, term, n.id, describeMessages(answers))
	}
	return answers[0]
}

// hasLog fails unless the log of the node has those terms.
func (s *solo) hasLog(terms []uint64, why string, args ...any) {
	s.t.Helper()
	if have := s.Entries(); !slices.Equal(termsOf(have), terms) {
		s.t.Fatalf("the log of node %d should have the terms %v %s, but is %s (index/term)",
			s.id, terms, fmt.Sprintf(why, args...), describeEntries(have))
	}
}

// hasCommitted fails unless the commit index of the node is index.
func (s *solo) hasCommitted(index uint64, why string, args ...any) {
	s.t.Helper()
	if commit := s.Status().Commit; commit != index {
		s.t.Fatalf("the commit index of node %d should be %d %s, but is %d", s.id, index, fmt.Sprintf(why, args...), commit)
	}
}

func newLeaderAppendsNoOp(t *graded.T, impl Implementation) {
	for _, terms := range [][]uint64{nil, {1}, {1, 1, 2}, {4, 4, 4, 4}} {
		runCase(t, fmt.Sprintf("log of terms %v", terms), func(t *graded.T) {
			n, out := leader(t, impl, 3, terms...)
			n.hasCommitted(0, "as no member has acknowledged anything")
			n.hasLog(append(slices.Clone(terms), 5), "after its election in term 5")
			noop := n.log[len(terms)]
			if len(noop.Data) > 0 || noop.EntryType != pb.EntryType_EntryNormal {
				t.Fatalf("the entry with which a leader begins its term is a normal one without data, but it appended %s", describeEntry(noop))
			}
			prev := uint64(len(terms))
			took := n.feed(out, peer{2, prev}, peer{3, prev})
			for _, id := range []uint64{2, 3} {
				if !sameEntries(took[id], []*pb.Entry{noop}) {
					t.Fatalf("the new leader should send its no-op %s to node %d, whose log ends before it, but node %d got %s",
						describeEntry(noop), id, id, describeEntries(took[id]))
				}
			}
			n.hasCommitted(prev+1, "as every member has acknowledged its no-op")
		})
	}
	runCase(t, "when it is elected again", func(t *graded.T) {
		// Whatever it waited for in its first term, it waits for no more.
		n, _ := leader(t, impl, 3, 1)
		n.step(propose("a", "b"))
		n.step(heartbeat(2, 6, 0))
		took := n.feed(n.elect(), peer{2, 4}, peer{3, 4})
		for _, id := range []uint64{2, 3} {
			if noop := n.log[4]; !sameEntries(took[id], []*pb.Entry{noop}) {
				t.Fatalf("node 1 leads again, in term 7, and should send its no-op %s to node %d, whose log ends before it, but node %d got %s",
					describeEntry(noop), id, id, describeEntries(took[id]))
			}
		}
	})
}

func leaderReplicatesProposals(t *graded.T, impl Implementation) {
	n, out := leader(t, impl, 3)
	got := map[uint64][]*pb.Entry{}
	receive := func(out []*pb.Message) {
		t.Helper()
		for id, entries := range n.feed(out, peer{2, lastIndex(got[2])}, peer{3, lastIndex(got[3])}) {
			got[id] = append(got[id], entries...)
		}
	}
	receive(out)
	var want []string
	for _, batch := range [][]string{{"a"}, {"b", "c", "d"}, {"e"}, {"f", "g"}} {
		out, err := n.try(propose(batch...))
		if err != nil {
			t.Fatalf("node 1 leads and should take the proposals %q, but says: %v", batch, err)
		}
		want = append(want, batch...)
		receive(out)
	}
	for i, data := range want {
		index := uint64(i) + 2 // the no-op is 1
		for _, holder := range []struct {
			name string
			log  []*pb.Entry
		}{{"leader 1", n.log}, {"follower 2", got[2]}, {"follower 3", got[3]}} {
			if uint64(len(holder.log)) < index || !sameEntry(holder.log[index-1], &pb.Entry{Term: 5, Index: index, Data: []byte(data)}) {
				t.Fatalf("proposal %q should be entry %d of term 5 on %s, but that has %s", data, index, holder.name, describeEntries(holder.log))
			}
		}
	}
	n.hasCommitted(8, "as every member has acknowledged everything")
}

func proposalNeedsLeader(t *graded.T, impl Implementation) {
	disk := func() *Disk {
		d := NewDisk(upTo(3), 1)
		d.SetHardState(4, 0, 0)
		return d
	}
	for _, c := range []struct {
		name   string
		leader uint64
		enter  func(n *solo)
	}{
		{"follower without a leader", raft.None, func(n *solo) {}},
		{"follower of 2", 2, func(n *solo) { n.step(heartbeat(2, 5, 0)) }},
		{"candidate", raft.None, func(n *solo) { n.campaign() }},
		{"deposed leader", raft.None, func(n *solo) {
			n.elect()
			n.step(refuse(3, 9))
		}},
	} {
		runCase(t, c.name, func(t *graded.T) {
			n := withLog(t, impl, 1, disk())
			c.enter(n)
			before := n.log
			out, err := n.try(propose("x"))
			if !sameEntries(n.Entries(), before) {
				t.Fatalf("a %s has no business to append a proposal, but the log of node 1 was %s and is %s",
					c.name, describeEntries(before), describeEntries(n.Entries()))
			}
			passedOn := false
			for _, m := range out {
				if m.MsgType == pb.MessageType_MsgPropose && m.To == c.leader && c.leader != raft.None {
					passedOn = true
					continue
				}
				t.Fatalf("a %s cannot replicate a proposal, but node 1 sent %s", c.name, describe(m))
			}
			if err == nil && !passedOn {
				t.Fatalf("a %s neither took the proposal nor passed it on, so it should say so with an error; its caller waits in vain", c.name)
			}
		})
	}
}

func appendNeedsMatchingPredecessor(t *graded.T, impl Implementation) {
	for _, c := range []struct {
		terms           []uint64 // of the follower's log
		index, prevTerm uint64
		matches         bool
	}{
		{nil, 0, 0, true},
		{nil, 1, 1, false},
		{[]uint64{1, 1, 2}, 0, 0, true},
		{[]uint64{1, 1, 2}, 1, 1, true},
		{[]uint64{1, 1, 2}, 2, 1, true},
		{[]uint64{1, 1, 2}, 3, 2, true},
		{[]uint64{1, 1, 2}, 2, 2, false}, // other term
		{[]uint64{1, 1, 2}, 3, 1, false},
		{[]uint64{1, 1, 2}, 3, 4, false},
		{[]uint64{1, 1, 2}, 4, 2, false}, // missing
		{[]uint64{1, 1, 2}, 9, 5, false},
		{[]uint64{4, 4, 4, 4}, 2, 1, false},
	} {
		for _, entries := range []int{0, 1} {
			runCase(t, fmt.Sprintf("log %v, %d entries after %s", c.terms, entries, position(c.index, c.prevTerm)), func(t *graded.T) {
				n := follower(t, impl, 0, c.terms...)
				m := appendAfter(2, 5, c.index, c.prevTerm, 0)
				if entries == 1 {
					m.Entries = entriesFrom(c.index+1, 5)
				}
				answer := appendAnswer(n, m)
				if answer.Reject == c.matches {
					t.Fatalf("the follower's log has the terms %v, so the append after %s should be refused: %v; but node 1 sent %s",
						c.terms, position(c.index, c.prevTerm), !c.matches, describe(answer))
				}
				if !c.matches {
					n.hasLog(c.terms, "as it was, since the append was refused")
				}
				n.follows(2, 5, "whether its append matched or not")
			})
		}
	}
}

func conflictingEntriesAreReplaced(t *graded.T, impl Implementation) {
	for _, c := range []struct {
		terms   []uint64
		index   uint64 // of the entry before
		entries []uint64
		want    []uint64
	}{
		{nil, 0, []uint64{1, 2}, []uint64{1, 2}},
		{[]uint64{1, 2}, 2, []uint64{3}, []uint64{1, 2, 3}},
		{[]uint64{1, 2}, 1, []uint64{3, 4}, []uint64{1, 3, 4}},
		{[]uint64{1, 2}, 0, []uint64{3}, []uint64{3}},
		{[]uint64{1, 1, 1, 1}, 1, []uint64{2}, []uint64{1, 2}},
		{[]uint64{1, 1, 1, 1}, 1, []uint64{1, 2}, []uint64{1, 1, 2}}, // the conflict is not the first
		{[]uint64{1, 2, 2, 2, 3}, 0, []uint64{1, 2, 4, 4}, []uint64{1, 2, 4, 4}},
		{[]uint64{1, 4, 4, 4}, 1, []uint64{2, 2, 2, 2, 5}, []uint64{1, 2, 2, 2, 2, 5}},
		{[]uint64{1, 1}, 1, []uint64{1, 5, 5}, []uint64{1, 1, 5, 5}},
	} {
		runCase(t, fmt.Sprintf("log %v, after %d come %v", c.terms, c.index, c.entries), func(t *graded.T) {
			n := follower(t, impl, 0, c.terms...)
			prevTerm := uint64(0)
			if c.index > 0 {
				prevTerm = c.terms[c.index-1]
			}
			m := appendAfter(2, 5, c.index, prevTerm, 0, entriesFrom(c.index+1, c.entries...)...)
			for range 2 { // the second time, it changes nothing
				answer := appendAnswer(n, m)
				n.hasLog(c.want, "after the leader's entries %s", describeEntries(m.Entries))
				if last := c.index + uint64(len(c.entries)); answer.Reject || answer.Index != last {
					t.Fatalf("the log agrees with the leader's up to %d now, but node 1 sent %s", last, describe(answer))
				}
			}
		})
	}

	runCase(t, "again and again", func(t *graded.T) {
		n := follower(t, impl, 0, 1)
		// Each leader overwrites what the one before it left.
		for term := uint64(5); term < 12; term++ {
			terms := slices.Repeat([]uint64{term}, 1+int(term*3%5))
			n.step(appendAfter(2, term, 1, 1, 0, entriesFrom(2, terms...)...))
			n.hasLog(append([]uint64{1}, terms...), "after the leader of term %d replaced everything after entry 1", term)
		}
	})
}

func delayedAppendDoesNotShortenLog(t *graded.T, impl Implementation) {
	terms := []uint64{1, 1, 2, 5, 5}
	for index := range uint64(6) {
		for n := range uint64(6) - index {
			runCase(t, fmt.Sprintf("%d entries after %d", n, index), func(t *graded.T) {
				node := follower(t, impl, 0, terms...)
				prevTerm := uint64(0)
				if index > 0 {
					prevTerm = terms[index-1]
				}
				m := appendAfter(2, 5, index, prevTerm, 0, entriesFrom(index+1, terms[index:index+n]...)...)
				answer := appendAnswer(node, m)
				node.hasLog(terms, "before and after %s, which brings nothing new", describe(m))
				if answer.Reject {
					t.Fatalf("node 1 has all of %s, but sent %s", describe(m), describe(answer))
				}
			})
		}
	}
}

func appendAnswerSaysWhatMatches(t *graded.T, impl Implementation) {
	// The follower's log goes on after what the leader sends, and the leader
	// may have other entries there.
	terms := []uint64{1, 1, 2, 2, 2}
	for _, c := range []struct {
		index   uint64
		entries []uint64
	}{
		{0, nil}, {0, []uint64{1}}, {1, nil}, {1, []uint64{1, 2}}, {2, []uint64{2}}, {3, nil}, {5, nil}, {5, []uint64{5, 5}}, {3, []uint64{5}},
	} {
		runCase(t, fmt.Sprintf("%d entries after %d", len(c.entries), c.index), func(t *graded.T) {
			n := follower(t, impl, 0, terms...)
			prevTerm := uint64(0)
			if c.index > 0 {
				prevTerm = terms[c.index-1]
			}
			m := appendAfter(2, 5, c.index, prevTerm, 0, entriesFrom(c.index+1, c.entries...)...)
			answer := appendAnswer(n, m)
			if last := c.index + uint64(len(c.entries)); answer.Reject || answer.Index != last {
				t.Fatalf("the log of node 1 has the terms %v; after %s it is known to agree up to %d, and nothing is known of what comes after, but it sent %s",
					terms, describe(m), last, describe(answer))
			}
		})
	}
}

func appendBelowCommitIsAcknowledged(t *graded.T, impl Implementation) {
	terms := []uint64{1, 1, 2, 5}
	for _, c := range []struct {
		index, prevTerm uint64
		entries         []uint64
	}{
		{0, 0, nil},
		{0, 0, []uint64{1}},
		{0, 0, []uint64{1, 1, 2, 5}},
		{1, 1, nil},
		{1, 1, []uint64{1}},
		{2, 1, nil},
		{2, 1, []uint64{2, 5}},
	} {
		runCase(t, fmt.Sprintf("%d entries after %d", len(c.entries), c.index), func(t *graded.T) {
			n := follower(t, impl, 3, terms...)
			m := appendAfter(2, 5, c.index, c.prevTerm, 0, entriesFrom(c.index+1, c.entries...)...)
			answer := appendAnswer(n, m)
			if answer.Reject || answer.Index < c.index {
				t.Fatalf("node 1 has committed up to 3, so it agrees with %s, but sent %s", describe(m), describe(answer))
			}
			if most := max(3, c.index+uint64(len(c.entries))); answer.Index > most {
				t.Fatalf("after %s, node 1 is known to agree up to %d, but sent %s", describe(m), most, describe(answer))
			}
			n.hasLog(terms, "before and after an append of what is committed")
			n.hasCommitted(3, "before and after an append with commit 0")
		})
	}
}

func appendObeysTerms(t *graded.T, impl Implementation) {
	for _, as := range roles {
		for _, term := range []uint64{4, 5, 8} {
			if term == 5 && as.state == raft.StateLeader {
				continue // a term has one leader
			}
			runCase(t, fmt.Sprintf("%s of term 5, append of term %d", as.name, term), func(t *graded.T) {
				n := startAs(t, impl, as)
				n.watchLog()
				before, log := n.Status(), n.log
				m := appendAfter(2, term, 1, 1, 0, entriesFrom(2, term, term)...)
				out := n.step(m)
				if term < 5 {
					if after := n.Status(); after.Term != before.Term || after.SoftState != before.SoftState {
						t.Fatalf("%s must not change a %s of term 5, but node 1 was (%v), and is (%v)", describe(m), as.name, before, after)
					}
					n.hasLog(termsOf(log), "before and after an append of term 4")
					for _, answer := range ofType(out, pb.MessageType_MsgAppendResponse) {
						if !answer.Reject && answer.Index > 0 {
							t.Fatalf("node 1 is in term 5 and acknowledged an append of term 4: %s", describe(answer))
						}
					}
					return
				}
				n.follows(2, term, "after its append")
				n.hasLog([]uint64{1, term, term}, "after an append of term %d", term)
			})
		}
		if as.state == raft.StateCandidate {
			runCase(t, "candidate of term 5, append that it has to refuse", func(t *graded.T) {
				n := startAs(t, impl, as)
				if answer := appendAnswer(n, appendAfter(2, 5, 7, 5, 0)); !answer.Reject {
					t.Fatalf("the log of node 1 ends at 1/1, but it answered an append after 7/5 with %s", describe(answer))
				}
				n.follows(2, 5, "after its append, whether the logs match or not")
			})
		}
		runCase(t, as.name+" of term 5, answers to appends", func(t *graded.T) {
			n := startAs(t, impl, as)
			n.watchLog()
			before := n.Status()
			for _, m := range []*pb.Message{matchUpTo(2, 4, 1), rejectAppend(2, 4, 1, 0, 0)} {
				n.step(m)
				if after := n.Status(); after.Term != before.Term || after.SoftState != before.SoftState || after.Commit != before.Commit {
					t.Fatalf("%s must not change a %s of term 5, but node 1 was (%v), and is (%v)", describe(m), as.name, before, after)
				}
			}
			n.step(rejectAppend(2, 7, 1, 0, 0))
			n.follows(raft.None, 7, "after an answer of term 7")
			n.step(matchUpTo(3, 9, 1))
			n.follows(raft.None, 9, "after an answer of term 9")
		})
	}
}

func appendResetsClock(t *graded.T, impl Implementation) {
	for _, c := range []struct {
		name string
		m    *pb.Message
	}{
		{"that match", appendAfter(2, 5, 1, 1, 0)},
		{"that are refused", appendAfter(2, 5, 7, 4, 0)},
	} {
		runCase(t, c.name, func(t *graded.T) {
			n := follower(t, impl, 0, 1)
			for round := range 20 {
				n.step(c.m)
				if requests := ofType(n.tick(electionTick-1), pb.MessageType_MsgRequestVote); len(requests) != 0 {
					t.Fatalf("node 1 got %d appends of its leader, one every %d ticks, and still campaigned", round+1, electionTick-1)
				}
			}
		})
	}
	runCase(t, "not those of a deposed leader", func(t *graded.T) {
		n := follower(t, impl, 0, 1)
		for range 2*electionTick - 1 {
			if n.tick(1); n.Status().RaftState == raft.StateCandidate {
				return
			}
			n.step(appendAfter(3, 4, 1, 1, 0))
		}
		t.Fatalf("node 1 of term 5 heard only from a leader of term 4 for %d ticks, and did not campaign", 2*electionTick-1)
	})
}

func leaderBacksUpUntilLogsMatch(t *graded.T, impl Implementation) {
	leaderTerms := []uint64{1, 1, 1, 2, 2, 3, 3, 4, 4, 4}
	for _, hint := range []struct {
		name string
		// of returns what a follower with that log suggests.
		of func(terms []uint64, m *pb.Message) (hint, hintTerm uint64)
	}{
		{"the index before", func(_ []uint64, m *pb.Message) (uint64, uint64) { return m.Index - 1, 0 }},
		{"the beginning", func(_ []uint64, m *pb.Message) (uint64, uint64) { return 0, 0 }},
		{"its last entry", func(terms []uint64, m *pb.Message) (uint64, uint64) {
			hint := min(m.Index-1, uint64(len(terms)))
			if hint == 0 {
				return 0, 0
			}
			return hint, terms[hint-1]
		}},
	} {
		for _, terms := range [][]uint64{
			nil,
			{1},
			{1, 1, 1, 2},
			{1, 1, 1, 1, 1, 1, 1, 1, 1, 1},
			{1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2},
			{2, 2, 2},
			{1, 1, 1, 2, 2, 3, 3, 3},
			leaderTerms,
		} {
			runCase(t, fmt.Sprintf("log %v, hint: %s", terms, hint.name), func(t *graded.T) {
				n, out := leader(t, impl, 3, leaderTerms...)
				tried := uint64(len(leaderTerms)) + 1
				for range 2 * len(leaderTerms) {
					ms := n.nextAppends(out, 2)
					if len(ms) == 0 {
						t.Fatalf("node 2 refused the append after entry %d and answered two heartbeats since, but leader 1 does not try again", tried)
					}
					m := ms[0]
					if m.Index >= tried {
						t.Fatalf("node 2 refused the append after entry %d, so the leader should try an earlier one, but sent %s", tried, describe(m))
					}
					if m.Index == 0 || m.Index <= uint64(len(terms)) && terms[m.Index-1] == m.LogTerm {
						takeAll(n, ms)
						return
					}
					tried = m.Index
					at, term := hint.of(terms, m)
					out = n.step(rejectAppend(2, 5, m.Index, at, term))
				}
				t.Fatalf("leader 1 with a log of terms %v did not find in %d tries where the log %v of node 2 matches", leaderTerms, 2*len(leaderTerms), terms)
			})
		}
	}
}

// takeAll acknowledges ms, the first of which node 2 could take, and what the
// leader sends then, until it has sent the whole log.
func takeAll(n *solo, ms []*pb.Message) {
	n.t.Helper()
	n.feed(ms, peer{2, ms[0].Index})
}

func leaderRepairsEveryLog(t *graded.T, impl Implementation) {
	leaderTerms := []uint64{1, 1, 1, 4, 4, 5, 5, 6, 6, 6}
	figure7 := [][]uint64{
		leaderTerms,
		{1, 1, 1, 4, 4, 5, 5, 6, 6},          // (a)
		{1, 1, 1, 4},                         // (b)
		{1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6},    // (c)
		{1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7}, // (d)
		{1, 1, 1, 4, 4, 4, 4},                // (e)
		{1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3},    // (f)
	}
	names := "abcdef"
	runCase(t, "all at once", func(t *graded.T) {
		var disks []*Disk
		for _, terms := range figure7 {
			d := NewDisk(upTo(7), terms...)
			d.SetHardState(7, 0, 0)
			disks = append(disks, d)
		}
		g := startGroup(t, impl, disks)
		g.elect(1) // by the votes of a, b, e and f
		g.agree(1, "node 1 of Figure 7 was elected in term 8 among the followers a to f (nodes 2 to 7)")
		g.node(1).hasLog(append(slices.Clone(leaderTerms), 8), "as a leader does not change its own log")
	})
	for i, terms := range append(figure7[1:], nil, []uint64{7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7}) {
		name := fmt.Sprintf("log %v", terms)
		if i < len(names) {
			name = "follower " + names[i:i+1]
		}
		runCase(t, name, func(t *graded.T) {
			disks := []*Disk{NewDisk(upTo(3), leaderTerms...), NewDisk(upTo(3), leaderTerms...), NewDisk(upTo(3), terms...)}
			for _, d := range disks {
				d.SetHardState(7, 0, 0)
			}
			g := startGroup(t, impl, disks)
			g.isolate(3)
			g.elect(1)
			g.rejoin(3)
			g.propose(1, "x")
			g.agree(1, fmt.Sprintf("node 3 came back with a log of terms %v", terms))
		})
	}
}

func majorityCommits(t *graded.T, impl Implementation) {
	for _, c := range []struct {
		size int
		acks []uint64
		want bool
	}{
		{1, nil, true},
		{2, nil, false},
		{2, []uint64{2}, true},
		{3, nil, false},
		{3, []uint64{2}, true},
		{3, []uint64{3}, true},
		{4, []uint64{2}, false},
		{4, []uint64{2, 2, 2}, false},
		{4, []uint64{2, 4}, true},
		{5, []uint64{4}, false},
		{5, []uint64{4, 4, 4, 4}, false},
		{5, []uint64{4, 5}, true},
		{6, []uint64{2, 3}, false},
		{6, []uint64{2, 3, 4}, true},
		{7, []uint64{2, 3}, false},
		{7, []uint64{2, 3, 7}, true},
	} {
		runCase(t, fmt.Sprintf("%d nodes, acknowledged by %v", c.size, c.acks), func(t *graded.T) {
			n, _ := leader(t, impl, c.size, 1, 1)
			for _, id := range c.acks {
				n.hasCommitted(0, "before the last acknowledgement of %v", c.acks)
				n.step(matchUpTo(id, 5, 3))
			}
			if c.want {
				n.hasCommitted(3, "when %v of %d members have acknowledged all, besides the leader", c.acks, c.size)
			} else {
				n.hasCommitted(0, "when only %v of %d members have acknowledged it, besides the leader", c.acks, c.size)
			}
		})
	}
	runCase(t, "each as far as a majority has it", func(t *graded.T) {
		n, _ := leader(t, impl, 5)
		n.step(propose("a", "b", "c", "d"))
		for _, c := range []struct{ from, match, commit uint64 }{
			{2, 5, 0}, {3, 2, 2}, {4, 3, 3}, {5, 1, 3}, {5, 4, 4}, {3, 3, 4}, {4, 5, 5},
		} {
			n.step(matchUpTo(c.from, 5, c.match))
			n.hasCommitted(c.commit, "when node %d has acknowledged up to %d", c.from, c.match)
		}
	})
}

func onlyOwnTermCommitsByCounting(t *graded.T, impl Implementation) {
	for _, size := range []int{2, 3, 5} {
		runCase(t, fmt.Sprintf("group of %d", size), func(t *graded.T) {
			n, _ := leader(t, impl, size, 1, 2, 4)
			for index := uint64(1); index <= 3; index++ {
				for id := uint64(2); id <= uint64(size); id++ {
					n.step(matchUpTo(id, 5, index))
					n.hasCommitted(0, "as long as nothing of its own term is on a majority, though entry %d of term %d is on nodes 1 to %d of %d",
						index, n.log[index-1].Term, id, size)
				}
			}
			for id := uint64(2); id <= uint64(size)/2+1; id++ {
				n.step(matchUpTo(id, 5, 4))
			}
			n.hasCommitted(4, "as its no-op, of its own term, is on a majority")
		})
	}
	runCase(t, "not by a heartbeat's answer", func(t *graded.T) {
		n, _ := leader(t, impl, 3, 1, 2, 4)
		n.step(matchUpTo(2, 5, 3))
		n.step(heartbeatAnswer(2, 5))
		n.step(heartbeatAnswer(3, 5))
		n.hasCommitted(0, "as nothing of its own term is on a majority")
	})
}

func figure8IsSafe(t *graded.T, impl Implementation) {
	// (c) of the figure, but for the entries of term 4: S1 leads again, and its
	// entry of term 2 is on a majority. S5 is away with an entry of term 3.
	start := func(t *graded.T) *group {
		disks := []*Disk{
			NewDisk(upTo(5), 1, 2), NewDisk(upTo(5), 1, 2), NewDisk(upTo(5), 1, 2), NewDisk(upTo(5), 1), NewDisk(upTo(5), 1, 3),
		}
		for _, d := range disks {
			d.SetHardState(3, 0, 0)
		}
		g := startGroup(t, impl, disks)
		g.isolate(5)
		return g
	}
	runCase(t, "(d)", func(t *graded.T) {
		g := start(t)
		g.lose = func(m *pb.Message) bool { return m.MsgType == pb.MessageType_MsgAppend && len(m.Entries) > 0 }
		g.elect(1)
		g.beat(1, 3)
		for _, id := range []uint64{2, 3} {
			_ = g.step(1, matchUpTo(id, 4, 2)) // S2 and S3 do have it, and lack only the no-op
		}
		g.node(1).hasCommitted(0, "as nothing of its own term 4 is on a majority, though the entry of term 2 is")
		g.lose = nil
		g.isolate(1)
		g.rejoin(5)
		g.campaign(5) // in term 4, which has a leader
		g.elect(5)
		g.rejoin(1)
		g.agree(5, "S5 was elected by S2, S3 and S4, and S1 came back")
		g.node(2).hasLog([]uint64{1, 3, 5}, "as S5 replaced the entry of term 2, which was on a majority")
	})
	runCase(t, "(e)", func(t *graded.T) {
		g := start(t)
		g.isolate(4)
		g.elect(1)
		g.node(1).hasCommitted(3, "as its entry of term 4 is on S1, S2 and S3")
		g.isolate(1)
		g.rejoin(4, 5)
		for range 5 {
			g.campaign(5)
			if now := g.node(5).Status(); now.RaftState == raft.StateLeader {
				t.Fatalf("S5 was elected in term %d, although it lacks the entries up to 3 that S1 has committed", now.Term)
			}
		}
		g.elect(2)
		g.rejoin(1)
		g.agree(2, "S2 was elected, which has all that was committed")
		g.node(5).hasLog(termsOf(g.node(1).Entries()), "when it follows S2")
		if terms := termsOf(g.node(5).Entries()); len(terms) < 3 || !slices.Equal(terms[:3], []uint64{1, 2, 4}) {
			t.Fatalf("the entries of the terms 1, 2 and 4 were committed, but the log ended up with the terms %v", terms)
		}
	})
}

func onlyCurrentMembersAcknowledge(t *graded.T, impl Implementation) {
	runCase(t, "earlier terms", func(t *graded.T) {
		n, _ := leader(t, impl, 3, 1)
		n.step(matchUpTo(2, 4, 2))
		n.step(matchUpTo(3, 3, 2))
		n.hasCommitted(0, "after acknowledgements of terms 3 and 4: those were other entries")
		n.step(matchUpTo(2, 5, 2))
		n.hasCommitted(2, "after an acknowledgement of term 5")
	})
	runCase(t, "strangers", func(t *graded.T) {
		n, _ := leader(t, impl, 3, 1)
		n.step(matchUpTo(7, 5, 2))
		n.step(matchUpTo(8, 5, 2))
		n.hasCommitted(0, "after acknowledgements of nodes 7 and 8, which are not members")
	})
	runCase(t, "of what a former leadership sent", func(t *graded.T) {
		n, _ := leader(t, impl, 3)
		n.step(propose("a", "b"))
		n.step(matchUpTo(2, 5, 3))
		n.hasCommitted(3, "after the acknowledgement of 2")
		n.step(propose("c", "d"))
		n.step(refuse(3, 6))
		n.elect() // term 7; its no-op is entry 6
		n.step(propose("e"))
		n.hasCommitted(3, "as no member has acknowledged anything in term 7")
		n.step(matchUpTo(3, 7, 6))
		n.hasCommitted(6, "as node 3 has acknowledged the no-op of term 7")
	})
	runCase(t, "of what another leader has replaced since", func(t *graded.T) {
		n, _ := leader(t, impl, 5)
		n.step(propose("a", "b", "c"))
		n.step(matchUpTo(2, 5, 4))
		n.step(appendAfter(3, 6, 1, 5, 0, entriesFrom(2, 6)...))
		n.elect() // term 7; its no-op is entry 3
		n.step(propose("d"))
		n.hasLog([]uint64{5, 6, 7, 7}, "after the leader of term 6 replaced what it had proposed in term 5")
		n.step(matchUpTo(3, 7, 4))
		n.hasCommitted(0, "as in term 7 only node 3 of five has acknowledged anything; what node 2 acknowledged in term 5 is gone")
		n.step(matchUpTo(4, 7, 4))
		n.hasCommitted(4, "as nodes 3 and 4 of five have acknowledged it, besides the leader")
	})
	runCase(t, "after stepping down", func(t *graded.T) {
		n, _ := leader(t, impl, 3)
		n.step(heartbeat(2, 6, 0))
		n.step(matchUpTo(2, 6, 1))
		n.step(matchUpTo(3, 6, 1))
		n.hasCommitted(0, "as it no longer leads")
	})
}

func answersMayComeInAnyOrder(t *graded.T, impl Implementation) {
	runCase(t, "late acknowledgements", func(t *graded.T) {
		n, _ := leader(t, impl, 5)
		n.step(propose("a", "b", "c"))
		for _, match := range []uint64{4, 2, 3, 1, 4, 0} {
			n.step(matchUpTo(2, 5, match))
		}
		n.hasCommitted(0, "when only node 2 has acknowledged anything")
		n.step(matchUpTo(3, 5, 3))
		n.hasCommitted(3, "as nodes 1 and 2 have up to 4, and node 3 up to 3")
		n.step(matchUpTo(3, 5, 1))
		n.step(matchUpTo(4, 5, 4))
		n.hasCommitted(4, "as nodes 1, 2 and 4 have up to 4")
	})
	runCase(t, "late refusals", func(t *graded.T) {
		n, _ := leader(t, impl, 5, 1, 1, 1)
		n.step(rejectAppend(2, 5, 3, 1, 1))
		n.step(matchUpTo(2, 5, 4))
		out := n.step(rejectAppend(2, 5, 3, 1, 1))
		out = append(out, n.step(rejectAppend(2, 5, 2, 0, 0))...)
		for _, m := range appends(out, 2) {
			if m.Index < 4 && len(m.Entries) > 0 {
				t.Fatalf("node 2 has acknowledged up to 4, and then an old refusal arrived; the leader need not send entries again, but sent %s", describe(m))
			}
		}
		n.step(matchUpTo(3, 5, 4))
		n.hasCommitted(4, "as nodes 1, 2 and 3 have acknowledged up to 4")
	})
	runCase(t, "the same refusal twice", func(t *graded.T) {
		// The second one is no news: the leader has tried further back since.
		n, _ := leader(t, impl, 3, 1, 1, 1, 1, 1, 1)
		n.step(rejectAppend(2, 5, 6, 4, 1))
		n.step(rejectAppend(2, 5, 6, 4, 1))
		n.step(matchUpTo(2, 5, 7))
		n.hasCommitted(7, "as node 2 has acknowledged everything")
		n.feed(n.step(propose("x")), peer{2, 7})
		n.hasCommitted(8, "as node 2 has acknowledged everything")
	})
}

func followersLearnCommitIndex(t *graded.T, impl Implementation) {
	runCase(t, "message by message", func(t *graded.T) {
		n, _ := leader(t, impl, 3, 1)
		n.step(matchUpTo(3, 5, 2))
		out := n.step(matchUpTo(2, 5, 2))
		for range 2 {
			for _, id := range []uint64{2, 3} {
				out = append(out, n.step(heartbeatAnswer(id, 5))...)
			}
			out = append(out, n.tick(heartbeatTick)...)
		}
		for _, id := range []uint64{2, 3} {
			told := slices.ContainsFunc(ofType(sentTo(out, id), pb.MessageType_MsgAppend, pb.MessageType_MsgHeartbeat),
				func(m *pb.Message) bool { return m.Commit == 2 })
			if !told {
				t.Fatalf("the leader has committed up to 2, and node %d has all of it, but was not told within two heartbeats; it got %s",
					id, describeMessages(sentTo(out, id)))
			}
		}
	})
	for _, size := range []int{2, 3, 5} {
		runCase(t, fmt.Sprintf("group of %d", size), func(t *graded.T) {
			g := startGroup(t, impl, disksOf(size))
			g.elect(1)
			g.agree(1, "nodes 1 to "+fmt.Sprint(size)+" have a leader")
			g.propose(1, "a")
			g.beat(1, 2)
			for _, n := range g.nodes {
				n.hasCommitted(2, "two heartbeats after the proposal was on all of %d nodes", size)
			}
		})
	}
	runCase(t, "although the news is lost at first", func(t *graded.T) {
		g := startGroup(t, impl, disksOf(3))
		g.elect(1)
		g.lose = func(m *pb.Message) bool {
			return m.MsgType == pb.MessageType_MsgAppend && len(m.Entries) == 0
		}
		g.propose(1, "a")
		g.lose = nil
		g.beat(1, 3)
		for _, n := range g.nodes {
			n.hasCommitted(2, "three heartbeats after the appends were lost that told so")
		}
	})
}

func followerCommitsWhatItMatched(t *graded.T, impl Implementation) {
	for _, c := range []struct {
		terms        []uint64
		index        uint64
		entries      []uint64
		leaderCommit uint64
		want         uint64
	}{
		{nil, 0, []uint64{5}, 0, 0},
		{nil, 0, []uint64{5}, 1, 1},
		{nil, 0, []uint64{5, 5}, 1, 1},
		{nil, 0, []uint64{5, 5}, 9, 2},
		{[]uint64{1, 1, 1}, 1, nil, 3, 1},
		{[]uint64{1, 1, 1}, 1, []uint64{1}, 3, 2},
		{[]uint64{1, 1, 1}, 1, []uint64{1}, 2, 2},
		{[]uint64{1, 1, 1}, 1, []uint64{1}, 1, 1},
		{[]uint64{1, 1, 1}, 3, nil, 2, 2},
		{[]uint64{1, 1, 1}, 3, nil, 9, 3},
		{[]uint64{1, 1, 1}, 3, []uint64{5}, 4, 4},
		{[]uint64{1, 1, 1}, 1, []uint64{5}, 3, 2},
		{[]uint64{1, 1, 1}, 0, nil, 3, 0},
	} {
		runCase(t, fmt.Sprintf("log %v, after %d come %v, commit %d", c.terms, c.index, c.entries, c.leaderCommit), func(t *graded.T) {
			n := follower(t, impl, 0, c.terms...)
			prevTerm := uint64(0)
			if c.index > 0 {
				prevTerm = c.terms[c.index-1]
			}
			m := appendAfter(2, 5, c.index, prevTerm, c.leaderCommit, entriesFrom(c.index+1, c.entries...)...)
			n.step(m)
			n.hasCommitted(c.want, "after %s to a log of terms %v", describe(m), c.terms)
		})
	}
	runCase(t, "nothing of a refused append", func(t *graded.T) {
		n := follower(t, impl, 0, 1, 1, 1)
		n.step(appendAfter(2, 5, 3, 4, 3))
		n.hasCommitted(0, "as it refused the append")
		n.step(appendAfter(2, 5, 7, 1, 3))
		n.hasCommitted(0, "as it refused the append")
		n.step(appendAfter(2, 4, 3, 1, 3))
		n.hasCommitted(0, "as the append was of an earlier term")
	})
	runCase(t, "and never takes it back", func(t *graded.T) {
		n := follower(t, impl, 0, 1, 1, 1)
		n.step(appendAfter(2, 5, 3, 1, 3))
		n.hasCommitted(3, "as told")
		for _, m := range []*pb.Message{
			appendAfter(2, 5, 3, 1, 1), appendAfter(2, 5, 3, 1, 2, entriesFrom(4, 5)...), heartbeat(2, 5, 1), heartbeat(2, 5, 0),
			appendAfter(3, 6, 4, 5, 0), heartbeat(3, 6, 2),
		} {
			n.step(m)
			n.hasCommitted(3, "after %s", describe(m))
		}
	})
	runCase(t, "as a heartbeat tells", func(t *graded.T) {
		n := follower(t, impl, 0, 1, 1, 1)
		n.step(appendAfter(2, 5, 3, 1, 0))
		n.step(heartbeat(2, 5, 2))
		n.hasCommitted(2, "after a heartbeat with commit 2")
	})
}

func heartbeatCommitIsBounded(t *graded.T, impl Implementation) {
	runCase(t, "message by message", func(t *graded.T) {
		n, _ := leader(t, impl, 3, 1, 1)
		n.step(propose("a", "b"))
		n.step(matchUpTo(2, 5, 5))
		n.hasCommitted(5, "as node 2 has it all")
		for match := uint64(0); match <= 5; match++ {
			if match > 0 {
				n.step(matchUpTo(3, 5, match))
			}
			beats := ofType(n.tick(heartbeatTick), pb.MessageType_MsgHeartbeat)
			for _, m := range sentTo(beats, 3) {
				if m.Commit > match {
					t.Fatalf("node 3 has acknowledged up to %d (0 is nothing); a heartbeat must not tell it to commit more, but leader 1 sent %s", match, describe(m))
				}
			}
			if got := receivers(beats); !slices.Equal(got, []uint64{2, 3}) {
				t.Fatalf("a leader of nodes 1 to 3 sends heartbeats to 2 and 3, but sent %s", describeMessages(beats))
			}
		}
	})
	runCase(t, "what a former leadership knew", func(t *graded.T) {
		n, _ := leader(t, impl, 5)
		n.step(propose("a", "b", "c"))
		n.step(matchUpTo(2, 5, 4))
		n.step(appendAfter(3, 6, 1, 5, 0, entriesFrom(2, 6)...))
		n.elect() // term 7; its no-op is entry 3
		n.hasLog([]uint64{5, 6, 7}, "after the leader of term 6 replaced what it had proposed in term 5")
		n.step(matchUpTo(3, 7, 3))
		n.step(matchUpTo(4, 7, 3))
		n.hasCommitted(3, "as nodes 3 and 4 of five have acknowledged it, besides the leader")
		for _, m := range sentTo(ofType(n.tick(heartbeatTick), pb.MessageType_MsgHeartbeat), 2) {
			if m.Commit > 0 {
				t.Fatalf("node 2 has acknowledged nothing in term 7, and its entries of term 5 have been replaced since; "+
					"a heartbeat must not tell it to commit any of them, but leader 1 sent %s", describe(m))
			}
		}
	})
	runCase(t, "a follower with other entries", func(t *graded.T) {
		disks := []*Disk{NewDisk(upTo(3), 1, 2), NewDisk(upTo(3), 1, 2), NewDisk(upTo(3), 1, 1, 1, 1)}
		for _, d := range disks {
			d.SetHardState(3, 0, 0)
		}
		g := startGroup(t, impl, disks)
		g.lose = func(m *pb.Message) bool { return m.MsgType == pb.MessageType_MsgAppend && m.To == 3 }
		g.elect(1)
		g.propose(1, "a", "b")
		g.beat(1, 5)
		g.node(3).hasCommitted(0, "as it has heard heartbeats, but no append that says where its log agrees")
		g.lose = nil
		g.agree(1, "node 3 hears appends again")
	})
}

func lostMessagesAreSentAgain(t *graded.T, impl Implementation) {
	for _, c := range []struct {
		name string
		lose func(m *pb.Message) bool
	}{
		{"appends to one", func(m *pb.Message) bool { return m.MsgType == pb.MessageType_MsgAppend && m.To == 3 }},
		{"appends to all", func(m *pb.Message) bool { return m.MsgType == pb.MessageType_MsgAppend }},
		{"appends with entries", func(m *pb.Message) bool { return len(m.Entries) > 0 }},
		{"acknowledgements of one", func(m *pb.Message) bool { return m.MsgType == pb.MessageType_MsgAppendResponse && m.From == 2 }},
		{"acknowledgements of all", func(m *pb.Message) bool { return m.MsgType == pb.MessageType_MsgAppendResponse }},
		{"answers to heartbeats", func(m *pb.Message) bool { return m.MsgType == pb.MessageType_MsgHeartbeatResponse }},
		{"everything", func(m *pb.Message) bool { return true }},
	} {
		runCase(t, "from the election on: "+c.name, func(t *graded.T) {
			g := startGroup(t, impl, disksOf(3))
			g.lose = func(m *pb.Message) bool { return m.MsgType == pb.MessageType_MsgAppend }
			g.elect(1)
			g.lose = c.lose
			g.propose(1, "a", "b")
			g.beat(1, 3)
			g.lose = nil
			g.agree(1, "messages were lost right after the election, and then no more")
		})
		runCase(t, "later: "+c.name, func(t *graded.T) {
			g := startGroup(t, impl, disksOf(3))
			g.elect(1)
			g.propose(1, "a")
			g.agree(1, "nothing was lost yet")
			g.lose = c.lose
			g.propose(1, "b", "c", "d")
			g.beat(1, 3)
			g.propose(1, "e")
			g.lose = nil
			g.agree(1, "messages were lost for a while, and then no more")
			if last := lastIndex(g.node(3).Entries()); last != 6 {
				t.Fatalf("the no-op and 5 proposals make 6 entries, but the logs end at %d", last)
			}
		})
	}
	runCase(t, "every other message", func(t *graded.T) {
		g := startGroup(t, impl, disksOf(5))
		g.elect(1)
		n := 0
		g.lose = func(m *pb.Message) bool { n++; return n%2 == 0 }
		for i := range 20 {
			if g.node(1).Status().RaftState != raft.StateLeader {
				break // it has not heard from a majority for long (thesis §6.2)
			}
			g.propose(1, fmt.Sprint(i))
			g.beat(1, 1)
		}
		g.lose = nil
		if g.node(1).Status().RaftState != raft.StateLeader {
			g.elect(1)
		}
		g.agree(1, "every other message was lost for a while, and then none")
	})
}

func followerCatchesUp(t *graded.T, impl Implementation) {
	for _, count := range []int{1, 10, 400} {
		runCase(t, fmt.Sprintf("%d proposals", count), func(t *graded.T) {
			g := startGroup(t, impl, disksOf(3))
			g.elect(1)
			g.isolate(3)
			for i := 0; i < count; {
				var batch []string
				for ; i < count && len(batch) < 1+i%7; i++ {
					batch = append(batch, fmt.Sprint(i))
				}
				if err := g.step(1, propose(batch...)); err != nil {
					t.Fatalf("node 1 leads and should take proposals, but says: %v", err)
				}
			}
			g.commit(1)
			g.node(1).hasCommitted(uint64(count)+1, "as nodes 1 and 2 have all, without node 3")
			g.rejoin(3)
			g.agree(1, fmt.Sprintf("node 3 was away during %d proposals, and came back", count))
			for i, e := range g.node(3).Entries()[1:] {
				if string(e.Data) != fmt.Sprint(i) {
					t.Fatalf("proposal %d should be entry %d everywhere, but node 3 has %s there", i, i+2, describeEntry(e))
				}
			}
		})
	}
}

func oldLeaderGivesWay(t *graded.T, impl Implementation) {
	for _, size := range []int{3, 5} {
		runCase(t, fmt.Sprintf("group of %d", size), func(t *graded.T) {
			g := startGroup(t, impl, disksOf(size))
			g.elect(1)
			g.propose(1, "kept")
			g.agree(1, "nodes have a leader")
			g.isolate(1)
			g.propose(1, "lost 1", "lost 2", "lost 3")
			g.beat(1, 3)
			g.node(1).hasCommitted(2, "as no other node hears of its proposals")
			g.elect(2)
			g.propose(2, "new")
			g.node(2).hasCommitted(4, "as %d of %d nodes have its entries", size-1, size)
			g.rejoin(1)
			g.beat(1, 1) // it still takes itself for the leader, until a node answers
			g.agree(2, "leader 1 of term 1 came back, when 2 led term 2")
			g.node(1).follows(2, 2, "as that leads term 2")
			var data []string
			for _, e := range g.node(1).Entries() {
				data = append(data, string(e.Data))
			}
			if want := []string{"", "kept", "", "new"}; !slices.Equal(data, want) {
				t.Fatalf("the log should hold %q, with a no-op for each term, but holds %q", want, data)
			}
		})
	}
}

func leaderHasEverythingCommitted(t *graded.T, impl Implementation) {
	// Nodes 1, 2 and 3 of five have committed what 4 and 5 have not heard of.
	for candidate := uint64(2); candidate <= 5; candidate++ {
		runCase(t, fmt.Sprintf("candidate %d", candidate), func(t *graded.T) {
			g := startGroup(t, impl, disksOf(5))
			g.elect(1)
			g.isolate(4, 5)
			g.propose(1, "committed")
			g.node(1).hasCommitted(2, "as it is on nodes 1, 2 and 3 of five")
			g.isolate(1)
			g.rejoin(4, 5)
			for range 3 {
				g.campaign(candidate)
			}
			n := g.node(candidate)
			if candidate >= 4 {
				if now := n.Status(); now.RaftState == raft.StateLeader {
					t.Fatalf("node %d was elected in term %d without the committed entry 2: %s", candidate, now.Term, describeEntries(n.Entries()))
				}
				return
			}
			n.is(raft.StateLeader, n.Status().Term, "as it asked 3, 4 and 5, whose logs are no more up-to-date than its own")
			g.rejoin(1)
			g.agree(candidate, "every node can reach every other again")
			if e := g.node(5).Entries()[1]; string(e.Data) != "committed" {
				t.Fatalf("entry 2 was committed, but is %s now", describeEntry(e))
			}
		})
	}
}

func singleNodeCommitsAlone(t *graded.T, impl Implementation) {
	n, out := leader(t, impl, 1, 1, 2)
	n.hasCommitted(3, "with its no-op, as the only member")
	for i := range 3 {
		out = append(out, n.step(propose(fmt.Sprint(i)))...)
		n.hasCommitted(uint64(4+i), "as the only member has entry %d", 4+i)
	}
	out = append(out, n.tick(3*electionTick)...)
	if len(out) != 0 {
		t.Fatalf("the only node of a group has no node to send to, but node 1 sent %s", describeMessages(out))
	}
	n.is(raft.StateLeader, 5, "as it is the only member")
}

func logSurvivesRestart(t *graded.T, impl Implementation) {
	runCase(t, "log and commit index", func(t *graded.T) {
		n := follower(t, impl, 2, 1, 2, 2, 4)
		n.hasLog([]uint64{1, 2, 2, 4}, "as it was in storage")
		n.hasCommitted(2, "as it was in storage")
		n.is(raft.StateFollower, 5, "as the term was in storage")
	})
	runCase(t, "is compared with", func(t *graded.T) {
		n := follower(t, impl, 1, 1, 2, 2, 4)
		if answer := appendAnswer(n, appendAfter(2, 5, 4, 5, 0)); !answer.Reject {
			t.Fatalf("entry 4 in storage has term 4, so the append after 4/5 should be refused, but node 1 sent %s", describe(answer))
		}
		appendAnswer(n, appendAfter(2, 5, 2, 2, 3, entriesFrom(3, 5, 5)...))
		n.hasLog([]uint64{1, 2, 5, 5}, "after entries 3 and 4 from storage were replaced")
		n.hasCommitted(3, "as told")
	})
	runCase(t, "is sent to others", func(t *graded.T) {
		terms := []uint64{1, 1, 2, 3, 3}
		g := startGroup(t, impl, []*Disk{NewDisk(upTo(3), terms...), NewDisk(upTo(3), terms[:3]...), NewDisk(upTo(3))})
		g.elect(1)
		g.propose(1, "a", "b")
		g.agree(1, "nodes started with logs of 5, 3 and 0 entries")
		g.node(3).hasLog([]uint64{1, 1, 2, 3, 3, 4, 4, 4}, "with the leader's entries from storage, and those since")
	})
}

func sentEntriesNeverChange(t *graded.T, impl Implementation) {
	type kept struct{ now, then *pb.Message }
	var messages []kept
	keep := func(m *pb.Message) { messages = append(messages, kept{m, proto.Clone(m).(*pb.Message)}) }

	disk := NewDisk(upTo(5), 1)
	disk.SetHardState(4, 0, 0)
	n := withLog(t, impl, 1, disk)
	n.elect()
	n.step(matchUpTo(2, 5, 2))
	n.step(matchUpTo(3, 5, 2))
	for i := range uint64(6) {
		if err := n.Step(propose(fmt.Sprint("own ", i))); err != nil {
			t.Fatalf("node 1 leads and should take proposals, but says: %v", err)
		}
		n.Tick()
		for _, m := range ofType(n.Messages(), pb.MessageType_MsgAppend) {
			keep(m)
		}
		// One of four others is no majority with the leader.
		if err := n.Step(matchUpTo(2, 5, 3+i)); err != nil {
			t.Fatalf("node 1 leads and should take an acknowledgement, but says: %v", err)
		}
	}
	if len(messages) == 0 {
		t.Fatalf("leader 1 was to send its proposals in append messages, but sent none, although six heartbeats have passed")
	}
	log := n.Entries()
	copied := make([]*pb.Entry, len(log))
	for i, e := range log {
		copied[i] = proto.Clone(e).(*pb.Entry)
	}

	// Later leaders replace everything after the no-op, which is committed, and
	// then what they left.
	for term := uint64(9); term < 12; term++ {
		var entries []*pb.Entry
		for i := range uint64(5) {
			entries = append(entries, &pb.Entry{Term: term, Index: 3 + i, Data: fmt.Appendf(nil, "entry of term %d", term)})
		}
		m := appendAfter(2, term, 2, 5, 0, entries...)
		m.To = 1
		keep(m)
		if err := n.Step(m); err != nil {
			t.Fatalf("node 1 should take an append of a later term, but says: %v", err)
		}
		n.Messages()
		n.hasLog(append([]uint64{1, 5}, slices.Repeat([]uint64{term}, 5)...), "after the leader of term %d replaced what was there", term)
	}
	for _, m := range messages {
		if !proto.Equal(m.now, m.then) {
			t.Fatalf("a message on its way must not change, but %s became %s when node 1 replaced entries of its log; "+
				"a slice of the log that was handed out is never to be written to", describe(m.then), describe(m.now))
		}
	}
	if !sameEntries(log, copied) {
		t.Fatalf("entries that were read from the log must not change, but %s became %s when node 1 replaced entries of its log",
			describeEntries(copied), describeEntries(log))
	}
}
