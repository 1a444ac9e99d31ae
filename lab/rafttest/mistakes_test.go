package rafttest

import (
	"slices"
	"testing"

	"github.com/pingcap/errors"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	pb "github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/raft"
)

// reference is the Raft of this repository.
type reference struct{}

func (reference) Name() string { return "labkv" }

func (reference) NewNode(*raft.Config) (Node, error) { panic("schedules use RawNodes only") }

func (reference) NewRawNode(c *raft.Config) (RawNode, error) { return raft.NewRawNode(c) }

// wrapped is a Raft whose every node is put into a wrapper.
type wrapped struct {
	reference
	wrap func(n RawNode, c *raft.Config) RawNode
}

func (w wrapped) NewRawNode(c *raft.Config) (RawNode, error) {
	n, err := raft.NewRawNode(c)
	if err != nil {
		return nil, err
	}
	return w.wrap(n, c), nil
}

// altered is a node whose Readys are altered before they are seen.
type altered struct {
	RawNode
	ready func(rd *raft.Ready)
	given *raft.Ready // as the node gave it
}

func (n *altered) Ready() raft.Ready {
	rd := n.RawNode.Ready()
	given := rd
	n.given = &given
	n.ready(&rd)
	return rd
}

func (n *altered) Advance(raft.Ready) { n.RawNode.Advance(*n.given) }

func alterReady(f func(n RawNode, rd *raft.Ready)) func(RawNode, *raft.Config) RawNode {
	return func(n RawNode, _ *raft.Config) RawNode {
		return &altered{RawNode: n, ready: func(rd *raft.Ready) { f(n, rd) }}
	}
}

// stepping is a node whose messages are altered before it sees them.
type stepping struct {
	RawNode
	before func(m *pb.Message)
}

func (n *stepping) Step(m *pb.Message) error {
	n.before(m)
	return n.RawNode.Step(m)
}

func alterStep(f func(n RawNode, m *pb.Message)) func(RawNode, *raft.Config) RawNode {
	return func(n RawNode, _ *raft.Config) RawNode {
		return &stepping{n, func(m *pb.Message) { f(n, m) }}
	}
}

// saying is a node whose status is altered.
type saying struct {
	RawNode
	alter func(st *raft.Status)
}

func (n *saying) Status() raft.Status {
	st := n.RawNode.Status()
	n.alter(&st)
	return st
}

// alterCommit makes a leader commit as far as commit says, if that is further
// than it would by itself.
func alterCommit(commit func(st *raft.Status) uint64) func(RawNode, *raft.Config) RawNode {
	return func(n RawNode, c *raft.Config) RawNode {
		highest := uint64(0)
		alter := func(st *raft.Status) {
			if st.RaftState == raft.StateLeader {
				highest = max(highest, commit(st))
			}
			st.Commit = max(st.Commit, highest)
		}
		return &saying{&altered{RawNode: n, ready: func(rd *raft.Ready) {
			st := n.Status()
			alter(&st)
			rd.HardState = &pb.HardState{Term: st.Term, Vote: st.Vote, Commit: st.Commit}
		}}, alter}
	}
}

// A mistake is one that a student may make, and the rules that it breaks.
type mistake struct {
	name string
	wrap func(n RawNode, c *raft.Config) RawNode
	test string // the test of schedules that must find it
	// breaks are the rules of which each failing seed breaks one.
	breaks []rule
}

var mistakes = []mistake{
	{
		name: "votes twice in a term",
		wrap: alterReady(func(n RawNode, rd *raft.Ready) {
			for i, m := range rd.Messages {
				if m.MsgType == pb.MessageType_MsgRequestVoteResponse && m.Reject {
					rd.Messages[i] = copyMessage(m)
					rd.Messages[i].Reject = false
				}
			}
		}),
		test:   "RandomSchedulesOfThree2AC",
		breaks: []rule{oneVote, durableFirst},
	},
	{
		name: "votes for a candidate whose log lags",
		wrap: alterStep(func(_ RawNode, m *pb.Message) {
			if m.MsgType == pb.MessageType_MsgRequestVote {
				m.Index, m.LogTerm = 1<<20, m.Term
			}
		}),
		test:   "RandomSchedulesOfFive2AC",
		breaks: []rule{leaderCompleteness, stateMachineSafety, commitsTheCommitted, noPanic},
	},
	{
		name: "leads with the first vote it gets",
		wrap: func(n RawNode, c *raft.Config) RawNode {
			_, conf, _ := c.Storage.InitialState()
			return &stepping{n, func(m *pb.Message) {
				if m.MsgType != pb.MessageType_MsgRequestVoteResponse || m.Reject {
					return
				}
				for _, id := range conf.Nodes {
					if id != c.ID && id != m.From {
						_ = n.Step(&pb.Message{MsgType: m.MsgType, From: id, To: m.To, Term: m.Term})
					}
				}
			}}
		},
		test:   "RandomSchedulesOfFive2AC",
		breaks: []rule{electionSafety, leaderCompleteness, stateMachineSafety},
	},
	{
		name: "forgets its vote in a crash",
		wrap: nil, // see forgetful below
		test: "CrashesAnywhere2AC", breaks: []rule{restarts},
	},
	{
		name:   "does not hand out its hard state",
		wrap:   alterReady(func(_ RawNode, rd *raft.Ready) { rd.HardState = nil }),
		test:   "RandomSchedulesOfThree2AC",
		breaks: []rule{readyHolds},
	},
	{
		name: "hands out a hard state without the vote",
		wrap: alterReady(func(_ RawNode, rd *raft.Ready) {
			if rd.HardState != nil {
				rd.HardState = &pb.HardState{Term: rd.HardState.Term, Commit: rd.HardState.Commit}
			}
		}),
		test:   "RandomSchedulesOfThree2AC",
		breaks: []rule{readyHolds},
	},
	{
		name:   "says that nothing needs a sync",
		wrap:   alterReady(func(_ RawNode, rd *raft.Ready) { rd.MustSync = false }),
		test:   "RandomSchedulesOfThree2AC",
		breaks: []rule{durableFirst},
	},
	{
		name: "acknowledges entries a Ready before it hands them out",
		wrap: func(n RawNode, _ *raft.Config) RawNode {
			var late []*pb.Entry
			return &altered{RawNode: n, ready: func(rd *raft.Ready) {
				rd.Entries, late = late, rd.Entries
				rd.CommittedEntries = nil
				rd.MustSync = true
			}}
		},
		test:   "RandomSchedulesOfThree2AC",
		breaks: []rule{durableFirst, readyHolds, appliesInOrder},
	},
	{
		name: "acknowledges whatever is in its log",
		wrap: func(n RawNode, c *raft.Config) RawNode {
			return &altered{RawNode: n, ready: func(rd *raft.Ready) {
				last, _ := c.Storage.LastIndex()
				for i, m := range rd.Messages {
					if m.MsgType == pb.MessageType_MsgAppendResponse && !m.Reject {
						rd.Messages[i] = copyMessage(m)
						rd.Messages[i].Index = max(m.Index, last)
					}
				}
			}}
		},
		test:   "RandomSchedulesOfThree2AC",
		breaks: []rule{acknowledgesTheSame, durableFirst},
	},
	{
		name: "names a candidate as its leader",
		wrap: func(n RawNode, _ *raft.Config) RawNode {
			return &saying{n, func(st *raft.Status) {
				if st.Lead == 0 {
					st.Lead = st.Vote
				}
			}}
		},
		test:   "RandomSchedulesOfThree2AC",
		breaks: []rule{knowsTheLeader},
	},
	{
		name: "hands out its entries again",
		wrap: func(n RawNode, c *raft.Config) RawNode {
			disk := c.Storage.(*Disk)
			return &altered{RawNode: n, ready: func(rd *raft.Ready) {
				if last := disk.last(); len(rd.Entries) > 0 && rd.Entries[0].Index == last+1 && last > disk.now.before {
					rd.Entries = slices.Concat([]*pb.Entry{disk.entry(last)}, rd.Entries)
				}
			}}
		},
		test:   "RandomSchedulesOfThree2AC",
		breaks: []rule{readyHolds},
	},
	{
		name: "accepts every append",
		wrap: alterReady(func(_ RawNode, rd *raft.Ready) {
			for i, m := range rd.Messages {
				if m.MsgType == pb.MessageType_MsgAppendResponse && m.Reject {
					rd.Messages[i] = copyMessage(m)
					rd.Messages[i].Reject = false
				}
			}
		}),
		test:   "RandomSchedulesOfThree2AC",
		breaks: []rule{acknowledgesTheSame, durableFirst},
	},
	{
		name: "keeps the conflicting end of its log",
		wrap: func(n RawNode, c *raft.Config) RawNode {
			return &altered{RawNode: n, ready: func(rd *raft.Ready) {
				last, _ := c.Storage.LastIndex()
				for len(rd.Entries) > 0 && rd.Entries[0].Index <= last {
					rd.Entries = rd.Entries[1:]
				}
			}}
		},
		test:   "RandomSchedulesOfThree2AC",
		breaks: []rule{acknowledgesTheSame, durableFirst, logMatching, commitsTheCommitted},
	},
	{
		name: "a leader replaces the end of its log",
		wrap: func(n RawNode, c *raft.Config) RawNode {
			disk := c.Storage.(*Disk)
			return &altered{RawNode: n, ready: func(rd *raft.Ready) {
				st := n.Status()
				if last := disk.last(); st.RaftState == raft.StateLeader && len(rd.Entries) > 0 && last > st.Commit {
					rd.Entries = slices.Concat([]*pb.Entry{{Term: st.Term, Index: last, Data: []byte("another")}}, rd.Entries)
				}
			}}
		},
		test:   "RandomSchedulesOfThree2AC",
		breaks: []rule{leaderAppendOnly, logMatching, leaderCompleteness},
	},
	{
		name: "writes other data than it was sent",
		wrap: func(n RawNode, c *raft.Config) RawNode {
			return &altered{RawNode: n, ready: func(rd *raft.Ready) {
				for i, e := range rd.Entries {
					if e.Index%8 == c.ID {
						rd.Entries[i] = &pb.Entry{Term: e.Term, Index: e.Index, Data: []byte("p1")}
					}
				}
			}}
		},
		test:   "RandomSchedulesOfThree2AC",
		breaks: []rule{logMatching, commitsTheProposed},
	},
	{
		name: "commits an entry of an earlier term by counting",
		wrap: alterCommit(func(st *raft.Status) uint64 {
			var match []uint64
			for _, p := range st.Progress {
				match = append(match, p.Match)
			}
			slices.Sort(match)
			return match[(len(match)-1)/2]
		}),
		test:   "RandomSchedulesOfFive2AC",
		breaks: []rule{commitsOwnTerm},
	},
	{
		name: "commits what one follower has",
		wrap: alterCommit(func(st *raft.Status) uint64 {
			most := uint64(0)
			for id, p := range st.Progress {
				if id != st.ID {
					most = max(most, p.Match)
				}
			}
			return most
		}),
		test:   "RandomSchedulesOfFive2AC",
		breaks: []rule{commitsWithMajority, commitsOwnTerm},
	},
	{
		name: "tells its commit index in heartbeats to members that lag",
		wrap: alterReady(func(n RawNode, rd *raft.Ready) {
			for i, m := range rd.Messages {
				if m.MsgType == pb.MessageType_MsgHeartbeat {
					rd.Messages[i] = copyMessage(m)
					rd.Messages[i].Commit = n.Status().Commit
				}
			}
		}),
		test:   "RandomSchedulesOfThree2AC",
		breaks: []rule{commitsTheCommitted, stateMachineSafety, noPanic},
	},
	{
		name: "announces as committed what it has appended",
		wrap: alterReady(func(_ RawNode, rd *raft.Ready) {
			for i, m := range rd.Messages {
				if n := len(m.Entries); n > 0 {
					rd.Messages[i] = copyMessage(m)
					rd.Messages[i].Commit = m.Entries[n-1].Index
				}
			}
		}),
		test:   "RandomSchedulesOfThree2AC",
		breaks: []rule{commitsTheCommitted},
	},
	{
		name: "applies what is not committed",
		wrap: alterReady(func(n RawNode, rd *raft.Ready) {
			if n.Status().Applied+uint64(len(rd.CommittedEntries)) == n.Status().Commit {
				for _, e := range rd.Entries {
					if e.Index > n.Status().Commit {
						rd.CommittedEntries = append(slices.Clip(rd.CommittedEntries), e)
					}
				}
			}
		}),
		test:   "RandomSchedulesOfThree2AC",
		breaks: []rule{appliesInOrder},
	},
	{
		name: "applies an entry twice",
		wrap: func(n RawNode, _ *raft.Config) RawNode {
			var last *pb.Entry
			return &altered{RawNode: n, ready: func(rd *raft.Ready) {
				if last != nil && len(rd.CommittedEntries) > 0 {
					rd.CommittedEntries = slices.Concat([]*pb.Entry{last}, rd.CommittedEntries)
				}
				if n := len(rd.CommittedEntries); n > 0 {
					last = rd.CommittedEntries[n-1]
				}
			}}
		},
		test:   "RandomSchedulesOfThree2AC",
		breaks: []rule{appliesInOrder},
	},
	{
		name: "applies other data than is committed",
		wrap: func(n RawNode, c *raft.Config) RawNode {
			return &altered{RawNode: n, ready: func(rd *raft.Ready) {
				rd.CommittedEntries = slices.Clone(rd.CommittedEntries)
				for i, e := range rd.CommittedEntries {
					if e.Index%8 == c.ID {
						rd.CommittedEntries[i] = &pb.Entry{Term: e.Term, Index: e.Index, Data: []byte("p1")}
					}
				}
			}}
		},
		test:   "RandomSchedulesOfThree2AC",
		breaks: []rule{stateMachineSafety},
	},
	{
		name: "appends what it refuses",
		wrap: func(n RawNode, _ *raft.Config) RawNode { return refusing{n} },
		test: "SteadyGroupKeepsItsLeader2AC", breaks: []rule{commitsTheProposed},
	},
	{
		name: "appends a proposal twice",
		wrap: func(n RawNode, _ *raft.Config) RawNode { return doubling{n} },
		test: "SteadyGroupKeepsItsLeader2AC", breaks: []rule{commitsTheProposed},
	},
	{
		name: "says that a proposal is one place further on",
		wrap: func(n RawNode, _ *raft.Config) RawNode { return misplacing{n} },
		test: "SteadyGroupKeepsItsLeader2AC", breaks: []rule{commitsTheProposed},
	},
	{
		name: "goes back in its commit index when it loses its leadership",
		wrap: func(n RawNode, _ *raft.Config) RawNode {
			return &saying{n, func(st *raft.Status) {
				if st.RaftState == raft.StateCandidate {
					st.Commit = st.Applied / 2
					st.Applied = st.Commit
				}
			}}
		},
		test:   "RandomSchedulesOfThree2AC",
		breaks: []rule{goesForward},
	},
	{
		name: "answers every rejection twice",
		wrap: func(n RawNode, _ *raft.Config) RawNode { return &echoing{RawNode: n} },
		test: "SteadyGroupKeepsItsLeader2AC", breaks: []rule{comesToRest},
	},
	{
		name: "hands out Readys without end",
		wrap: func(n RawNode, _ *raft.Config) RawNode { return restless{n} },
		test: "SteadyGroupKeepsItsLeader2AC", breaks: []rule{endsWork},
	},
	{
		name: "sends no heartbeats",
		wrap: alterReady(func(_ RawNode, rd *raft.Ready) {
			rd.Messages = slices.DeleteFunc(slices.Clone(rd.Messages), func(m *pb.Message) bool {
				return m.MsgType == pb.MessageType_MsgHeartbeat
			})
		}),
		test:   "SteadyGroupKeepsItsLeader2AC",
		breaks: []rule{leaderStays},
	},
	{
		name: "has no election timer",
		wrap: func(n RawNode, _ *raft.Config) RawNode { return timeless{n} },
		test: "SteadyGroupKeepsItsLeader2AC", breaks: []rule{recovers},
	},
	{
		name: "sends a lost append never again",
		wrap: alterStep(func(_ RawNode, m *pb.Message) {
			if m.MsgType == pb.MessageType_MsgHeartbeatResponse {
				m.MsgType = pb.MessageType_MsgRequestVoteResponse
				m.Reject = true
			}
		}),
		test:   "RandomSchedulesOfThree2AC",
		breaks: []rule{recovers},
	},
	{
		name: "panics",
		wrap: alterStep(func(n RawNode, m *pb.Message) {
			if m.MsgType == pb.MessageType_MsgAppend && m.Index > 0 && m.Term > n.Status().Term {
				panic("cannot happen")
			}
		}),
		test:   "RandomSchedulesOfThree2AC",
		breaks: []rule{noPanic},
	},
	{
		name: "installs a snapshot with another state",
		wrap: alterReady(func(_ RawNode, rd *raft.Ready) {
			if rd.Snapshot != nil {
				rd.Snapshot = &pb.Snapshot{Metadata: rd.Snapshot.Metadata, Data: make([]byte, 16)}
			}
		}),
		test:   "CompactedLogsAndSnapshots2C",
		breaks: []rule{stateMachineSafety},
	},
	{
		name: "installs no snapshot",
		wrap: func(n RawNode, _ *raft.Config) RawNode { return deaf{n, pb.MessageType_MsgSnapshot} },
		test: "CompactedLogsAndSnapshots2C", breaks: []rule{recovers},
	},
	{
		name: "does not sync a snapshot",
		wrap: alterReady(func(_ RawNode, rd *raft.Ready) {
			if rd.Snapshot != nil {
				rd.MustSync = false
			}
		}),
		test:   "CompactedLogsAndSnapshots2C",
		breaks: []rule{durableFirst},
	},
	{
		name: "is in a state that no node may be in",
		wrap: func(n RawNode, _ *raft.Config) RawNode { return confused{n} },
		test: "RandomSchedulesOfThree2AC", breaks: []rule{staysConsistent},
	},
	{
		name: "keeps members that were removed",
		wrap: func(n RawNode, _ *raft.Config) RawNode { return clinging{n} },
		test: "MembersComeAndGo3A", breaks: []rule{membersAgree},
	},
	{
		name: "takes a membership change while another is pending",
		wrap: func(n RawNode, _ *raft.Config) RawNode {
			h := &hasty{altered: altered{RawNode: n}}
			h.ready = h.unmask
			return h
		},
		test: "MembersComeAndGo3A", breaks: []rule{oneChangeAtATime},
	},
}

// confused is a node that finds its fields in contradiction once it leads.
type confused struct{ RawNode }

func (n confused) CheckInvariants() error {
	if st := n.Status(); st.RaftState == raft.StateLeader && st.Commit > 3 {
		return errors.New("what it knows contradicts itself")
	}
	return nil
}

type refusing struct{ RawNode }

func (n refusing) Propose(data ...[]byte) (index, term uint64, err error) {
	_, _, _ = n.RawNode.Propose(data...)
	return 0, 0, raft.ErrNotLeader
}

type misplacing struct{ RawNode }

func (n misplacing) Propose(data ...[]byte) (index, term uint64, err error) {
	index, term, err = n.RawNode.Propose(data...)
	return index + 1, term, err
}

type doubling struct{ RawNode }

func (n doubling) Propose(data ...[]byte) (index, term uint64, err error) {
	_, _, _ = n.RawNode.Propose(data...)
	return n.RawNode.Propose(data...)
}

type restless struct{ RawNode }

func (n restless) HasReady() bool { return true }

type timeless struct{ RawNode }

func (n timeless) Tick() {
	if n.Status().RaftState == raft.StateLeader {
		n.RawNode.Tick()
	}
}

type deaf struct {
	RawNode
	to pb.MessageType
}

func (n deaf) Step(m *pb.Message) error {
	if m.MsgType == n.to {
		return nil
	}
	return n.RawNode.Step(m)
}

type clinging struct{ RawNode }

func (n clinging) ApplyConfChange(cc *pb.ConfChange) *pb.ConfState {
	if cc.ChangeType == pb.ConfChangeType_RemoveNode {
		cc = &pb.ConfChange{}
	}
	return n.RawNode.ApplyConfChange(cc)
}

// hasty smuggles a membership change that is refused past the node as a
// proposal, and makes it a membership change again where it comes out.
type hasty struct{ altered }

func (n *hasty) ProposeConfChange(cc *pb.ConfChange) (index, term uint64, err error) {
	index, term, err = n.RawNode.ProposeConfChange(cc)
	if err != raft.ErrConfChangePending {
		return index, term, err
	}
	data, err := proto.Marshal(cc)
	if err != nil {
		return 0, 0, err
	}
	return n.RawNode.Propose(append([]byte("change"), data...))
}

func (n *hasty) unmask(rd *raft.Ready) {
	all := func(entries []*pb.Entry) []*pb.Entry {
		entries = slices.Clone(entries)
		for i, e := range entries {
			if len(e.Data) > 6 && string(e.Data[:6]) == "change" {
				entries[i] = &pb.Entry{EntryType: pb.EntryType_EntryConfChange, Term: e.Term, Index: e.Index, Data: e.Data[6:]}
			}
		}
		return entries
	}
	rd.Entries, rd.CommittedEntries = all(rd.Entries), all(rd.CommittedEntries)
	for i, m := range rd.Messages {
		rd.Messages[i] = copyMessage(m)
		rd.Messages[i].Entries = all(m.Entries)
	}
}

// rejectEverything makes node 3 reject each append, and ask for the same again.
func rejectEverything(_ RawNode, rd *raft.Ready) {
	for i, m := range rd.Messages {
		if m.MsgType == pb.MessageType_MsgAppendResponse && m.From == 3 {
			rd.Messages[i] = copyMessage(m)
			rd.Messages[i].Reject, rd.Messages[i].RejectHint = true, m.Index
		}
	}
}

// echoing is a node that sends its last append to node 3 twice more for each rejection,
// beside what its Raft sends. Node 3 rejects everything, so there is more and more to send.
type echoing struct {
	RawNode
	last *pb.Message
	owed int
}

func (n *echoing) Step(m *pb.Message) error {
	if m.MsgType == pb.MessageType_MsgAppendResponse && m.Reject {
		n.owed += 2
	}
	return n.RawNode.Step(m)
}

func (n *echoing) HasReady() bool { return n.owed > 0 || n.RawNode.HasReady() }

func (n *echoing) Ready() raft.Ready {
	rd := n.RawNode.Ready()
	rejectEverything(n, &rd)
	for _, m := range rd.Messages {
		if m.MsgType == pb.MessageType_MsgAppend && m.To == 3 {
			n.last = m
		}
	}
	for ; n.owed > 0; n.owed-- {
		if n.last != nil && n.last.Term == n.Status().Term {
			rd.Messages = append(rd.Messages, copyMessage(n.last))
		}
	}
	return rd
}

// amnesiac is a Raft whose nodes read their hard state without the vote.
type amnesiac struct{ reference }

func (amnesiac) NewRawNode(c *raft.Config) (RawNode, error) {
	own := *c
	own.Storage = voteless{c.Storage}
	return raft.NewRawNode(&own)
}

type voteless struct{ raft.Storage }

func (s voteless) InitialState() (*pb.HardState, *pb.ConfState, error) {
	hard, conf, err := s.Storage.InitialState()
	return &pb.HardState{Term: hard.GetTerm(), Commit: hard.GetCommit()}, conf, err
}

// scheduled returns the test of schedules with that name.
func scheduled(t *testing.T, name string) scheduledTest {
	i := slices.IndexFunc(scheduledTests, func(s scheduledTest) bool { return s.name == name })
	require.GreaterOrEqual(t, i, 0, "no test is called %s", name)
	return scheduledTests[i]
}

// TestMistakesAreFound plants mistakes, and sees each of them found by the
// schedules that are to find it, as a breach of the rule that it is.
func TestMistakesAreFound(t *testing.T) {
	broken := map[rule]bool{}
	for _, m := range mistakes {
		t.Run(m.name, func(t *testing.T) {
			test := scheduled(t, m.test)
			impl := Implementation(wrapped{wrap: m.wrap})
			if m.wrap == nil {
				impl = amnesiac{}
			}
			const enough = 8
			found := 0
			for seed := uint64(1); seed <= uint64(test.seeds) && found < enough; seed++ {
				v := perform(impl, test.schedules(seed)[0]).violation
				if v == nil {
					continue
				}
				found++
				broken[v.rule] = true
				require.Contains(t, m.breaks, v.rule, "seed %d breaks another rule: %s: %s", seed, v.rule, v.found)
			}
			require.Positive(t, found, "no seed finds it")
		})
	}
	for r := range claims {
		require.True(t, broken[r], "no mistake breaks the rule %q", r)
	}
}
