package rafttest

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/labkv/labkv/lab/graded"
	pb "github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/raft"
)

// electionTests hold a Node to the paper's claims about terms, votes and
// elections. They need nothing of replication: no test hands over an append
// message, and none looks into the log.
var electionTests = []Test{
	{
		Name:  "StartsAsFollower2AA",
		Claim: graded.Claim{Text: "a server starts as a follower, in the term and with the vote that it had before", Source: "Raft §5.2, Figure 2"},
		Run:   startsAsFollower,
	},
	{
		Name:  "HigherTermMakesFollower2AA",
		Claim: graded.Claim{Text: "a server that sees a higher term, in whatever message, adopts it and becomes a follower; only a vote request it may ignore, while it hears from a leader or is one", Source: "Raft §5.1, thesis §4.2.3"},
		Run:   higherTermMakesFollower,
	},
	{
		Name:  "StaleTermIsNotObeyed2AA",
		Claim: graded.Claim{Text: "a message of an earlier term is rejected: it changes nothing", Source: "Raft §5.1"},
		Run:   staleTermIsNotObeyed,
	},
	{
		Name:  "LeaderSendsHeartbeats2AA",
		Claim: graded.Claim{Text: "a leader, and no other server, sends a heartbeat to every other member every HeartbeatTick ticks", Source: "Raft §5.2"},
		Run:   leaderSendsHeartbeats,
	},
	{
		Name:  "HeartbeatIsAnswered2AA",
		Claim: graded.Claim{Text: "a follower learns from a heartbeat which server leads, and answers it in the current term", Source: "Raft §5.2"},
		Run:   heartbeatIsAnswered,
	},
	{
		Name:  "SilenceStartsElection2AA",
		Claim: graded.Claim{Text: "a follower or candidate that hears from no leader for an election timeout starts an election: it increments its term, votes for itself, and asks every other member for its vote", Source: "Raft §5.2"},
		Run:   silenceStartsElection,
	},
	{
		Name:  "VoteRequestNamesLogEnd2AA",
		Claim: graded.Claim{Text: "a vote request carries the index and the term of the candidate's last entry", Source: "Raft §5.4.1, Figure 2"},
		Run:   voteRequestNamesLogEnd,
	},
	{
		Name:  "MajorityOfVotesWins2AA",
		Claim: graded.Claim{Text: "a candidate leads once a majority of all members voted for it, and not before", Source: "Raft §5.2"},
		Run:   majorityOfVotesWins,
	},
	{
		Name:  "MajorityOfRefusalsLoses2AA",
		Claim: graded.Claim{Text: "a candidate goes on as long as it can win; one that a majority refused leads no more in that term, and campaigns again after a timeout", Source: "Raft §5.2"},
		Run:   majorityOfRefusalsLoses,
	},
	{
		Name:  "VoterCountsOnce2AA",
		Claim: graded.Claim{Text: "each voter counts once in an election, however often its answer arrives", Source: "Raft §5.2"},
		Run:   voterCountsOnce,
	},
	{
		Name:  "OnlyVotesOfThisElectionCount2AA",
		Claim: graded.Claim{Text: "only the votes of members, given in the candidate's present term, count", Source: "Raft §5.1, §5.2"},
		Run:   onlyVotesOfThisElectionCount,
	},
	{
		Name:  "GrantsOneVotePerTerm2AA",
		Claim: graded.Claim{Text: "a server votes for at most one candidate in a term, first come, first served", Source: "Raft §5.2"},
		Run:   grantsOneVotePerTerm,
	},
	{
		Name:  "VoteNeedsUpToDateLog2AA",
		Claim: graded.Claim{Text: "a voter refuses its vote to a candidate whose log is less up-to-date than its own: the later last term wins, then the longer log", Source: "Raft §5.4.1"},
		Run:   voteNeedsUpToDateLog,
	},
	{
		Name:  "CandidateYieldsToLeader2AA",
		Claim: graded.Claim{Text: "a candidate that hears from a leader of its own or a later term follows it", Source: "Raft §5.2"},
		Run:   candidateYieldsToLeader,
	},
	{
		Name:  "OneLeaderPerTerm2AA",
		Claim: graded.Claim{Text: "at most one leader is elected in a term, in whatever order messages arrive", Source: "Raft §5.2, Figure 3 (Election Safety)"},
		Run:   oneLeaderPerTerm,
	},
	{
		Name:  "ElectionTimeoutIsRandom2AA",
		Claim: graded.Claim{Text: "election timeouts are chosen randomly from [ElectionTick, 2*ElectionTick)", Source: "Raft §5.2"},
		Run:   electionTimeoutIsRandom,
	},
	{
		Name:  "ElectionTimeoutIsDrawnAgain2AA",
		Claim: graded.Claim{Text: "each candidate restarts its randomized election timeout at the start of an election", Source: "Raft §5.2"},
		Run:   electionTimeoutIsDrawnAgain,
	},
	{
		Name:  "HeartbeatResetsClock2AA",
		Claim: graded.Claim{Text: "a follower stays one as long as it receives heartbeats of the current leader", Source: "Raft §5.2"},
		Run:   heartbeatResetsClock,
	},
	{
		Name:  "OnlyGrantedVoteResetsClock2AA",
		Claim: graded.Claim{Text: "granting a vote restarts the election timeout; refusing one does not", Source: "Raft §5.2, Figure 2"},
		Run:   onlyGrantedVoteResetsClock,
	},
	{
		Name:  "LeaderDoesNotCampaign2AA",
		Claim: graded.Claim{Text: "a leader starts no election: it leads until it hears of a higher term", Source: "Raft §5.1, §5.2"},
		Run:   leaderDoesNotCampaign,
	},
	{
		Name:  "StrangerDoesNotCampaign2AA",
		Claim: graded.Claim{Text: "a server that is not a member of the group does not start elections", Source: "the contract of campaign (raft/election.go)"},
		Run:   strangerDoesNotCampaign,
	},
	{
		Name:  "SingleNodeLeadsAtOnce2AA",
		Claim: graded.Claim{Text: "in a group of one, the node's own vote is a majority", Source: "Raft §5.2"},
		Run:   singleNodeLeadsAtOnce,
	},
	{
		Name:  "GroupElectsAndReplacesLeader2AA",
		Claim: graded.Claim{Text: "a group elects a leader, keeps it while it is alive, and elects another when it is gone", Source: "Raft §5.2"},
		Run:   groupElectsAndReplacesLeader,
	},
}

func startsAsFollower(t *graded.T, impl Implementation) {
	for _, c := range []struct {
		name       string
		term, vote uint64
	}{
		{"for the first time", 0, 0},
		{"again, after a vote", 5, 2},
		{"again, without a vote", 7, 0},
	} {
		runCase(t, c.name, func(t *graded.T) {
			disk := NewDisk(upTo(3))
			disk.SetHardState(c.term, c.vote, 0)
			n := startNode(t, impl, 1, disk)
			n.follows(raft.None, c.term, "when it starts %s", c.name)
			if vote := n.Status().Vote; vote != c.vote {
				t.Fatalf("node 1 starts with vote %d in term %d, but its hard state says %d", vote, c.term, c.vote)
			}
			if out := n.collect(step{}); len(out) != 0 {
				t.Fatalf("a node that starts has nothing to say yet, but node 1 sent %s", describeMessages(out))
			}
		})
	}
}

// A role brings a fresh node 1 of {1, 2, 3} into a role in term 5.
type role struct {
	name  string
	state raft.StateType
	enter func(n *solo)
}

var roles = []role{
	{"follower", raft.StateFollower, func(n *solo) { n.step(heartbeat(2, 5, 0)) }},
	{"candidate", raft.StateCandidate, func(n *solo) { n.campaign() }},
	{"leader", raft.StateLeader, func(n *solo) { n.elect() }},
}

// startAs starts node 1 of {1, 2, 3}, whose log ends at 1/1, as that role in
// term 5.
func startAs(t *graded.T, impl Implementation, as role) *solo {
	t.Helper()
	disk := NewDisk(upTo(3), 1)
	if as.state == raft.StateFollower {
		disk.SetHardState(5, 0, 0)
	} else {
		disk.SetHardState(4, 0, 0)
	}
	n := startNode(t, impl, 1, disk)
	as.enter(n)
	n.is(as.state, 5, "for this test")
	return n
}

func higherTermMakesFollower(t *graded.T, impl Implementation) {
	leaderless := role{"follower without a leader", raft.StateFollower, func(n *solo) {}}
	for _, as := range append([]role{leaderless}, roles...) {
		for _, c := range []struct {
			name    string
			m       *pb.Message
			leader  uint64
			granted bool
		}{
			{"vote request of an up-to-date candidate", requestVote(3, 9, 1, 1), raft.None, true},
			{"vote request of a candidate with an older log", requestVote(3, 9, 0, 0), raft.None, false},
			{"granted vote", grant(3, 9), raft.None, false},
			{"refused vote", refuse(3, 9), raft.None, false},
			{"heartbeat", heartbeat(3, 9, 0), 3, false},
			{"answer to a heartbeat", heartbeatAnswer(3, 9), raft.None, false},
		} {
			if as.state == raft.StateLeader && c.m.Index == 1 {
				c.m.Index, c.m.LogTerm = 2, 5 // a leader's log has the no-op of its term
			}
			runCase(t, as.name+" gets "+c.name, func(t *graded.T) {
				n := startAs(t, impl, as)
				before := n.Status()
				out := n.step(c.m)
				if c.m.MsgType == pb.MessageType_MsgRequestVote && before.Lead != raft.None && n.Status().Term == before.Term && len(out) == 0 {
					return // it protects its leader (thesis §4.2.3)
				}
				n.follows(c.leader, 9, "after a %s of term 9", c.name)
				want := raft.None
				if c.granted {
					want = 3
				}
				if vote := n.Status().Vote; vote != want {
					t.Fatalf("after a %s of term 9, the vote of node 1 in that term should be %d (0 is none), but is %d: "+
						"a new term begins without a vote", c.name, want, vote)
				}
				for _, answer := range ofType(out, pb.MessageType_MsgRequestVoteResponse) {
					if answer.Reject == c.granted {
						t.Fatalf("node 1 was to answer a %s with reject=%v, but sent %s", c.name, !c.granted, describe(answer))
					}
				}
				if c.m.MsgType == pb.MessageType_MsgRequestVote && len(ofType(out, pb.MessageType_MsgRequestVoteResponse)) != 1 {
					t.Fatalf("a vote request is answered with one MsgRequestVoteResponse, but node 1 sent %s", describeMessages(out))
				}
			})
		}
	}
}

func staleTermIsNotObeyed(t *graded.T, impl Implementation) {
	for _, as := range roles {
		for _, m := range []*pb.Message{
			requestVote(3, 4, 9, 4),
			grant(2, 4),
			refuse(2, 4),
			heartbeat(3, 4, 0),
			heartbeatAnswer(3, 4),
		} {
			runCase(t, fmt.Sprintf("%s gets %v", as.name, m.MsgType), func(t *graded.T) {
				n := startAs(t, impl, as)
				before := n.Status()
				out := n.step(m)
				after := n.Status()
				if after.Term != before.Term || after.Vote != before.Vote || after.SoftState != before.SoftState {
					t.Fatalf("%s of term 4 must not change a %s of term 5, but node 1 was (%v), and is (%v)",
						describe(m), as.name, before, after)
				}
				for _, answer := range out {
					if answer.MsgType == pb.MessageType_MsgRequestVoteResponse && !answer.Reject {
						t.Fatalf("node 1 is in term 5 and gave away a vote of term 4: %s", describe(answer))
					}
				}
			})
		}
	}

	runCase(t, "votes of an earlier term do not elect", func(t *graded.T) {
		n := startAs(t, impl, roles[1])
		n.step(grant(2, 4))
		n.step(grant(3, 4))
		n.is(raft.StateCandidate, 5, "after votes of term 4")
	})
}

func leaderSendsHeartbeats(t *graded.T, impl Implementation) {
	for _, every := range []int{1, 3, 7} {
		runCase(t, fmt.Sprintf("HeartbeatTick=%d", every), func(t *graded.T) {
			n := startNode(t, impl, 1, NewDisk(upTo(5)), func(c *raft.Config) { c.HeartbeatTick = every })
			n.elect()
			for tick := 1; tick <= 6*every; tick++ {
				beats := ofType(n.tick(1), pb.MessageType_MsgHeartbeat)
				for _, m := range beats {
					n.step(heartbeatAnswer(m.To, m.Term))
				}
				var want []uint64
				if tick%every == 0 {
					want = []uint64{2, 3, 4, 5}
				}
				if got := receivers(beats); !slices.Equal(got, want) {
					t.Fatalf("with HeartbeatTick=%d, a leader of nodes 1 to 5 sends heartbeats to %v in tick %d of its leadership, but sent them to %v",
						every, want, tick, got)
				}
			}
		})
	}

	runCase(t, "when told to", func(t *graded.T) {
		n := startNode(t, impl, 1, NewDisk(upTo(3)), func(c *raft.Config) { c.HeartbeatTick = 7 })
		n.elect()
		beats := ofType(n.step(&pb.Message{MsgType: pb.MessageType_MsgBeat}), pb.MessageType_MsgHeartbeat)
		if got := receivers(beats); !slices.Equal(got, []uint64{2, 3}) {
			t.Fatalf("MsgBeat makes a leader send heartbeats to 2 and 3 at once, but it sent %s", describeMessages(beats))
		}
	})

	runCase(t, "no other server", func(t *graded.T) {
		for _, as := range roles[:2] {
			n := startAs(t, impl, as)
			beats := ofType(n.tick(electionTick-1), pb.MessageType_MsgHeartbeat)
			beats = append(beats, ofType(n.step(&pb.Message{MsgType: pb.MessageType_MsgBeat}), pb.MessageType_MsgHeartbeat)...)
			if len(beats) != 0 {
				t.Fatalf("only leaders send heartbeats, but a %s sent %s", as.name, describeMessages(beats))
			}
		}
	})

	runCase(t, "not after stepping down", func(t *graded.T) {
		n := startAs(t, impl, roles[2])
		n.step(refuse(2, 6))
		if beats := ofType(n.tick(electionTick-1), pb.MessageType_MsgHeartbeat); len(beats) != 0 {
			t.Fatalf("node 1 led term 5 and heard of term 6; it must send no more heartbeats, but sent %s", describeMessages(beats))
		}
	})
}

func heartbeatIsAnswered(t *graded.T, impl Implementation) {
	for _, c := range []struct {
		name  string
		as    role
		state raft.StateType
		term  uint64
	}{
		{"of the same term", roles[0], raft.StateFollower, 5},
		{"of a later term", roles[0], raft.StateFollower, 6},
		{"of its own term, to a candidate", roles[1], raft.StateFollower, 5},
		{"of a later term, to a leader", roles[2], raft.StateFollower, 8},
	} {
		runCase(t, c.name, func(t *graded.T) {
			n := startAs(t, impl, c.as)
			from := uint64(3)
			if c.as.state == raft.StateFollower && c.term == 5 {
				from = 2 // the leader of term 5 already
			}
			out := n.step(heartbeat(from, c.term, 0))
			n.follows(from, c.term, "after a heartbeat %s", c.name)
			answers := ofType(out, pb.MessageType_MsgHeartbeatResponse)
			if len(answers) != 1 || answers[0].To != from || answers[0].Term != c.term {
				t.Fatalf("a heartbeat of node %d in term %d is answered with one MsgHeartbeatResponse to it in term %d, but node 1 sent %s",
					from, c.term, c.term, describeMessages(out))
			}
		})
	}

	runCase(t, "in the term without a leader yet", func(t *graded.T) {
		disk := NewDisk(upTo(3))
		disk.SetHardState(5, 0, 0)
		n := startNode(t, impl, 1, disk)
		n.step(heartbeat(2, 5, 0))
		n.follows(2, 5, "after its heartbeat")
	})
}

// waitForElection ticks the node until it asks for votes, and returns after how
// many ticks it did, with its requests. It fails if that takes 2*ElectionTick or
// more.
func waitForElection(n *solo, after string) (ticks int, requests []*pb.Message) {
	n.t.Helper()
	term := n.Status().Term
	for tick := 1; tick < 2*electionTick; tick++ {
		if requests := ofType(n.tick(1), pb.MessageType_MsgRequestVote); len(requests) > 0 {
			return tick, requests
		}
		if now := n.Status(); now.RaftState == raft.StateLeader {
			n.t.Fatalf("node %d became leader of term %d by waiting, without a vote", n.id, now.Term)
		}
	}
	n.t.Fatalf("with ElectionTick=%d, a node campaigns before %d ticks have passed, but node %d of term %d did not, %s",
		electionTick, 2*electionTick, n.id, term, after)
	return 0, nil
}

func silenceStartsElection(t *graded.T, impl Implementation) {
	for _, size := range []int{2, 3, 5} {
		runCase(t, fmt.Sprintf("group of %d", size), func(t *graded.T) {
			disk := NewDisk(upTo(size))
			disk.SetHardState(3, 2, 0)
			n := startNode(t, impl, 1, disk)
			n.step(heartbeat(2, 3, 0))
			for term := uint64(4); term <= 8; term++ {
				ticks, requests := waitForElection(n, "although it heard from no server")
				if ticks < electionTick {
					t.Fatalf("with ElectionTick=%d, node 1 campaigned after only %d ticks without hearing from a leader", electionTick, ticks)
				}
				n.is(raft.StateCandidate, term, "after an election timeout in term %d", term-1)
				if now := n.Status(); now.Vote != 1 || now.Lead == 1 {
					t.Fatalf("a candidate votes for itself and is not the leader yet, but candidate 1 of term %d has vote %d and leader %d",
						term, now.Vote, now.Lead)
				}
				if got, want := receivers(requests), without(upTo(size), 1); !slices.Equal(got, want) {
					t.Fatalf("candidate 1 asks each of %v once for a vote, but asked %v", want, got)
				}
				for _, m := range requests {
					if m.Term != term {
						t.Fatalf("candidate 1 of term %d asks for votes in that term, but sent %s", term, describe(m))
					}
				}
			}
		})
	}

	runCase(t, "when told to", func(t *graded.T) {
		n := startNode(t, impl, 1, NewDisk(upTo(3)))
		requests := ofType(n.step(hup()), pb.MessageType_MsgRequestVote)
		n.is(raft.StateCandidate, 1, "after MsgHup")
		if got := receivers(requests); !slices.Equal(got, []uint64{2, 3}) {
			t.Fatalf("MsgHup makes node 1 ask 2 and 3 for their votes at once, but it asked %v", got)
		}
		n.step(hup())
		n.is(raft.StateCandidate, 2, "after MsgHup as a candidate of term 1")
	})
}

func voteRequestNamesLogEnd(t *graded.T, impl Implementation) {
	for _, c := range []struct {
		terms       []uint64
		index, term uint64
	}{
		{nil, 0, 0},
		{[]uint64{1}, 1, 1},
		{[]uint64{1, 1, 2}, 3, 2},
		{[]uint64{1, 4, 4, 4, 4}, 5, 4},
	} {
		runCase(t, fmt.Sprintf("log of terms %v", c.terms), func(t *graded.T) {
			disk := NewDisk(upTo(3), c.terms...)
			disk.SetHardState(7, 0, 0)
			n := startNode(t, impl, 1, disk)
			requests := ofType(n.campaign(), pb.MessageType_MsgRequestVote)
			if len(requests) != 2 {
				t.Fatalf("candidate 1 asks 2 and 3 for their votes, but sent %s", describeMessages(requests))
			}
			for _, m := range requests {
				if m.Index != c.index || m.LogTerm != c.term {
					t.Fatalf("the log of candidate 1 ends at %s (index/term), but it sent %s", position(c.index, c.term), describe(m))
				}
			}
		})
	}
}

// An answer is what one voter says; voters answer in the order of their ids,
// from node 2 on.
type answer bool

const (
	yes answer = true
	no  answer = false
)

func (a answer) from(id, term uint64) *pb.Message {
	if a == yes {
		return grant(id, term)
	}
	return refuse(id, term)
}

func (a answer) String() string {
	if a == yes {
		return "yes"
	}
	return "no"
}

// electionWith returns candidate 1 of a group, in term 6, after those answers.
func electionWith(t *graded.T, impl Implementation, size int, answers []answer) *solo {
	t.Helper()
	disk := NewDisk(upTo(size))
	disk.SetHardState(5, 0, 0)
	n := startNode(t, impl, 1, disk)
	n.campaign()
	for i, a := range answers {
		n.step(a.from(uint64(i)+2, 6))
	}
	return n
}

func majorityOfVotesWins(t *graded.T, impl Implementation) {
	for _, c := range []struct {
		size    int
		answers []answer
		want    raft.StateType
	}{
		{1, nil, raft.StateLeader},
		{2, nil, raft.StateCandidate},
		{2, []answer{yes}, raft.StateLeader},
		{3, nil, raft.StateCandidate},
		{3, []answer{yes}, raft.StateLeader},
		{3, []answer{no}, raft.StateCandidate},
		{3, []answer{no, yes}, raft.StateLeader},
		{4, []answer{yes}, raft.StateCandidate},
		{4, []answer{yes, no}, raft.StateCandidate},
		{4, []answer{yes, yes}, raft.StateLeader},
		{4, []answer{yes, no, yes}, raft.StateLeader},
		{5, []answer{yes}, raft.StateCandidate},
		{5, []answer{no, yes, no}, raft.StateCandidate},
		{5, []answer{yes, yes}, raft.StateLeader},
		{5, []answer{no, yes, no, yes}, raft.StateLeader},
		{6, []answer{yes, yes}, raft.StateCandidate},
		{6, []answer{yes, yes, yes}, raft.StateLeader},
		{7, []answer{yes, yes}, raft.StateCandidate},
		{7, []answer{yes, yes, yes}, raft.StateLeader},
		{7, []answer{no, no, no, yes, yes, yes}, raft.StateLeader},
	} {
		runCase(t, fmt.Sprintf("%d nodes, answers %v", c.size, c.answers), func(t *graded.T) {
			n := electionWith(t, impl, c.size, c.answers)
			n.is(c.want, 6, "with its own vote and the answers %v in a group of %d", c.answers, c.size)
			now := n.Status()
			if now.Vote != 1 {
				t.Fatalf("node 1 voted for itself in term 6, but its vote is %d", now.Vote)
			}
			want := raft.None
			if c.want == raft.StateLeader {
				want = 1
			}
			if now.Lead != want {
				t.Fatalf("as %v of term 6, node 1 should take %d for the leader (0 is none), but takes %d", c.want, want, now.Lead)
			}
		})
	}
}

func majorityOfRefusalsLoses(t *graded.T, impl Implementation) {
	for _, c := range []struct {
		size    int
		answers []answer
		want    raft.StateType
	}{
		{2, []answer{no}, raft.StateCandidate}, // a tie: neither side has a majority
		{3, []answer{no}, raft.StateCandidate},
		{3, []answer{no, no}, raft.StateFollower},
		{4, []answer{no}, raft.StateCandidate},
		{4, []answer{no, no}, raft.StateCandidate}, // a tie is possible still
		{4, []answer{no, no, no}, raft.StateFollower},
		{5, []answer{no, no}, raft.StateCandidate},
		{5, []answer{yes, no, no}, raft.StateCandidate},
		{5, []answer{no, no, no}, raft.StateFollower},
		{5, []answer{no, yes, no, no}, raft.StateFollower},
		{7, []answer{no, no, no}, raft.StateCandidate},
		{7, []answer{no, no, no, yes, no}, raft.StateFollower},
	} {
		runCase(t, fmt.Sprintf("%d nodes, answers %v", c.size, c.answers), func(t *graded.T) {
			n := electionWith(t, impl, c.size, c.answers)
			refused := 0
			for _, a := range c.answers {
				if a == no {
					refused++
				}
			}
			if 2*refused >= c.size {
				// It can no longer win: giving up is as good as waiting for the
				// timeout.
				if state := n.Status().RaftState; state != raft.StateLeader {
					c.want = state
				}
			}
			n.is(c.want, 6, "with its own vote and the answers %v in a group of %d", c.answers, c.size)
			if now := n.Status(); now.Vote != 1 || now.Lead != raft.None {
				t.Fatalf("after its election, node 1 should have voted for itself and know no leader, but has vote %d and leader %d", now.Vote, now.Lead)
			}
			if 2*refused > c.size {
				ticks, _ := waitForElection(n, "after it had lost an election")
				if ticks < electionTick {
					t.Fatalf("node 1 lost an election and campaigned again after %d ticks; the election timeout is at least %d", ticks, electionTick)
				}
			}
		})
	}
}

func voterCountsOnce(t *graded.T, impl Implementation) {
	runCase(t, "a vote that comes again and again", func(t *graded.T) {
		n := electionWith(t, impl, 5, nil)
		for range 5 {
			n.step(grant(2, 6))
			n.is(raft.StateCandidate, 6, "with the votes of nodes 1 and 2 out of 5")
		}
		n.step(grant(3, 6))
		n.is(raft.StateLeader, 6, "with the votes of nodes 1, 2 and 3 out of 5")
	})
	runCase(t, "a refusal that comes again and again", func(t *graded.T) {
		n := electionWith(t, impl, 5, nil)
		for range 5 {
			n.step(refuse(2, 6))
			n.is(raft.StateCandidate, 6, "when only node 2 out of 5 refused")
		}
		n.step(grant(3, 6))
		n.step(grant(4, 6))
		n.is(raft.StateLeader, 6, "with the votes of nodes 1, 3 and 4 out of 5")
	})
	runCase(t, "its own vote again", func(t *graded.T) {
		n := electionWith(t, impl, 3, nil)
		n.step(&pb.Message{MsgType: pb.MessageType_MsgRequestVoteResponse, From: 1, To: 1, Term: 6})
		n.is(raft.StateCandidate, 6, "with nothing but its own vote")
	})
	runCase(t, "after the election", func(t *graded.T) {
		n := electionWith(t, impl, 5, []answer{yes, yes})
		for _, id := range []uint64{4, 5} {
			n.step(refuse(id, 6))
			n.step(grant(id, 6))
		}
		n.is(raft.StateLeader, 6, "whatever the others answer once it has won")
	})
}

func onlyVotesOfThisElectionCount(t *graded.T, impl Implementation) {
	runCase(t, "strangers", func(t *graded.T) {
		n := electionWith(t, impl, 3, nil)
		for id := uint64(7); id <= 9; id++ {
			n.step(grant(id, 6))
			n.is(raft.StateCandidate, 6, "after a vote of node %d, which is not a member", id)
			n.step(refuse(id+10, 6))
		}
		n.is(raft.StateCandidate, 6, "after refusals of nodes that are not members")
		n.step(grant(3, 6))
		n.is(raft.StateLeader, 6, "with the vote of member 3")
	})
	runCase(t, "votes of the election before", func(t *graded.T) {
		n := electionWith(t, impl, 5, []answer{yes})
		n.campaign()
		n.step(grant(3, 6))
		n.is(raft.StateCandidate, 7, "after a vote given in term 6")
		n.step(grant(3, 7))
		n.is(raft.StateCandidate, 7, "with the votes of 1 and 3 in term 7, and one of 2 in term 6")
		n.step(grant(4, 7))
		n.is(raft.StateLeader, 7, "with the votes of 1, 3 and 4 in term 7")
	})
	runCase(t, "refusals of the election before", func(t *graded.T) {
		n := electionWith(t, impl, 5, []answer{no, no})
		n.campaign()
		n.step(refuse(4, 7))
		n.is(raft.StateCandidate, 7, "with one refusal in term 7, and two in term 6")
		n.step(grant(2, 7))
		n.step(grant(3, 7))
		n.is(raft.StateLeader, 7, "with the votes of 1, 2 and 3 in term 7, whatever 2 and 3 said in term 6")
	})
	runCase(t, "votes for a node that does not campaign", func(t *graded.T) {
		n := startAs(t, impl, roles[0])
		n.step(grant(2, 5))
		n.step(grant(3, 5))
		n.is(raft.StateFollower, 5, "after votes that it did not ask for")
	})
}

// askVote steps m, a vote request, and returns whether it was granted. It fails
// unless m is answered once, to its sender, in the term of the node.
func askVote(n *solo, m *pb.Message) bool {
	n.t.Helper()
	answers := ofType(n.step(m), pb.MessageType_MsgRequestVoteResponse)
	term := n.Status().Term
	if len(answers) != 1 || answers[0].To != m.From || answers[0].Term != term {
		n.t.Fatalf("%s is to be answered with one MsgRequestVoteResponse to node %d in term %d, but node %d sent %s",
			describe(m), m.From, term, n.id, describeMessages(answers))
	}
	granted := !answers[0].Reject
	if vote := n.Status().Vote; granted && vote != m.From {
		n.t.Fatalf("node %d granted its vote of term %d to %d, but holds its vote to be for %d", n.id, term, m.From, vote)
	}
	return granted
}

func grantsOneVotePerTerm(t *graded.T, impl Implementation) {
	for _, c := range []struct {
		name    string
		vote    uint64 // before, in term 5
		from    uint64
		granted bool
	}{
		{"no vote yet", 0, 2, true},
		{"voted for the same candidate", 2, 2, true},
		{"voted for another", 3, 2, false},
		{"voted for itself", 1, 2, false},
	} {
		runCase(t, "restarted: "+c.name, func(t *graded.T) {
			disk := NewDisk(upTo(3))
			disk.SetHardState(5, c.vote, 0)
			n := startNode(t, impl, 1, disk)
			if granted := askVote(n, requestVote(c.from, 5, 0, 0)); granted != c.granted {
				t.Fatalf("node 1 restarted in term 5 with vote %d (0 is none); then %d asked for it: granted should be %v, but is %v",
					c.vote, c.from, c.granted, granted)
			}
		})
	}

	runCase(t, "first come, first served", func(t *graded.T) {
		n := startNode(t, impl, 1, NewDisk(upTo(5)))
		for term := uint64(1); term <= 3; term++ {
			first := 2 + term%3
			if !askVote(n, requestVote(first, term, 0, 0)) {
				t.Fatalf("node 1 has not voted in term %d, so %d should get its vote", term, first)
			}
			for range 2 {
				for other := uint64(2); other <= 5; other++ {
					granted := askVote(n, requestVote(other, term, 0, 0))
					if granted && other != first {
						t.Fatalf("node 1 voted for %d and for %d in term %d", first, other, term)
					}
					if !granted && other == first {
						t.Fatalf("node 1 voted for %d in term %d, so it should say so again when asked again: the first answer may be lost", first, term)
					}
				}
			}
		}
	})

	for _, as := range roles[1:] {
		runCase(t, as.name, func(t *graded.T) {
			n := startAs(t, impl, as)
			if askVote(n, requestVote(3, 5, 9, 4)) {
				t.Fatalf("node 1, %s of term 5, voted for itself, and then for 3", as.name)
			}
			n.is(as.state, 5, "after another candidate of its term asked for its vote")
		})
	}

	runCase(t, "after it lost", func(t *graded.T) {
		n := electionWith(t, impl, 3, []answer{no, no})
		if askVote(n, requestVote(3, 6, 0, 0)) {
			t.Fatalf("node 1 voted for itself in term 6, lost, and then voted for 3 in the same term")
		}
	})
}

func voteNeedsUpToDateLog(t *graded.T, impl Implementation) {
	for _, c := range []struct {
		voter       []uint64 // terms of the voter's log
		index, term uint64   // end of the candidate's log
		granted     bool
	}{
		{nil, 0, 0, true},
		{nil, 1, 1, true},
		{[]uint64{1}, 0, 0, false},
		{[]uint64{1}, 1, 1, true},
		{[]uint64{1}, 2, 1, true},
		{[]uint64{1, 1}, 1, 1, false},
		{[]uint64{1, 1}, 1, 2, true},       // later term, shorter log
		{[]uint64{1, 1, 1, 1}, 2, 3, true}, // the same
		{[]uint64{1, 2}, 2, 1, false},
		{[]uint64{1, 2}, 9, 1, false}, // earlier term, longer log
		{[]uint64{1, 2}, 2, 2, true},
		{[]uint64{1, 2}, 3, 2, true},
		{[]uint64{1, 2, 2}, 2, 2, false},
		{[]uint64{3}, 2, 2, false},
	} {
		for _, term := range []uint64{5, 6} {
			runCase(t, fmt.Sprintf("log %v, candidate at %s in term %d", c.voter, position(c.index, c.term), term), func(t *graded.T) {
				disk := NewDisk(upTo(3), c.voter...)
				disk.SetHardState(5, 0, 0)
				n := startNode(t, impl, 1, disk)
				if granted := askVote(n, requestVote(2, term, c.index, c.term)); granted != c.granted {
					t.Fatalf("the voter's log has the terms %v, the candidate's ends at %s (index/term): granted should be %v, but is %v",
						c.voter, position(c.index, c.term), c.granted, granted)
				}
				n.is(raft.StateFollower, term, "whether it granted its vote or not")
				if c.granted {
					return
				}
				// The vote is still to be had.
				end := uint64(len(c.voter))
				if !askVote(n, requestVote(3, term, end, c.voter[end-1])) {
					t.Fatalf("node 1 refused candidate 2 in term %d for its log, so its vote is free for 3, but it refused that too", term)
				}
			})
		}
	}
}

func candidateYieldsToLeader(t *graded.T, impl Implementation) {
	for _, term := range []uint64{5, 6, 9} {
		runCase(t, fmt.Sprintf("leader of term %d", term), func(t *graded.T) {
			n := startAs(t, impl, roles[1])
			n.step(heartbeat(2, term, 0))
			n.follows(2, term, "after its heartbeat, as a candidate of term 5")
			// It is no longer a candidate: late votes are for nothing.
			n.step(grant(3, 5))
			n.step(grant(2, 5))
			n.is(raft.StateFollower, term, "although votes came after it had yielded")
			// And it gives the leader its time.
			if requests := ofType(n.tick(electionTick-1), pb.MessageType_MsgRequestVote); len(requests) != 0 {
				t.Fatalf("node 1 yielded to leader 2, and campaigned again less than %d ticks later", electionTick)
			}
		})
	}
	runCase(t, "leader of an earlier term", func(t *graded.T) {
		n := startAs(t, impl, roles[1])
		n.step(heartbeat(2, 4, 0))
		n.is(raft.StateCandidate, 5, "after a heartbeat of term 4")
	})
}

// oneLeaderPerTerm lets nodes 1 and 2 of three campaign in the same term, and
// tries every order in which their messages can arrive.
func oneLeaderPerTerm(t *graded.T, impl Implementation) {
	// order[i] is which of the messages under way arrives i-th.
	for order := []int{}; ; {
		var nodes []*solo
		var net []*pb.Message
		for _, id := range upTo(3) {
			nodes = append(nodes, bareNode(t, impl, id, NewDisk(upTo(3))))
		}
		send := func(out []*pb.Message) {
			net = append(net, ofType(out, pb.MessageType_MsgRequestVote, pb.MessageType_MsgRequestVoteResponse)...)
		}
		send(nodes[0].campaign())
		send(nodes[1].campaign())

		leader := raft.None
		var arrived []*pb.Message
		var choices []int // how many there were at each step
		for i := 0; len(net) > 0; i++ {
			if i == 20 {
				t.Fatalf("two candidates of three nodes have exchanged %d messages, and still there are %s", i, describeMessages(net))
			}
			if i == len(order) {
				order = append(order, 0)
			}
			choices = append(choices, len(net))
			m := net[order[i]]
			net = slices.Delete(net, order[i], order[i]+1)
			arrived = append(arrived, m)
			send(nodes[m.To-1].step(m))
			for _, n := range nodes {
				now := n.Status()
				if now.RaftState != raft.StateLeader || now.ID == leader {
					continue
				}
				if leader != raft.None {
					t.Fatalf("nodes %d and %d both lead term 1, after %s", leader, now.ID, describeMessages(arrived))
				}
				leader = now.ID
			}
		}
		if leader == raft.None {
			t.Fatalf("nodes 1 and 2 campaigned in term 1 and node 3 voted, so one of them has two votes of three, but no node leads after %s",
				describeMessages(arrived))
		}

		// The next order: like an odometer, whose last wheel turns first.
		i := len(order) - 1
		for i >= 0 && order[i]+1 == choices[i] {
			i--
		}
		if i < 0 {
			return
		}
		order = append(order[:i:i], order[i]+1)
	}
}

// With 10 values to draw from, the chance that one of them is missed in 400
// draws is below one in 10^17.
const draws = 400

// checkTimeouts fails unless every value of [ElectionTick, 2*ElectionTick) was
// drawn, and nothing else.
func checkTimeouts(t *graded.T, timeouts []int) {
	t.Helper()
	count := map[int]int{}
	for _, ticks := range timeouts {
		count[ticks]++
		if ticks < electionTick {
			t.Fatalf("a node campaigned after %d ticks of silence; with ElectionTick=%d it waits at least %d", ticks, electionTick, electionTick)
		}
	}
	for ticks := electionTick; ticks < 2*electionTick; ticks++ {
		if count[ticks] == 0 {
			t.Fatalf("of %d election timeouts, none was %d ticks, and %d different values were seen; with ElectionTick=%d, "+
				"each value from %d to %d is as likely as the others", len(timeouts), ticks, len(count), electionTick, electionTick, 2*electionTick-1)
		}
	}
}

func electionTimeoutIsRandom(t *graded.T, impl Implementation) {
	var timeouts []int
	for i := range draws {
		n := bareNode(t, impl, 1, NewDisk(upTo(3)), func(c *raft.Config) {
			c.RandIntN = rand.New(rand.NewPCG(2014, uint64(i))).IntN
		})
		ticks, _ := waitForElection(n, "after it started")
		timeouts = append(timeouts, ticks)
	}
	checkTimeouts(t, timeouts)
}

func electionTimeoutIsDrawnAgain(t *graded.T, impl Implementation) {
	runCase(t, "candidate", func(t *graded.T) {
		n := startNode(t, impl, 1, NewDisk(upTo(3)))
		var timeouts []int
		for range draws {
			ticks, _ := waitForElection(n, "while no node answered its vote requests")
			timeouts = append(timeouts, ticks)
		}
		checkTimeouts(t, timeouts)
	})
	runCase(t, "candidate that lost", func(t *graded.T) {
		n := startNode(t, impl, 1, NewDisk(upTo(3)))
		var timeouts []int
		for range draws {
			ticks, _ := waitForElection(n, "after the others refused their votes")
			timeouts = append(timeouts, ticks)
			term := n.Status().Term
			n.step(refuse(2, term))
			n.step(refuse(3, term))
		}
		checkTimeouts(t, timeouts)
	})
}

func heartbeatResetsClock(t *graded.T, impl Implementation) {
	runCase(t, "of the leader", func(t *graded.T) {
		n := startAs(t, impl, roles[0])
		for round := range 20 {
			n.step(heartbeat(2, 5, 0))
			if requests := ofType(n.tick(electionTick-1), pb.MessageType_MsgRequestVote); len(requests) != 0 {
				t.Fatalf("node 1 heard from its leader %d times, every %d ticks, and still campaigned; the election timeout is at least %d",
					round+1, electionTick-1, electionTick)
			}
		}
	})
	runCase(t, "not of a deposed leader", func(t *graded.T) {
		n := startAs(t, impl, roles[0])
		for range 2*electionTick - 1 {
			if n.tick(1); n.Status().RaftState == raft.StateCandidate {
				return
			}
			n.step(heartbeat(3, 4, 0))
		}
		t.Fatalf("node 1 of term 5 heard only from a leader of term 4 for %d ticks, and did not campaign", 2*electionTick-1)
	})
}

func onlyGrantedVoteResetsClock(t *graded.T, impl Implementation) {
	runCase(t, "granted", func(t *graded.T) {
		disk := NewDisk(upTo(3))
		disk.SetHardState(5, 0, 0)
		n := startNode(t, impl, 1, disk)
		n.tick(electionTick - 1)
		if !askVote(n, requestVote(2, 5, 0, 0)) {
			t.Fatalf("node 1 has not voted in term 5, so 2 should get its vote")
		}
		if requests := ofType(n.tick(electionTick-1), pb.MessageType_MsgRequestVote); len(requests) != 0 {
			t.Fatalf("node 1 voted for 2, and campaigned itself less than %d ticks later", electionTick)
		}
	})
	for _, c := range []struct {
		name string
		m    *pb.Message
	}{
		{"to another candidate", requestVote(3, 5, 1, 1)},
		{"to an older log", requestVote(2, 5, 0, 0)},
	} {
		runCase(t, "refused "+c.name, func(t *graded.T) {
			disk := NewDisk(upTo(3), 1)
			vote := uint64(0)
			if c.m.From == 3 {
				vote = 2
			}
			disk.SetHardState(5, vote, 0)
			n := startNode(t, impl, 1, disk)
			for range 2*electionTick - 1 {
				if n.tick(1); n.Status().RaftState == raft.StateCandidate {
					return
				}
				if askVote(n, c.m) {
					t.Fatalf("node 1 was to refuse %s", describe(c.m))
				}
			}
			t.Fatalf("node 1 heard from no leader for %d ticks and granted no vote; it should have campaigned, although it was asked for its vote",
				2*electionTick-1)
		})
	}
}

func leaderDoesNotCampaign(t *graded.T, impl Implementation) {
	n := startAs(t, impl, roles[2])
	out := n.step(hup())
	out = append(out, n.beats(4*electionTick)...)
	n.is(raft.StateLeader, 5, "although an election timeout has passed since it was elected")
	if requests := ofType(out, pb.MessageType_MsgRequestVote); len(requests) != 0 {
		t.Fatalf("a leader starts no election, but node 1 sent %s", describeMessages(requests))
	}
	n.step(refuse(3, 6))
	n.follows(raft.None, 6, "after it heard of term 6 as the leader of term 5")
	waitForElection(n, "after it had stepped down")
	n.is(raft.StateCandidate, 7, "after an election timeout in term 6")
}

func strangerDoesNotCampaign(t *graded.T, impl Implementation) {
	for _, c := range []struct {
		name    string
		members []uint64
	}{
		{"of a group of others", []uint64{1, 2, 3}},
		{"of no group yet", nil},
	} {
		runCase(t, c.name, func(t *graded.T) {
			n := startNode(t, impl, 4, NewDisk(c.members))
			out := n.step(hup())
			out = append(out, n.tick(5*electionTick)...)
			if len(out) != 0 {
				t.Fatalf("node 4 is not a member of %v and should keep quiet, but sent %s", c.members, describeMessages(out))
			}
			n.is(raft.StateFollower, 0, "as it is not a member")
			// It still answers: a new member learns of its membership last.
			n.step(heartbeat(1, 2, 0))
			n.follows(1, 2, "after its heartbeat")
			n.tick(electionTick) // no leader is left to protect
			if !askVote(n, requestVote(2, 3, 0, 0)) {
				t.Fatalf("node 4 does not know of its membership, but should vote when a candidate that does asks for it")
			}
		})
	}
}

func singleNodeLeadsAtOnce(t *graded.T, impl Implementation) {
	runCase(t, "when told to", func(t *graded.T) {
		n := startNode(t, impl, 1, NewDisk([]uint64{1}))
		out := n.step(hup())
		n.is(raft.StateLeader, 1, "as the only member, with its own vote")
		if len(out) != 0 {
			t.Fatalf("the only node of a group has no node to send to, but node 1 sent %s", describeMessages(out))
		}
	})
	runCase(t, "after a timeout", func(t *graded.T) {
		disk := NewDisk([]uint64{1})
		disk.SetHardState(8, 1, 0)
		n := startNode(t, impl, 1, disk)
		if out := n.tick(2*electionTick - 1); len(out) != 0 {
			t.Fatalf("the only node of a group has no node to send to, but node 1 sent %s", describeMessages(out))
		}
		n.is(raft.StateLeader, 9, "as the only member, after an election timeout in term 8")
		if lead := n.Status().Lead; lead != 1 {
			t.Fatalf("node 1 leads, but takes %d for the leader", lead)
		}
	})
}

func groupElectsAndReplacesLeader(t *graded.T, impl Implementation) {
	for _, size := range []int{2, 3, 4, 5, 7} {
		runCase(t, fmt.Sprintf("group of %d", size), func(t *graded.T) {
			g := electorate(t, impl, size)
			leader := g.awaitLeader()
			term := leader.Status().Term
			g.tick(5 * electionTick)
			for _, n := range g.nodes {
				if n == leader {
					n.is(raft.StateLeader, term, "as every node hears its heartbeats")
				} else {
					n.follows(leader.id, term, "as it hears its heartbeats")
				}
			}
			if size < 3 {
				return
			}
			g.isolate(leader.id)
			next := g.awaitLeader()
			if next.Status().Term <= term {
				t.Fatalf("leader %d of term %d was cut off, and node %d was elected in term %d: a new leader has a new term",
					leader.id, term, next.id, next.Status().Term)
			}
			g.rejoin(leader.id)
			g.tick(heartbeatTick)
			leader.follows(next.id, next.Status().Term, "when it can hear its successor's heartbeats again")
		})
	}
}
