package raftstore_test

import (
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/engine/memory"
	"github.com/labkv/labkv/kv/raftstore"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

// A follower is a store with a peer of a region that has two more, on stores 2 and
// 3. Those are the test: it writes their messages by hand and reads the answers.
type follower struct {
	*raftstore.Store
	t         *graded.T
	log, data *memory.Disk
	region    *metapb.Region
	sent      []*eraftpb.Message
}

func newFollower(t *graded.T) *follower {
	f := &follower{t: t, log: memory.NewDisk(), data: memory.NewDisk(), region: &metapb.Region{
		Id: 1, RegionEpoch: &metapb.RegionEpoch{ConfVer: 1, Version: 1},
	}}
	for id := uint64(1); id <= 3; id++ {
		f.region.Peers = append(f.region.Peers, &metapb.Peer{Id: id, StoreId: id})
	}
	f.start(true)
	return f
}

func (f *follower) start(first bool) {
	log, err := f.log.Open(raftstore.RaftFamilies...)
	require.NoError(f.t, err)
	data, err := f.data.Open(raftstore.KVFamilies...)
	require.NoError(f.t, err)
	cfg := raftstore.Config{
		ClusterID: 1, StoreID: 1, RaftEngine: log, KVEngine: data, Files: noFiles{}, Transport: f, Executor: f,
		RandIntN:      func(uint64, int) int { return 0 },
		ElectionTicks: 10, HeartbeatTicks: 2, MaxLogEntries: 1 << 40,
		Logger: slog.New(slog.DiscardHandler),
	}
	if first {
		require.NoError(f.t, raftstore.Bootstrap(&cfg, f.region), "Bootstrap")
	}
	f.Store, err = raftstore.Open(cfg)
	require.NoError(f.t, err, "the store does not start")
}

// powerCut crashes the store, which loses all that was not synced, and starts it
// again.
func (f *follower) powerCut() {
	f.log.Crash(0)
	f.data.Crash(0)
	f.Store.Close()
	f.start(false)
}

// Send implements raftstore.Transport.
func (f *follower) Send(m *raftserverpb.RaftMessage) { f.sent = append(f.sent, m.Message) }

// Go implements raftstore.Executor. Nothing here takes long.
func (f *follower) Go(task func()) { task() }

// receive delivers m and returns the answer of type want.
func (f *follower) receive(m *eraftpb.Message, want eraftpb.MessageType) *eraftpb.Message {
	f.sent = nil
	m.To = 1
	f.Step(&raftserverpb.RaftMessage{
		RegionId: 1, RegionEpoch: f.region.RegionEpoch,
		FromPeer: f.region.Peers[m.From-1], ToPeer: f.region.Peers[0], Message: m,
	})
	for f.Pass() {
	}
	for _, answer := range f.sent {
		if answer.MsgType == want && answer.To == m.From {
			return answer
		}
	}
	require.FailNow(f.t, fmt.Sprintf("a %v of term %d was not answered with a %v", m.MsgType, m.Term, want))
	return nil
}

// appendAll has a leader send entries of its term from an index on, and requires
// that they are acknowledged.
func (f *follower) appendAll(from, term, prev, prevTerm, last uint64) {
	m := &eraftpb.Message{MsgType: eraftpb.MessageType_MsgAppend, From: from, Term: term, Index: prev, LogTerm: prevTerm}
	for i := prev + 1; i <= last; i++ {
		m.Entries = append(m.Entries, &eraftpb.Entry{Index: i, Term: term})
	}
	answer := f.receive(m, eraftpb.MessageType_MsgAppendResponse)
	require.False(f.t, answer.Reject, "an append that fits, of entries %d to %d, was rejected", prev+1, last)
}

// vote asks for a vote for a log that ends with an entry of that index and term, and
// returns whether it was granted.
func (f *follower) vote(from, term, index, logTerm uint64) bool {
	answer := f.receive(&eraftpb.Message{
		MsgType: eraftpb.MessageType_MsgRequestVote, From: from, Term: term, Index: index, LogTerm: logTerm,
	}, eraftpb.MessageType_MsgRequestVoteResponse)
	return !answer.Reject
}

// noFiles has no files: these tests make no snapshots.
type noFiles struct{ raftstore.Files }

func (noFiles) List() ([]string, error) { return nil, nil }

// TestReplacedEntriesStayGone2B gives a follower five entries of term 1, and then a
// leader of term 2 replaces the last four by a single one. After a power cut the
// log must end with that one. If it ends with what is left of the old ones, the
// follower votes for whoever lacks the new entry, which may be committed.
func TestReplacedEntriesStayGone2B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "entries that were replaced do not come back after a restart",
		Source: "Raft §5.3, §5.4.1",
	}, func(t *graded.T) {
		f := newFollower(t)
		f.appendAll(2, 1, 0, 0, 5)
		f.appendAll(3, 2, 1, 1, 2)
		f.powerCut()
		require.False(t, f.vote(2, 3, 5, 1), "after the restart it votes for a log that ends with an entry of term 1, but its own has one of term 2")
		require.True(t, f.vote(3, 4, 2, 2), "after the restart it refuses its vote to a log that ends as its own does, with entry 2 of term 2")
		f.appendAll(3, 4, 2, 2, 4)
		f.powerCut()
		require.True(t, f.vote(3, 5, 4, 4), "it refuses its vote to a log that ends as its own does, with entry 4 of term 4")
		f.Close()
	})
}

// TestPromisesSurvivePowerCut2B cuts the power right after each answer of a
// follower, which loses all that it did not sync. A vote that it gave binds it, and
// an entry that it acknowledged is there.
func TestPromisesSurvivePowerCut2B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a vote and an acknowledgement leave only when they are durable",
		Source: "Raft Figure 2 (persistent state), thesis §3.8",
	}, func(t *graded.T) {
		f := newFollower(t)
		require.True(t, f.vote(2, 1, 0, 0), "it refuses its first vote")
		f.powerCut()
		require.False(t, f.vote(3, 1, 0, 0), "after a restart it votes for 3 in term 1, in which it has voted for 2")
		f.appendAll(2, 1, 0, 0, 3)
		f.powerCut()
		require.False(t, f.vote(3, 2, 2, 1), "after a restart it votes for a log with 2 entries, but it has acknowledged 3")
		f.powerCut()
		stale := f.receive(&eraftpb.Message{
			MsgType: eraftpb.MessageType_MsgAppend, From: 2, Term: 1, Index: 3, LogTerm: 1,
		}, eraftpb.MessageType_MsgAppendResponse)
		require.True(t, stale.Reject && stale.Term == 2, "after a restart it obeys a leader of term 1, but it has answered in term 2")
		f.Close()
	})
}
