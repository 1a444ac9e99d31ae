package rafttest

import (
	"fmt"
	"slices"

	"github.com/labkv/labkv/lab/graded"
	pb "github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/raft"
)

// transferTests look at a leader whose transfer is not answered.
var transferTests = []Test{
	{
		Name:  "TransferIsNotProlonged3A",
		Claim: graded.Claim{Text: "a transfer is given up an election timeout after it began, however often it is asked for again, and whatever is heard of its target meanwhile", Source: "thesis §3.10; the contract of ErrLeaderTransfer"},
		Run:   transferIsNotProlonged,
	},
	{
		Name:  "NewTransferHasItsTime3A",
		Claim: graded.Claim{Text: "a transfer that replaces another has an election timeout of its own", Source: "thesis §3.10; the contract of ErrLeaderTransfer"},
		Run:   newTransferHasItsTime,
	},
	{
		Name:  "LeaderLeadsDuringTransfer3A",
		Claim: graded.Claim{Text: "a leader that is handing over still leads: it sends heartbeats, replicates what is in its log, and commits", Source: "thesis §3.10, Raft §5.2, §5.3"},
		Run:   leaderLeadsDuringTransfer,
	},
}

func transferIsNotProlonged(t *graded.T, impl Implementation) {
	for _, c := range []struct {
		name string
		do   func(n *solo)
	}{
		{"it is asked for again", func(n *solo) { n.transfer(2) }},
		{"node 2 answers a heartbeat", func(n *solo) { n.step(heartbeatAnswer(2, 1)) }},
		{"node 2 acknowledges what it has acknowledged", func(n *solo) { n.step(matchUpTo(2, 1, 1)) }},
		{"node 2 rejects an append", func(n *solo) { n.step(rejectAppend(2, 1, 2, 1, 1)) }},
		{"node 3 acknowledges everything", func(n *solo) { n.acknowledge(3) }},
	} {
		for _, lags := range []bool{true, false} {
			runCase(t, fmt.Sprintf("%s, lagging: %v", c.name, lags), func(t *graded.T) {
				n := hostLeader(t, impl, 3)
				if lags {
					n.takesProposal("as it leads")
				}
				n.transfer(2)
				n.refusesProposal(raft.ErrLeaderTransfer, "while it is handing over to node 2")
				for range 2 * electionTick {
					n.tick(1)
					if _, err := n.try(propose("p")); err == nil {
						n.is(raft.StateLeader, 1, "as node 2 did not take over")
						return
					}
					c.do(n)
				}
				t.Fatalf("leader 1 was asked to hand over to node 2, which does not campaign, and after each tick %s; an election timeout is %d ticks, but after %d ticks leader 1 still takes no proposals",
					c.name, electionTick, 2*electionTick)
			})
		}
	}
}

func newTransferHasItsTime(t *graded.T, impl Implementation) {
	n := hostLeader(t, impl, 3)
	n.takesProposal("as it leads")
	n.transfer(2)
	n.tick(electionTick - 2)
	n.refusesProposal(raft.ErrLeaderTransfer, "while it is handing over to node 2, and no election timeout has passed")
	n.transfer(3)
	n.tick(electionTick - 2)
	n.refusesProposal(raft.ErrLeaderTransfer, "while it is handing over to node 3, and no election timeout has passed since it was asked to do that")
	if got := timeoutNow(n.acknowledge(3)); !slices.Equal(got, []uint64{3}) {
		t.Fatalf("leader 1 is handing over to node 3, which has the whole log now, but told %v to campaign", got)
	}
}

func leaderLeadsDuringTransfer(t *graded.T, impl Implementation) {
	n := hostLeader(t, impl, 3)
	n.takesProposal("as it leads")
	n.takesProposal("as it leads")
	n.transfer(2)
	// Node 3 lacks the entries 2 and 3, and then gets them.
	node3, got := peer{3, 1}, map[uint64][]*pb.Entry{}
	var out []*pb.Message
	hear := func(sent []*pb.Message) {
		t.Helper()
		for range 20 {
			out = append(out, sent...)
			var more []*pb.Message
			for _, m := range appends(sent, 3) {
				more = append(more, n.step(node3.take(m, 1, got))...)
			}
			if sent = more; len(sent) == 0 {
				return
			}
		}
		t.Fatalf("node 3 answers everything, but leader 1 goes on sending: %s", describeMessages(sent))
	}
	ticks := func(count int) {
		t.Helper()
		for range count {
			hear(n.step(heartbeatAnswer(3, 1)))
			sent := n.tick(heartbeatTick)
			if got := receivers(ofType(sent, pb.MessageType_MsgHeartbeat)); !slices.Equal(got, []uint64{2, 3}) {
				t.Fatalf("leader 1 is handing over to node 2, and still leads nodes 2 and 3; each tick it is to send both a heartbeat, but it sent %s", describeMessages(sent))
			}
			hear(sent)
		}
	}
	hear(n.step(rejectAppend(3, 1, 2, 1, 1)))
	ticks(electionTick / 2)
	n.refusesProposal(raft.ErrLeaderTransfer, "while it is handing over to node 2, and half an election timeout has passed")
	if node3.have < 3 {
		t.Fatalf("node 3 lacks the entries after 1, said so, and answered everything since, but leader 1 does not bring them while it is handing over to node 2; it sent %s", describeMessages(sentTo(out, 3)))
	}
	n.hasCommitted(3, "as nodes 1 and 3 of three have entry 3, whether node 1 is handing over or not")
	ticks(electionTick/2 - 1)
	n.refusesProposal(raft.ErrLeaderTransfer, "while it is handing over to node 2, and no election timeout has passed")
	told := slices.ContainsFunc(sentTo(out, 3), func(m *pb.Message) bool { return m.Commit == 3 })
	if !told {
		t.Fatalf("leader 1 has committed entry 3 while it is handing over to node 2, and node 3, which has it, answered heartbeats since, but was not told; it got %s", describeMessages(sentTo(out, 3)))
	}
}
