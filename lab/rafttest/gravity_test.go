package rafttest

import (
	"testing"

	"github.com/stretchr/testify/require"

	pb "github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/raft"
)

// misled follows no leader and names one all the same.
func misled(st *raft.Status) {
	if st.RaftState == raft.StateFollower && st.Lead == raft.None && st.Term > 0 {
		st.Lead = 1 + st.Term%3
	}
}

// A run goes on after a matter of the contract, which is its result if it finds
// nothing else.
func TestRunGoesOnAfterLesserViolation(t *testing.T) {
	impl := wrapped{wrap: func(n RawNode, _ *raft.Config) RawNode { return &saying{n, misled} }}
	plan := scheduled(t, "RandomSchedulesOfThree2AC").schedules(1)[0]
	out := perform(impl, plan)
	require.Equal(t, knowsTheLeader, out.violation.rule)
	require.Nil(t, out.before)
	require.GreaterOrEqual(t, out.story.turns[len(out.story.turns)-1].at, plan.setting.span, "the run has gone on")

	stopped := performUntil(impl, plan, knowsTheLeader)
	require.Equal(t, out.violation.at, stopped.violation.at, "the first violation is reported")
	require.Less(t, stopped.events, out.events)
}

// Two votes in a term are reported, although each run has something lesser before.
func TestGravestIsReported(t *testing.T) {
	twice := alterReady(func(n RawNode, rd *raft.Ready) {
		for i, m := range rd.Messages {
			if m.MsgType == pb.MessageType_MsgRequestVoteResponse && m.Reject {
				rd.Messages[i] = copyMessage(m)
				rd.Messages[i].Reject = false
			}
		}
	})
	impl := wrapped{wrap: func(n RawNode, c *raft.Config) RawNode { return &saying{twice(n, c), misled} }}
	test := scheduled(t, "RandomSchedulesOfThree2AC")
	lesser, graver := 0, 0
	for seed := uint64(1); seed <= 20; seed++ {
		plan := test.schedules(seed)[0]
		out := perform(impl, plan)
		require.NotNil(t, out.violation)
		if out.violation.rule == knowsTheLeader {
			lesser++
			continue
		}
		graver++
		require.GreaterOrEqual(t, out.violation.rule.gravity(), ofDurability)
		if out.before != nil {
			require.Contains(t, sectionsOf(explain(impl, plan, out))["before"], "names")
		}
	}
	require.NotZero(t, graver)
	if lesser > 0 {
		require.Contains(t, test.graver(impl, 0, ofContract), "breaks more")
	}
	require.Empty(t, test.graver(impl, 0, ofSafety), "nothing is graver")
}
