package raft

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	pb "github.com/labkv/labkv/proto/eraftpb"
)

// A healthyNode is node 1 of the members 1 to 4, for tests that break it.
func healthyNode(t *testing.T) *RawNode {
	t.Helper()
	rn, err := NewRawNode(&Config{
		ID: 1, ElectionTick: 10, HeartbeatTick: 2, Storage: NewMemoryStorage(1, 2, 3, 4),
		RandIntN: func(int) int { return 0 }, MaxInflightMsgs: 4,
	})
	require.NoError(t, err)
	return rn
}

func healthyCandidate(t *testing.T) *RawNode {
	t.Helper()
	rn := healthyNode(t)
	require.NoError(t, rn.Campaign())
	return rn
}

// healthyLeader leads a log with the entries 1 to 4, committed up to 2. It
// sends to member 2 optimistically and probes the others; a read waits.
func healthyLeader(t *testing.T) *RawNode {
	t.Helper()
	rn := healthyCandidate(t)
	step := func(kind pb.MessageType, from, index uint64) {
		require.NoError(t, rn.Step(&pb.Message{MsgType: kind, From: from, To: 1, Term: 1, Index: index}))
	}
	step(pb.MessageType_MsgRequestVoteResponse, 2, 0)
	step(pb.MessageType_MsgRequestVoteResponse, 3, 0)
	_, _, err := rn.Propose([]byte("a"))
	require.NoError(t, err)
	rn.Ready()
	step(pb.MessageType_MsgAppendResponse, 2, 2)
	step(pb.MessageType_MsgAppendResponse, 3, 2)
	_, _, err = rn.Propose([]byte("b"), []byte("c"))
	require.NoError(t, err)
	rn.ReadIndex([]byte("x"))
	rn.Ready()
	require.Equal(t, StateLeader, rn.raft.state)
	require.Equal(t, uint64(2), rn.raft.log.committed)
	require.Equal(t, 1, rn.raft.members[1].inflight.len())
	return rn
}

// TestEachInvariantCanFail breaks a node in each way that an invariant forbids.
func TestEachInvariantCanFail(t *testing.T) {
	broken := map[string]bool{}
	follower, candidate, leader := healthyNode, healthyCandidate, healthyLeader
	for _, c := range []struct {
		breaks string // the invariant
		node   func(*testing.T) *RawNode
		how    func(rn *RawNode, r *Raft)
	}{
		{"applied <= committed <= last", leader, func(_ *RawNode, r *Raft) { r.log.applied = 3 }},
		{"applied <= committed <= last", leader, func(_ *RawNode, r *Raft) { r.log.committed = 5 }},
		{"terms never decrease", leader, func(_ *RawNode, r *Raft) { r.log.entries[1].Term = 2 }},
		{"terms never decrease", leader, func(_ *RawNode, r *Raft) { r.log.entries[3].Term = 2 }},
		{"have voted for themselves", candidate, func(_ *RawNode, r *Raft) { r.vote = 2 }},
		{"have voted for themselves", leader, func(_ *RawNode, r *Raft) { r.vote = None }},
		{"ascending order", follower, func(_ *RawNode, r *Raft) { r.members[1], r.members[2] = r.members[2], r.members[1] }},
		{"ascending order", follower, func(_ *RawNode, r *Raft) { r.members[1] = r.members[0] }},
		{"ascending order", follower, func(_ *RawNode, r *Raft) { r.members[0] = &Progress{ID: None} }},
		{"a candidate is a member", candidate, func(_ *RawNode, r *Raft) { r.members = r.members[1:] }},
		{"names itself", leader, func(_ *RawNode, r *Raft) { r.lead = 2 }},
		{"Match < Next", leader, func(_ *RawNode, r *Raft) { r.members[2].Next = 2 }},
		{"Match < Next", leader, func(_ *RawNode, r *Raft) { r.members[2].Next = 6 }},

		{"entries hold", leader, func(_ *RawNode, r *Raft) { r.log.stable = 5 }},
		{"entries hold", leader, func(_ *RawNode, r *Raft) { r.log.offset = 2 }},
		{"entries hold", leader, func(_ *RawNode, r *Raft) { r.log.entries[0] = r.log.entries[1] }},
		{"entries hold", leader, func(_ *RawNode, r *Raft) { r.log.bytes = 0 }},
		{"entries hold", follower, func(_ *RawNode, r *Raft) { r.log.offset, r.log.committed = 3, 2 }},
		{"a snapshot", follower, func(_ *RawNode, r *Raft) {
			r.log.restore(&pb.Snapshot{Metadata: &pb.SnapshotMetadata{Index: 5}})
			r.log.applied = 5
		}},
		{"a snapshot", follower, func(_ *RawNode, r *Raft) {
			r.log.restore(&pb.Snapshot{Metadata: &pb.SnapshotMetadata{Index: 5}})
			r.log.snapshot.Metadata.Index = 4
		}},
		{"that was handed out", follower, func(rn *RawNode, _ *Raft) { rn.hard.term = 1 }},
		{"that was handed out", follower, func(rn *RawNode, _ *Raft) { rn.hard.commit = 1 }},

		{"each clock", follower, func(_ *RawNode, r *Raft) { r.electionElapsed = 10 }},
		{"each clock", leader, func(_ *RawNode, r *Raft) { r.randomizedElectionTimeout, r.electionElapsed = 15, 12 }},
		{"each clock", leader, func(_ *RawNode, r *Raft) { r.heartbeatElapsed = 2 }},
		{"each clock", follower, func(_ *RawNode, r *Raft) { r.randomizedElectionTimeout = 20 }},
		{"each clock", follower, func(_ *RawNode, r *Raft) { r.randomizedElectionTimeout = 9 }},
		{"counts votes", follower, func(_ *RawNode, r *Raft) { r.votes = map[uint64]bool{} }},
		{"counts votes", candidate, func(_ *RawNode, r *Raft) { r.votes = nil }},
		{"counts votes", candidate, func(_ *RawNode, r *Raft) { delete(r.votes, 1) }},
		{"counts votes", candidate, func(_ *RawNode, r *Raft) { r.votes[2], r.votes[3] = true, true }},
		{"counts votes", candidate, func(_ *RawNode, r *Raft) { r.votes[2], r.votes[3], r.votes[4] = false, false, false }},
		{"knows no leader", candidate, func(_ *RawNode, r *Raft) { r.lead = 2 }},

		{"at termStart", leader, func(_ *RawNode, r *Raft) { r.termStart = 2 }},
		{"at termStart", leader, func(_ *RawNode, r *Raft) { r.termStart = 5 }},
		{"its own log", leader, func(_ *RawNode, r *Raft) { r.members[0].Match = 3 }},
		{"on a majority and not committed", leader, func(_ *RawNode, r *Raft) {
			r.members[1].Match, r.members[1].inflight = 4, inflight{}
			r.members[2].Match, r.members[2].Next, r.members[2].inflight = 4, 5, inflight{}
		}},
		{"a read that waits", leader, func(_ *RawNode, r *Raft) { r.members[1].confirmed, r.members[2].confirmed = 1, 1 }},
		{"a read that waits", leader, func(_ *RawNode, r *Raft) { r.reads.last = 2 }},
		{"a read that waits", leader, func(_ *RawNode, r *Raft) { r.reads.asked = append(r.reads.asked, r.reads.asked[0]) }},
		{"a read that waits", follower, func(_ *RawNode, r *Raft) { r.reads.last, r.reads.asked = 1, []read{{number: 1}} }},

		{"paused, inflight", leader, func(_ *RawNode, r *Raft) { r.members[1].paused = true }},
		{"paused, inflight", leader, func(_ *RawNode, r *Raft) { r.members[1].State = StateProbe }},
		{"paused, inflight", leader, func(_ *RawNode, r *Raft) { r.members[1].snapshot = 1 }},
		{"messages in flight", leader, func(_ *RawNode, r *Raft) { r.maxInflight = 0 }},
		{"messages in flight", leader, func(_ *RawNode, r *Raft) { r.members[1].inflight.last = []uint64{4, 3} }},
		{"messages in flight", leader, func(_ *RawNode, r *Raft) { r.members[1].inflight.last = []uint64{2} }},
		{"messages in flight", leader, func(_ *RawNode, r *Raft) { r.members[1].inflight.last = []uint64{5} }},
		{"what a member was told", leader, func(_ *RawNode, r *Raft) { r.members[1].commit = 3 }},
		{"what a member was told", leader, func(_ *RawNode, r *Raft) { r.members[1].confirmed = 2 }},
		{"what a member was told", leader, func(_ *RawNode, r *Raft) {
			r.members[3].State, r.members[3].paused, r.members[3].snapshot = StateSnapshot, false, 4
		}},

		{"hands over", leader, func(_ *RawNode, r *Raft) { r.leadTransferee = 1 }},
		{"hands over", leader, func(_ *RawNode, r *Raft) { r.leadTransferee = 5 }},
		{"hands over", follower, func(_ *RawNode, r *Raft) { r.leadTransferee = 2 }},
		{"change pending", leader, func(_ *RawNode, r *Raft) { r.pendingConfIndex = 5 }},
		{"change pending", follower, func(_ *RawNode, r *Raft) { r.pendingConfIndex = 1 }},
		{"floor", leader, func(_ *RawNode, r *Raft) { r.members[3].floor = 1 }},
		{"floor", leader, func(_ *RawNode, r *Raft) { r.members[2].floor, r.removed = 3, map[uint64]uint64{3: 3} }},
		{"floor", leader, func(_ *RawNode, r *Raft) { r.members[3].floor, r.removed = 4, map[uint64]uint64{4: 4} }},
	} {
		rn := c.node(t)
		require.NoError(t, rn.CheckInvariants())
		c.how(rn, rn.raft)
		err := rn.CheckInvariants()
		require.ErrorContains(t, err, c.breaks)
		for i := range invariants {
			if strings.Contains(err.Error(), fmt.Sprintf("%q", invariants[i].says)) {
				broken[invariants[i].says] = true
			}
		}
	}
	for i := range invariants {
		require.True(t, broken[invariants[i].says], "nothing breaks the invariant %q", invariants[i].says)
	}
}

// TestInvariantsCostNothing checks that a node may be checked after every call.
func TestInvariantsCostNothing(t *testing.T) {
	for _, rn := range []*RawNode{healthyNode(t), healthyCandidate(t), healthyLeader(t)} {
		require.Zero(t, testing.AllocsPerRun(10, func() {
			if err := rn.CheckInvariants(); err != nil {
				panic(err)
			}
		}))
	}
}
