package rafttest

import (
	"slices"

	"github.com/labkv/labkv/lab/graded"
	pb "github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/raft"
)

// transferTests look at a leader whose transfer is not answered.
var transferTests = []Test{
	{
		Name:  "RepeatedTransferTimesOut3A",
		Claim: graded.Claim{Text: "a transfer is given up an election timeout after it began, however often it is asked for again meanwhile", Source: "thesis §3.10; the contract of ErrLeaderTransfer"},
		Run:   repeatedTransferTimesOut,
	},
	{
		Name:  "LeaderLeadsDuringTransfer3A",
		Claim: graded.Claim{Text: "a leader that is handing over still leads: it sends heartbeats, replicates what is in its log, and commits", Source: "thesis §3.10, Raft §5.2, §5.3"},
		Run:   leaderLeadsDuringTransfer,
	},
}

func repeatedTransferTimesOut(t *graded.T, impl Implementation) {
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
			for range 2 * electionTick {
				n.tick(1)
				if _, err := n.try(propose("p")); err == nil {
					n.is(raft.StateLeader, 1, "as node 2 did not take over")
					return
				}
				n.transfer(2)
			}
			t.Fatalf("leader 1 was asked to hand over to node 2, which does not answer, and was asked again after each tick; an election timeout is %d ticks, but after %d ticks it still takes no proposals",
				electionTick, 2*electionTick)
		})
	}
}

func leaderLeadsDuringTransfer(t *graded.T, impl Implementation) {
	n := hostLeader(t, impl, 3)
	n.takesProposal("as it leads")
	n.takesProposal("as it leads")
	n.transfer(2)
	// Node 3 lacks the entries 2 and 3, and then gets them.
	out := n.step(rejectAppend(3, 1, 2, 1, 1))
	ticks := func(count int) {
		t.Helper()
		for range count {
			out = append(out, n.step(heartbeatAnswer(3, 1))...)
			more := n.tick(heartbeatTick)
			if got := receivers(ofType(more, pb.MessageType_MsgHeartbeat)); !slices.Equal(got, []uint64{2, 3}) {
				t.Fatalf("leader 1 is handing over to node 2, and still leads nodes 2 and 3; each tick it is to send both a heartbeat, but it sent %s", describeMessages(more))
			}
			out = append(out, more...)
		}
	}
	ticks(electionTick / 2)
	n.refusesProposal(raft.ErrLeaderTransfer, "while it is handing over to node 2, and half an election timeout has passed")
	sent := slices.ContainsFunc(appends(out, 3), func(m *pb.Message) bool { return m.Index == 1 && len(m.Entries) > 0 })
	if !sent {
		t.Fatalf("node 3 lacks the entries after 1, said so, and answered heartbeats since, but leader 1 does not send them while it is handing over to node 2; it sent %s", describeMessages(sentTo(out, 3)))
	}
	out = n.step(matchUpTo(3, 1, 3))
	n.hasCommitted(3, "as nodes 1 and 3 of three have entry 3, whether node 1 is handing over or not")
	ticks(electionTick/2 - 1)
	n.refusesProposal(raft.ErrLeaderTransfer, "while it is handing over to node 2, and no election timeout has passed")
	told := slices.ContainsFunc(sentTo(out, 3), func(m *pb.Message) bool { return m.Commit == 3 })
	if !told {
		t.Fatalf("leader 1 has committed entry 3 while it is handing over to node 2, and node 3, which has it, answered heartbeats since, but was not told; it got %s", describeMessages(sentTo(out, 3)))
	}
}
