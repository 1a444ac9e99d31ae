package rafttest

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/lab/graded"
	pb "github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/raft"
)

// logPairTests look at every pair of small logs that two servers can have.
var logPairTests = []Test{
	{
		Name:  "EveryPairOfLogsAgrees2AB",
		Claim: graded.Claim{Text: "whatever the logs of a leader and a follower are, the leader finds in a bounded number of steps where they agree, and the follower ends up with the leader's log", Source: "Raft §5.3"},
		Run:   everyPairOfLogsAgrees,
	},
	{
		Name:  "NothingUncheckedIsCommitted2AB",
		Claim: graded.Claim{Text: "whatever an append says is committed, a follower commits no entry that the leader does not have there: only up to the last entry of the append do the logs agree for certain", Source: "Raft §5.3, Figure 2, Figure 3 (State Machine Safety)"},
		Run:   nothingUncheckedIsCommitted,
	},
}

// A logPair is the logs of two servers of one group, as their terms. They agree
// in the first common entries, and nowhere after that.
type logPair struct {
	leader, follower []uint64
	common           int
}

func (p logPair) String() string {
	return fmt.Sprintf("leader %v, follower %v", p.leader, p.follower)
}

// logPairs returns all pairs of logs up to that term and length which two servers
// can have. A term has one leader, which appends its first entry at one index,
// after one log: so logs that have entries of the same term have the same
// entries before them, and logs that have parted have no term in common after
// that (Log Matching, Figure 3).
func logPairs(maxTerm uint64, maxLen int) []logPair {
	logs := [][]uint64{nil}
	for i := 0; i < len(logs); i++ {
		log := logs[i]
		if len(log) == maxLen {
			continue
		}
		term := uint64(1)
		if len(log) > 0 {
			term = log[len(log)-1]
		}
		for ; term <= maxTerm; term++ {
			logs = append(logs, append(slices.Clone(log), term))
		}
	}
	var pairs []logPair
	for _, a := range logs {
		for _, b := range logs {
			n := 0
			for n < min(len(a), len(b)) && a[n] == b[n] {
				n++
			}
			shared := slices.ContainsFunc(a[n:], func(term uint64) bool { return slices.Contains(b[n:], term) })
			if !shared {
				pairs = append(pairs, logPair{a, b, n})
			}
		}
	}
	return pairs
}

// A repair is what a leader and one follower say to each other, without loss.
// It watches nothing by itself: there are thousands of them.
type repair struct {
	t     *graded.T
	pair  logPair
	nodes [2]Node // the leader is node 1, the follower node 2
	said  []*pb.Message
}

func (x *repair) fail(format string, args ...any) {
	x.t.Helper()
	const most = 12
	var lines []string
	if n := len(x.said); n > most {
		lines = append(lines, fmt.Sprintf("(%d messages)", n-most))
		x.said = x.said[n-most:]
	}
	for _, m := range x.said {
		lines = append(lines, describe(m))
	}
	graded.Explain(x.t, "messages", strings.Join(lines, "\n"))
	x.t.Fatalf("the leader's log had the terms %v, the follower's %v; %s", x.pair.leader, x.pair.follower, fmt.Sprintf(format, args...))
}

// deliver delivers messages between the two until they have nothing more to say,
// or have sent more than most. It returns how many they sent. Messages to node 3
// are lost.
func (x *repair) deliver(most int) (sent int) {
	for quiet := false; !quiet; {
		quiet = true
		for _, n := range x.nodes {
			for _, m := range n.Messages() {
				if m.To > 2 {
					continue
				}
				if sent++; sent > most {
					return sent
				}
				quiet = false
				x.said = append(x.said, m)
				// The network copies a message: nodes never share memory.
				_ = x.nodes[m.To-1].Step(proto.Clone(m).(*pb.Message))
			}
		}
	}
	return sent
}

// agree reports whether the follower has the leader's log of n entries, and both
// know all of it to be committed.
func (x *repair) agree(n uint64) bool {
	for _, node := range x.nodes {
		if node.Status().Commit != n {
			return false
		}
	}
	return sameEntries(x.nodes[0].Entries(), x.nodes[1].Entries())
}

// startWith starts node id of {1, 2, 3}, whose log has those terms, in that term.
func startWith(t *graded.T, impl Implementation, id, term, commit uint64, terms []uint64) Node {
	t.Helper()
	disk := NewDisk(upTo(3), terms...)
	disk.SetHardState(term, 0, commit)
	n, err := impl.NewNode(configOf(id, disk))
	if err != nil {
		t.Fatalf("node %d does not start: %v", id, err)
	}
	return n
}

func everyPairOfLogsAgrees(t *graded.T, impl Implementation) {
	// Short logs of any kind, and longer ones that begin with the same entry.
	pairs := logPairs(3, 3)
	for _, p := range logPairs(4, 5) {
		if p.common > 0 && p.leader[0] == 1 {
			pairs = append(pairs, p)
		}
	}
	for _, p := range pairs {
		exchangeLogs(t, impl, p)
	}
}

// exchangeLogs makes node 1 the leader and has it repair the log of node 2.
func exchangeLogs(t *graded.T, impl Implementation, pair logPair) {
	const term = 5 // the logs are of the terms before
	x := &repair{t: t, pair: pair}
	x.nodes[0] = startWith(t, impl, 1, term-1, 0, pair.leader)
	x.nodes[1] = startWith(t, impl, 2, term-1, 0, pair.follower)
	leader := x.nodes[0]
	_ = leader.Step(hup())
	leader.Messages()
	vote := grant(3, term) // node 3 has no log, and votes for any candidate
	vote.To = 1
	_ = leader.Step(vote)
	if st := leader.Status(); st.RaftState != raft.StateLeader || st.Term != term {
		x.fail("node 1 has the votes of nodes 1 and 3 and should lead term %d, but is %v of term %d", term, st.RaftState, st.Term)
	}

	// With its no-op, the leader has n entries. If it goes back by one entry at
	// a time it asks at most n times, the last time for what comes before the
	// first entry. Then it sends at most n entries, one by one, and after each
	// of them tells what is committed. Each message has an answer, and there is
	// a reason to send it twice: an answer, and a heartbeat. On the other hand,
	// a leader may wait with each of them for a heartbeat.
	n := len(pair.leader) + 1
	steps := 3*n + 1
	most := 4 * steps
	for range steps {
		if x.deliver(most) > most {
			x.fail("nothing was lost, and finding out where they agree takes at most %d messages with no tick between them, but they send each other more, without end", most)
		}
		if x.agree(uint64(n)) {
			return
		}
		for range heartbeatTick {
			leader.Tick()
		}
	}
	x.deliver(most)
	if !x.agree(uint64(n)) {
		x.fail("after %d heartbeats, and nothing was lost, both should have the leader's log, %s, and know all of it to be committed, but the follower has %s, and the commit index is %d on the leader and %d on the follower",
			steps, describeEntries(leader.Entries()), describeEntries(x.nodes[1].Entries()), leader.Status().Commit, x.nodes[1].Status().Commit)
	}
}

func nothingUncheckedIsCommitted(t *graded.T, impl Implementation) {
	for _, pair := range logPairs(3, 3) {
		if pair.common == len(pair.follower) {
			continue // everything in it is the leader's
		}
		log := entriesFrom(1, pair.leader...)
		last := uint64(len(log))
		for committed := range uint64(pair.common) + 1 {
			// Every append that the leader can make of its log.
			for index := range last + 1 {
				prevTerm := uint64(0)
				if index > 0 {
					prevTerm = log[index-1].Term
				}
				for end := index; end <= last; end++ {
					for commit := committed; commit <= last; commit++ {
						m := appendAfter(2, 4, index, prevTerm, commit, log[index:end]...)
						checkCommits(t, impl, pair, committed, m)
					}
				}
			}
		}
	}
}

// checkCommits hands m, which is made of the leader's log, to a follower that has
// committed as far as that, and checks what the follower then holds to be
// committed, and what it acknowledges.
func checkCommits(t *graded.T, impl Implementation, pair logPair, committed uint64, m *pb.Message) {
	t.Helper()
	fail := func(n Node, format string, args ...any) {
		t.Helper()
		t.Fatalf("node 1 had a log of the terms %v, committed up to %d, and the leader has the terms %v; after %s, node 1 has %s, and has committed up to %d: %s",
			pair.follower, committed, pair.leader, describe(m), describeEntries(n.Entries()), n.Status().Commit, fmt.Sprintf(format, args...))
	}
	n := startWith(t, impl, 1, 4, committed, pair.follower)
	m.To = 1
	_ = n.Step(proto.Clone(m).(*pb.Message))
	have := n.Entries()
	agrees := func(index uint64) bool {
		return index <= uint64(min(len(pair.leader), len(have))) && slices.Equal(termsOf(have[:index]), pair.leader[:index])
	}
	commit := n.Status().Commit
	switch checked := m.Index + uint64(len(m.Entries)); {
	case commit < committed:
		fail(n, "the commit index never goes back")
	case !agrees(commit):
		fail(n, "it takes entries for committed that the leader does not have")
	case commit > max(committed, min(m.Commit, checked)):
		fail(n, "the append says that %d is committed, and nothing of what comes after %d", m.Commit, checked)
	}
	for _, answer := range ofType(n.Messages(), pb.MessageType_MsgAppendResponse) {
		if !answer.Reject && !agrees(answer.Index) {
			fail(n, "it acknowledges entries that the leader does not have: %s", describe(answer))
		}
	}
}
