package rafttest

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/lab/graded"
	pb "github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/raft"
)

// The clock of every node under test, in ticks, unless a test says otherwise.
const (
	electionTick  = 10
	heartbeatTick = 1
)

// A solo is one node under test. Alone, its test plays all other nodes; in a
// group, it is one of several.
//
// After each input it checks what holds of any node at any time: the term and
// the commit index never decrease, a vote never changes within a term (Figure 2),
// and messages are in the node's name and term. Where the node has a log, its
// appends must tell of that log, and a leader may only add to it.
type solo struct {
	Node
	t  *graded.T
	id uint64
	// seen is the status after the last input.
	seen raft.Status
	// replicates says that there is replication, and thus a log to look into.
	replicates bool
	// log is the log after the last input.
	log []*pb.Entry
	// steps are the last inputs and outputs, for the report of a failure.
	steps []step
	// host drives the node, if it is a RawNode.
	host *host
}

type step struct {
	ticks int
	in    *pb.Message
	out   []*pb.Message
}

func (s step) String() string {
	in := "collect messages"
	switch {
	case s.in != nil:
		in = describe(s.in)
	case s.ticks > 0:
		in = fmt.Sprintf("%d ticks", s.ticks)
	}
	if len(s.out) == 0 {
		return in
	}
	return in + "\n  => " + describeMessages(s.out)
}

// runCase runs one case of a test. The test ends with the first case that fails,
// so that its report tells of that one alone.
func runCase(t *graded.T, name string, body func(t *graded.T)) {
	t.Helper()
	if !t.Run(name, body) {
		t.FailNow()
	}
}

// startNode starts node id of impl from what disk holds. Options change its
// configuration. If the test fails, its report tells the last steps of the node.
func startNode(t *graded.T, impl Implementation, id uint64, disk *Disk, options ...func(*raft.Config)) *solo {
	t.Helper()
	s := bareNode(t, impl, id, disk, options...)
	t.Cleanup(func() {
		if t.Failed() {
			s.explain()
		}
	})
	return s
}

// bareNode is startNode for a test that starts too many nodes to tell of them.
func bareNode(t *graded.T, impl Implementation, id uint64, disk *Disk, options ...func(*raft.Config)) *solo {
	t.Helper()
	n, err := impl.NewNode(configOf(id, disk, options...))
	if err != nil {
		t.Fatalf("node %d does not start: %v", id, err)
	}
	return watch(t, id, n)
}

func watch(t *graded.T, id uint64, n Node) *solo {
	return &solo{Node: n, t: t, id: id, seen: n.Status()}
}

// withLog is startNode for tests of replication: it also watches the log.
func withLog(t *graded.T, impl Implementation, id uint64, disk *Disk, options ...func(*raft.Config)) *solo {
	t.Helper()
	s := startNode(t, impl, id, disk, options...)
	s.watchLog()
	return s
}

func (s *solo) watchLog() {
	s.replicates = true
	s.log = s.Entries()
}

// patient makes a node wait for some ticks more than ElectionTick before it campaigns,
// whichever way it makes a timeout of what it draws. So it can hear of no leader for
// ElectionTick ticks, and votes again then, even if it protects a leader that it hears
// of from candidates (thesis §4.2.3).
func patient(c *raft.Config) {
	dice := rand.New(rand.NewPCG(2014, c.ID))
	c.RandIntN = func(n int) int { return max(0, min(n-1, n/2-1+dice.IntN(3))) }
}

// configOf returns the configuration of node id. Its randomness has a fixed seed.
func configOf(id uint64, storage raft.Storage, options ...func(*raft.Config)) *raft.Config {
	c := &raft.Config{
		ID:            id,
		ElectionTick:  electionTick,
		HeartbeatTick: heartbeatTick,
		Storage:       storage,
		RandIntN:      rand.New(rand.NewPCG(2014, id)).IntN,
	}
	for _, option := range options {
		option(c)
	}
	return c
}

// step hands m to the node, and returns what it then sends, ordered by receiver.
// The network copies a message: nodes never share memory.
func (s *solo) step(m *pb.Message) []*pb.Message {
	s.t.Helper()
	out, _ := s.try(m)
	return out
}

// try is step for a message that the node may refuse.
func (s *solo) try(m *pb.Message) ([]*pb.Message, error) {
	s.t.Helper()
	m = proto.Clone(m).(*pb.Message)
	if m.To == 0 && m.From != s.id {
		m.To = s.id
	}
	// Printed later, when the node may have done with the message what it likes.
	in := proto.Clone(m).(*pb.Message)
	err := s.Step(m)
	return s.collect(step{in: in}), err
}

// tick lets n ticks pass, and returns what the node sends meanwhile.
func (s *solo) tick(n int) []*pb.Message {
	s.t.Helper()
	var all []*pb.Message
	for range n {
		s.Tick()
		all = append(all, s.collect(step{ticks: 1})...)
	}
	return all
}

// collect takes the node's messages after an input, and checks what holds always.
func (s *solo) collect(after step) []*pb.Message {
	s.t.Helper()
	for _, m := range s.Messages() {
		after.out = append(after.out, proto.Clone(m).(*pb.Message))
	}
	slices.SortStableFunc(after.out, func(a, b *pb.Message) int { return cmp.Compare(a.To, b.To) })
	s.note(after)

	was, now := s.seen, s.Status()
	s.seen = now
	switch {
	case now.Term < was.Term:
		s.t.Fatalf("the term of node %d went back from %d to %d; it only increases (§5.1)", s.id, was.Term, now.Term)
	case now.Term == was.Term && was.Vote != raft.None && now.Vote != was.Vote:
		s.t.Fatalf("node %d changed its vote within term %d from %d to %d (§5.2)", s.id, now.Term, was.Vote, now.Vote)
	case now.Commit < was.Commit:
		s.t.Fatalf("the commit index of node %d went back from %d to %d; it only increases (Figure 2)", s.id, was.Commit, now.Commit)
	}
	for _, m := range after.out {
		s.checkSent(m, was.Term, now.Term)
	}
	if s.replicates {
		s.checkLog(was, after.out)
	}
	return after.out
}

// checkLog checks the log, and the appends that were made from it, after the
// status was was.
func (s *solo) checkLog(was raft.Status, out []*pb.Message) {
	s.t.Helper()
	before := s.log
	s.log = s.Entries()
	now := s.seen
	for i, e := range s.log {
		if e.Index != s.log[0].Index+uint64(i) || e.Term > now.Term || i > 0 && e.Term < s.log[i-1].Term {
			s.t.Fatalf("in a log of term %d, indexes follow one another and terms never decrease, but node %d has %s",
				now.Term, s.id, describeEntries(s.log))
		}
	}
	if last := s.lastIndex(); now.Commit > last {
		s.t.Fatalf("the commit index of node %d is %d, but its log ends at %d", s.id, now.Commit, last)
	}
	if at := firstDifference(before, s.log, was.Commit); at != 0 || s.lastIndex() < was.Commit {
		s.t.Fatalf("the log of node %d was committed up to %d; this never changes, but it was %s and is %s (Figure 3)",
			s.id, was.Commit, describeEntries(before), describeEntries(s.log))
	}
	if now.RaftState != raft.StateLeader {
		return
	}
	if was.RaftState == raft.StateLeader && was.Term == now.Term {
		if at := firstDifference(before, s.log, lastIndex(before)); at != 0 || s.lastIndex() < lastIndex(before) {
			s.t.Fatalf("a leader only appends to its log (Figure 3), but leader %d had %s and has %s",
				s.id, describeEntries(before), describeEntries(s.log))
		}
	}
	for _, m := range ofType(out, pb.MessageType_MsgAppend) {
		s.checkAppend(m)
	}
}

// checkAppend checks that m tells of the leader's log as it is.
func (s *solo) checkAppend(m *pb.Message) {
	s.t.Helper()
	if m.Commit > s.seen.Commit {
		s.t.Fatalf("the commit index of leader %d is %d, but it sent %s", s.id, s.seen.Commit, describe(m))
	}
	if term, known := s.termAt(m.Index); known && term != m.LogTerm {
		s.t.Fatalf("in the log of leader %d, the term of entry %d is %d, but it sent %s (§5.3)", s.id, m.Index, term, describe(m))
	}
	for i, e := range m.Entries {
		want := m.Index + 1 + uint64(i)
		if e.Index != want {
			s.t.Fatalf("leader %d was to send the entry %d next, but it sent %s", s.id, want, describe(m))
		}
	}
	if at := firstDifference(m.Entries, s.log, lastIndex(m.Entries)); at != 0 || lastIndex(m.Entries) > s.lastIndex() {
		s.t.Fatalf("leader %d sent %s, but its log is %s", s.id, describe(m), describeEntries(s.log))
	}
}

// termAt returns the term of the entry at index, as far as the log tells.
func (s *solo) termAt(index uint64) (term uint64, known bool) {
	switch {
	case index == 0:
		return 0, true
	case len(s.log) == 0 || index < s.log[0].Index || index > lastIndex(s.log):
		return 0, false
	}
	return s.log[index-s.log[0].Index].Term, true
}

// lastIndex returns the end of the log, which may be in a snapshot.
func (s *solo) lastIndex() uint64 {
	if s.host != nil {
		return s.host.disk.last()
	}
	return lastIndex(s.Entries())
}

// checkSent checks the envelope of a message that the node sent while its term
// went from was to now.
func (s *solo) checkSent(m *pb.Message, was, now uint64) {
	s.t.Helper()
	switch {
	case m.To == raft.None || m.To == s.id:
		s.t.Fatalf("node %d sent a message that is not for another node: %s", s.id, describe(m))
	case m.MsgType == pb.MessageType_MsgPropose, m.MsgType == pb.MessageType_MsgTransferLeader:
		// Passed on for another node.
	case m.From != s.id:
		s.t.Fatalf("node %d sent a message in the name of another: %s", s.id, describe(m))
	case m.MsgType == pb.MessageType_MsgTimeoutNow && m.Term == 0:
		// Whichever term it is of, a campaign is safe.
	case m.Term < was || m.Term > now:
		s.t.Fatalf("node %d is in term %d, but sent %s; a message carries the term of its sender (§5.1)", s.id, now, describe(m))
	}
}

func (s *solo) note(after step) {
	const keep = 12
	if n := len(s.steps); n > 0 && after.in == nil && after.ticks > 0 {
		if last := &s.steps[n-1]; last.ticks > 0 && len(last.out) == 0 {
			last.ticks += after.ticks
			last.out = after.out
			return
		}
	}
	if len(s.steps) == keep {
		s.steps = append(s.steps[:0], s.steps[1:]...)
	}
	s.steps = append(s.steps, after)
}

// explain puts the last steps of the node into the report of the test.
func (s *solo) explain() {
	var lines []string
	for _, step := range s.steps {
		lines = append(lines, step.String())
	}
	graded.Explain(s.t, fmt.Sprintf("node %d", s.id), strings.Join(lines, "\n"))
}

// is fails unless the node has that role in that term. why completes "node 1
// should be leader of term 3 ...".
func (s *solo) is(role raft.StateType, term uint64, why string, args ...any) {
	s.t.Helper()
	now := s.Status()
	if now.RaftState != role || now.Term != term {
		s.t.Fatalf("node %d should be %v of term %d %s, but is %v of term %d",
			s.id, role, term, fmt.Sprintf(why, args...), now.RaftState, now.Term)
	}
}

// follows fails unless the node is a follower of that leader in that term.
func (s *solo) follows(leader, term uint64, why string, args ...any) {
	s.t.Helper()
	s.is(raft.StateFollower, term, why, args...)
	if lead := s.Status().Lead; lead != leader {
		s.t.Fatalf("node %d should take node %d for the leader of term %d %s, but takes %d (0 is none)",
			s.id, leader, term, fmt.Sprintf(why, args...), lead)
	}
}

// campaign makes the node a candidate at once, and returns its requests.
func (s *solo) campaign() []*pb.Message {
	s.t.Helper()
	term := s.Status().Term
	out := s.step(hup())
	if s.Status().RaftState == raft.StateFollower {
		s.is(raft.StateCandidate, term+1, "after it was told to campaign")
	}
	return out
}

// elect makes the node the leader of the next term, by the votes of all others,
// and returns what it sends as the new leader.
func (s *solo) elect() []*pb.Message {
	s.t.Helper()
	out := s.campaign()
	term := s.Status().Term
	for _, m := range ofType(out, pb.MessageType_MsgRequestVote) {
		more := s.step(grant(m.To, term))
		if s.Status().RaftState == raft.StateLeader {
			s.is(raft.StateLeader, term, "after it won the election")
			return more
		}
	}
	s.is(raft.StateLeader, term, "after every other node voted for it")
	return out
}

// A peer is a member that a test plays to the node, its leader. Its log is the
// leader's up to have, and ends there.
type peer struct{ id, have uint64 }

// feed plays peers, which answer everything, until they have the whole log, and
// returns what each of them took, in order. out is what the node has sent already.
//
// How soon a leader sends is its own affair, and so is how much at once, and whether
// it asks first where the logs agree. What comes too far ahead is rejected, and
// whenever nothing comes, the peers answer a heartbeat.
func (s *solo) feed(out []*pb.Message, peers ...peer) map[uint64][]*pb.Entry {
	s.t.Helper()
	const silence = 30 // heartbeats without an append
	took := map[uint64][]*pb.Entry{}
	term := s.Status().Term
	for rounds, idle, extra := 0, 0, 0; ; {
		var answers []*pb.Message
		complete := true
		for i := range peers {
			p := &peers[i]
			for _, m := range sentTo(out, p.id) {
				switch m.MsgType {
				case pb.MessageType_MsgSnapshot:
					s.t.Fatalf("node %d has the log up to %d, and leader %d all that follows, so no snapshot is needed; but it sent %s", p.id, p.have, s.id, describe(m))
				case pb.MessageType_MsgAppend:
					answers = append(answers, p.take(m, term, took))
				}
			}
			complete = complete && p.have >= s.lastIndex()
		}
		switch {
		case complete && len(answers) == 0:
			return took
		case complete:
			if extra++; extra > 20 {
				s.t.Fatalf("every append was acknowledged, and nothing new was proposed, but leader %d goes on sending: %s", s.id, describeMessages(out))
			}
		case len(answers) == 0:
			if idle++; idle > silence {
				s.t.Fatalf("the peers have the log up to %v and said so, so leader %d should send them the rest, up to %d; but it sent no append, although they answered %d heartbeats",
					peers, s.id, s.lastIndex(), silence)
			}
			out = s.tick(heartbeatTick)
			for _, p := range peers {
				out = append(out, s.step(heartbeatAnswer(p.id, term))...)
			}
			continue
		}
		if rounds++; rounds > 400 {
			s.t.Fatalf("the peers have the log up to %v, and leader %d does not bring them what follows, however often they say so; now it sent %s",
				peers, s.id, describeMessages(out))
		}
		out = nil
		for _, m := range answers {
			out = append(out, s.step(m)...)
		}
	}
}

// take takes what follows its log from an append, and returns the answer.
func (p *peer) take(m *pb.Message, term uint64, took map[uint64][]*pb.Entry) *pb.Message {
	if m.Index > p.have {
		return rejectAppend(p.id, term, m.Index, p.have, 0)
	}
	for _, e := range m.Entries {
		if e.Index == p.have+1 {
			took[p.id] = append(took[p.id], e)
			p.have++
		}
	}
	return matchUpTo(p.id, term, m.Index+uint64(len(m.Entries)))
}

// nextAppends returns the appends to node id among out or, as a leader may wait
// with one, among what it sends with the next heartbeats that the node answers.
func (s *solo) nextAppends(out []*pb.Message, id uint64) []*pb.Message {
	s.t.Helper()
	for range 2 {
		if ms := appends(out, id); len(ms) > 0 {
			return ms
		}
		out = append(s.tick(heartbeatTick), s.step(heartbeatAnswer(id, s.Status().Term))...)
	}
	return appends(out, id)
}

// beats lets n heartbeats pass, which every other member of the group answers, and
// returns what the node sends meanwhile: a leader that no member hears may step
// down (thesis §6.2).
func (s *solo) beats(n int) []*pb.Message {
	s.t.Helper()
	var out []*pb.Message
	for range n {
		sent := s.tick(heartbeatTick)
		out = append(out, sent...)
		for _, m := range ofType(sent, pb.MessageType_MsgHeartbeat) {
			out = append(out, s.step(heartbeatAnswer(m.To, m.Term))...)
		}
	}
	return out
}

// ofType returns the messages of the given types.
func ofType(ms []*pb.Message, types ...pb.MessageType) []*pb.Message {
	var out []*pb.Message
	for _, m := range ms {
		if slices.Contains(types, m.MsgType) {
			out = append(out, m)
		}
	}
	return out
}

// sentTo returns the messages to one node.
func sentTo(ms []*pb.Message, id uint64) []*pb.Message {
	var out []*pb.Message
	for _, m := range ms {
		if m.To == id {
			out = append(out, m)
		}
	}
	return out
}

// receivers returns to whom the messages go, in their order.
func receivers(ms []*pb.Message) []uint64 {
	var ids []uint64
	for _, m := range ms {
		ids = append(ids, m.To)
	}
	return ids
}

// upTo returns the ids 1 to n.
func upTo(n int) []uint64 {
	ids := make([]uint64, n)
	for i := range ids {
		ids[i] = uint64(i) + 1
	}
	return ids
}

// without returns ids except one.
func without(ids []uint64, id uint64) []uint64 {
	return slices.DeleteFunc(slices.Clone(ids), func(other uint64) bool { return other == id })
}
