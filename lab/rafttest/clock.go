package rafttest

import (
	"github.com/labkv/labkv/lab/graded"
	pb "github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/raft"
)

// clockTests look at what does not stop a server's election clock.
var clockTests = []Test{
	{
		Name:  "AnswersDoNotResetClock2AA",
		Claim: graded.Claim{Text: "answers put off no election: only the present leader, and a vote that is granted, restart a follower's clock, and nothing but the end of its election that of a candidate", Source: "Raft §5.2, Figure 2 (Rules for Servers)"},
		Run:   answersDoNotResetClock,
	},
}

func answersDoNotResetClock(t *graded.T, impl Implementation) {
	for _, as := range []role{
		{"follower of a leader that is gone", raft.StateFollower, func(n *solo) { n.step(heartbeat(2, 5, 0)) }},
		{"candidate", raft.StateCandidate, func(n *solo) { n.campaign() }},
	} {
		for _, c := range []struct {
			name string
			m    *pb.Message
		}{
			{"a granted vote", grant(4, 5)},
			{"a refused vote", refuse(4, 5)},
			{"an answer to a heartbeat", heartbeatAnswer(4, 5)},
			{"a granted vote of an earlier term", grant(4, 4)},
			{"a refused vote of an earlier term", refuse(4, 4)},
		} {
			runCase(t, as.name+": "+c.name, func(t *graded.T) {
				disk := NewDisk(upTo(5), 1)
				disk.SetHardState(4, 0, 0)
				if as.state == raft.StateFollower {
					disk.SetHardState(5, 0, 0)
				}
				n := startNode(t, impl, 1, disk)
				as.enter(n)
				for range 2*electionTick - 1 {
					if n.tick(1); n.Status().Term == 6 {
						return
					}
					n.step(c.m)
				}
				t.Fatalf("node 1, %s in term 5, got %s of node 4 after each tick, which is neither its leader nor a majority; it should have campaigned in term 6 within %d ticks, but is (%v)",
					as.name, c.name, 2*electionTick-1, n.Status())
			})
		}
	}
}
