package raftstore_test

import (
	"testing"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/engine/memory"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/metapb"
)

// TestReplacedEntriesStayGone2B gives a follower five entries of term 1, and
// then a leader of term 2 replaces the last four by a single one. After a power
// cut the log must end with that one. If it ended with the rest of the old
// ones, the follower would vote for a candidate that lacks the new entry, which
// may be committed.
//
// The old ones must be gone from the disk, too, as if they had never been
// there: no later step would delete entries after the end of the log.
func TestReplacedEntriesStayGone2B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "entries that were replaced do not come back after a restart",
		Source: "Raft §5.3, §5.4.1",
	}, func(t *graded.T) {
		f := newMember(t, 1, unlimited)
		f.appendAll(2, 1, 0, 0, 1)
		f.appendAll(3, 2, 1, 1, 2)
		want, _ := f.logRecords()
		f.Close()

		f = newMember(t, 1, unlimited)
		f.appendAll(2, 1, 0, 0, 5)
		f.appendAll(3, 2, 1, 1, 2)
		if n, _ := f.logRecords(); n != want {
			t.Fatalf("the raft engine has %d records after entries 2/1 to 5/1 were replaced by 2/2, and %d if they were never there. It holds %s", n, want, f.inRaftEngine())
		}
		f.powerCut()
		if f.vote(2, 3, 5, 1) {
			t.Fatalf("after the restart it votes for a log that ends with 5/1, but its own ends with 2/2")
		}
		if !f.vote(3, 4, 2, 2) {
			t.Fatalf("after the restart it refuses its vote to a log that ends with 2/2, as its own does")
		}
		f.appendAll(3, 4, 2, 2, 4)
		f.powerCut()
		if !f.vote(3, 5, 4, 4) {
			t.Fatalf("after the second restart it refuses its vote to a log that ends with 4/4, as its own does")
		}
		f.Close()

		// New entries may have the data of those that they replace: none, as
		// here. Their terms differ all the same.
		f = newMember(t, 1, unlimited)
		f.appendAll(2, 1, 0, 0, 5)
		f.appendAll(3, 2, 1, 1, 4)
		f.powerCut()
		for index := uint64(2); index <= 4; index++ {
			if answer := f.append(3, 2, index, 2, nil, 0); answer.Reject {
				t.Fatalf("after the restart it does not have entry %d/2, which has replaced %d/1, and which it has acknowledged", index, index)
			}
		}
		f.Close()
	})
}

// TestPromisesSurvivePowerCut2B cuts the power right after each answer of a
// follower, which loses all that it did not sync. It must keep to the vote that
// it gave, and have the entries that it acknowledged.
func TestPromisesSurvivePowerCut2B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a vote and an acknowledgement are durable when they leave",
		Source: "Raft Figure 2 (persistent state), thesis §3.8",
	}, func(t *graded.T) {
		f := newMember(t, 1, unlimited)
		if !f.vote(2, 1, 0, 0) {
			t.Fatalf("it refuses its first vote")
		}
		f.powerCut()
		if f.vote(3, 1, 0, 0) {
			t.Fatalf("after a restart it votes for 3 in term 1, in which it has voted for 2")
		}
		f.appendAll(2, 1, 0, 0, 3)
		f.powerCut()
		if f.vote(3, 2, 2, 1) {
			t.Fatalf("after a restart it votes for a log with 2 entries, but it has acknowledged 3")
		}
		f.powerCut()
		stale := f.append(2, 1, 3, 1, nil, 0)
		if !stale.Reject || stale.Term != 2 {
			t.Fatalf("after a restart it obeys a leader of term 1, but it has answered in term 2")
		}
		// The store knows this term already: only the vote is new.
		if !f.vote(2, 2, 3, 1) {
			t.Fatalf("it refuses its vote in term 2, in which it has not voted yet")
		}
		f.powerCut()
		if f.vote(3, 2, 3, 1) {
			t.Fatalf("after a restart it votes for 3 in term 2, in which it has voted for 2")
		}
		f.Close()
	})
}

// TestNoPromiseBeforeWrite2B crashes a follower while it handles a request for
// its vote, and an append: at its first write from then on, before the write
// reaches the disk or after that. If the follower has answered by then, it must
// keep its promise when it is back.
func TestNoPromiseBeforeWrite2B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a vote and an acknowledgement leave only after they have become durable",
		Source: "Raft Figure 2 (persistent state), thesis §3.8",
	}, func(t *graded.T) {
		for _, point := range []memory.FaultKind{memory.CrashBefore, memory.CrashUnacknowledged, memory.CrashAfter} {
			crashing := func(m *eraftpb.Message, want eraftpb.MessageType) (f *member, promised bool) {
				f = newMember(t, 1, unlimited)
				f.appendAll(2, 1, 0, 0, 2)
				f.cutAt(&powerCut{at: 1, point: point})
				f.receive(m)
				answer := f.lastTo(m.From, want)
				promised = answer != nil && !answer.Reject
				f.cutAt(nil)
				f.powerCut()
				return f, promised
			}
			f, promised := crashing(voteOf(2, 2, 2, 1), eraftpb.MessageType_MsgRequestVoteResponse)
			if promised && f.vote(3, 2, 2, 1) {
				t.Fatalf("it voted for 2 in term 2, crashed while it wrote that down, and after the restart votes for 3 in that term")
			}
			f.Close()
			f, promised = crashing(appendOf(2, 1, 2, 1, emptyEntries(1, 3, 3)...), eraftpb.MessageType_MsgAppendResponse)
			if promised && f.vote(3, 2, 2, 1) {
				t.Fatalf("it acknowledged entry 3/1, crashed while it wrote that down, and after the restart votes for a log that ends with 2/1")
			}
			f.Close()
		}
	})
}

// TestMessagesForOthersAreDropped2B sends a store messages that are not for it:
// a request for the vote of a peer that it does not have, and a message that a
// node sends only to itself. The store drops them and works as before.
func TestMessagesForOthersAreDropped2B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a message for another peer, or one that the node refuses, has no effect",
		Source: "the contract of (*peer).step",
	}, func(t *graded.T) {
		f := newMember(t, 1, unlimited)
		f.appendAll(2, 1, 0, 0, 1)
		f.sent = nil
		f.step(7, voteOf(2, 2, 1, 1))
		f.work()
		if len(f.sent) > 0 {
			t.Fatalf("peer 1 answers a request for the vote of peer 7 with a %v", f.sent[0].MsgType)
		}
		if !f.vote(3, 2, 1, 1) {
			t.Fatalf("peer 1 refuses its vote in term 2 to peer 3: it has taken a request for the vote of peer 7 for a request for its own")
		}
		// A message that a node sends to itself never comes from
		// another store.
		f.receive(&eraftpb.Message{MsgType: eraftpb.MessageType_MsgHup, From: 2, Term: 2})
		for _, sent := range f.sent {
			if sent.MsgType == eraftpb.MessageType_MsgRequestVote {
				t.Fatalf("peer 1 campaigns because peer 2 tells it to with a %v", eraftpb.MessageType_MsgHup)
			}
		}
		f.appendAll(3, 2, 1, 1, 2)
		f.Close()
	})
}

// TestEntriesAreCheckedAgain2B sends a follower entries with commands that it
// must not carry out: made for another version of the region, or with a key
// that the region does not have. An entry must have the same effect on all
// replicas, so each replica decides by the entry and by the region as it is at
// the entry's place in the log.
func TestEntriesAreCheckedAgain2B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "an entry is applied only if its command fits the region, and then as a whole",
		Source: "the contract of (*applier).evaluate",
	}, func(t *graded.T) {
		f := newMemberOf(t, regionOf(3, "b", "d"), 1, unlimited)
		now, before := f.region.RegionEpoch, &metapb.RegionEpoch{ConfVer: 1}
		later := &metapb.RegionEpoch{ConfVer: 1, Version: 2}
		var log []*eraftpb.Entry
		for _, c := range []struct {
			epoch *metapb.RegionEpoch
			ops   []engine.Op
		}{
			{now, []engine.Op{set(engine.CFDefault, "b", "1"), set(engine.CFLock, "c", "1")}},
			{before, []engine.Op{set(engine.CFDefault, "b", "2"), remove(engine.CFLock, "c")}},
			{later, []engine.Op{set(engine.CFDefault, "b", "later"), remove(engine.CFLock, "c")}},
			{nil, []engine.Op{set(engine.CFDefault, "b", "no version"), remove(engine.CFLock, "c")}},
			{now, []engine.Op{set(engine.CFDefault, "a", "3")}},
			{now, []engine.Op{set(engine.CFDefault, "b", "4"), set(engine.CFDefault, "d", "4")}},
			{now, []engine.Op{set(engine.CFWrite, "c", "5")}},
		} {
			log = append(log, &eraftpb.Entry{Term: 1, Index: uint64(len(log)) + 1, Data: command(t, c.epoch, c.ops...)})
		}
		f.append(2, 1, 0, 0, log, uint64(len(log)))
		want := content{"default/b": "1", "lock/c": "1", "write/c": "5"}
		if different := want.differs(f.content()); different != "" {
			t.Fatalf("after applying the log there is %s", different)
		}
		f.Close()
	})
}
