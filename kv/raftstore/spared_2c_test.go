package raftstore_test

import (
	"testing"

	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/eraftpb"
)

// TestFollowerALittleBehindIsSpared2C gives a leader a follower that answers,
// and lacks the last entries all the time, but never more of them than a log may
// keep. No entry that it lacks leaves the log. Then the follower falls silent:
// the log does not wait for it.
func TestFollowerALittleBehindIsSpared2C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "an entry stays in a leader's log while a follower lacks it that is at most MaxLogEntries behind, but no longer than the log is 8 times as long",
		Source: "compactLog, in compact.go",
	}, func(t *graded.T) {
		h := newHistory(t, 1)
		leader := newMember(t, 2, 10)
		leader.follower = 3
		leader.lead(1)
		has := uint64(0)
		round := func(n int, answers bool) {
			h.writes(leader, n)
			s := leader.status()
			if answers && s.Applied > leader.maxLog {
				has = max(has, s.Applied-leader.maxLog+uint64(h.rng.IntN(int(leader.maxLog))))
				leader.receive(&eraftpb.Message{MsgType: eraftpb.MessageType_MsgAppendResponse, From: 1, Term: s.Term, Index: has})
				leader.receive(&eraftpb.Message{MsgType: eraftpb.MessageType_MsgHeartbeatResponse, From: 1, Term: s.Term})
			}
			for range 3 {
				leader.tick()
			}
		}
		for range 60 {
			round(1+h.rng.IntN(8), true)
			if s := leader.status(); s.FirstIndex > has+1 {
				t.Fatalf("with at most %d applied entries kept, and %d applied, a follower that answers has entries up to %d. But the leader's log begins at %d, so the follower needs all the data",
					leader.maxLog, s.Applied, has, s.FirstIndex)
			}
		}
		short := func(what string) {
			if s := leader.status(); s.Applied+1-s.FirstIndex > 8*leader.maxLog {
				t.Fatalf("with at most %d applied entries kept, and a follower that %s, the leader's log begins at %d, and entries up to %d are applied",
					leader.maxLog, what, s.FirstIndex, s.Applied)
			}
		}
		short("lacks no more than that")
		for range 30 {
			round(8, false)
			short("is silent, and has entries up to an index long ago")
		}
		leader.Close()
	})
}
