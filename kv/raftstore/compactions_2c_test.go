package raftstore_test

import (
	"fmt"
	"testing"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/engine/memory"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/eraftpb"
)

// TestCompactionsLeaveNothing2C gives a follower a few entries again and again,
// and lets it compact its log after each time. Then the raft engine holds what
// is left of the log, and not a record of each compaction beside it.
func TestCompactionsLeaveNothing2C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "entries that have left the log are deleted from the disk, all of them, however often the log is compacted",
		Source: "doc.go: What is durable when, 3",
	}, func(t *graded.T) {
		f := newMember(t, 1, 5)
		for last := uint64(0); last < 400; last += 10 {
			f.append(2, 1, last, min(last, 1), emptyEntries(1, last+1, last+10), last+10)
			f.compacts(last + 4)
		}
		f.endsAt(1, 400)
		f.Close()
	})
}

// TestBusyStoreDeletesEntries2C gives a follower so many entries between any
// two ticks that it compacts its log all the time. The entries that leave it
// must be deleted all the same: there may never be a quiet tick.
func TestBusyStoreDeletesEntries2C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "entries that have left the log are deleted from the disk, also while new ones come all the time",
		Source: "Raft §7; doc.go: What is durable when, 3",
	}, func(t *graded.T) {
		const (
			perTick = 40
			most    = 20 * perTick // entries may go a few ticks later
		)
		f := newMember(t, 1, 5)
		for last := uint64(0); last < 100*perTick; last += perTick {
			f.append(2, 1, last, min(last, 1), emptyEntries(1, last+1, last+perTick), last+perTick)
			f.passes(1, 1)
			if n, _ := f.logRecords(); n > most {
				t.Fatalf("with %d entries between two ticks, all applied, and at most %d kept, the raft engine holds %d records after %d ticks. The log has %d entries",
					perTick, f.maxLog, n, last/perTick+1, f.status().LastIndex+1-f.status().FirstIndex)
			}
		}
		f.Close()
	})
}

// TestDeletionIsTriedAgain2C lets a follower compact its log while the disk of
// the log has no room for some of its writes: not even for a delete, which
// takes room on most disks before it gives any. Once there is room, the
// compaction goes on, and in the end nothing is left of the entries that it
// dropped.
func TestDeletionIsTriedAgain2C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a compaction that a full disk has interrupted is continued once there is room",
		Source: "the contract of (*Store).writeFailed; the contract of Engine.DeleteRange",
	}, func(t *graded.T) {
		for first := 1; ; first++ {
			f := newMember(t, 1, 5)
			f.append(2, 1, 0, 0, emptyEntries(1, 1, 60), 60)
			writes := 0
			f.log.Inject(func(memory.Write) memory.Fault {
				if writes++; writes >= first && writes < first+3 {
					return memory.Fault{Kind: memory.FailWrite, Err: engine.ErrDiskFull}
				}
				return memory.Fault{}
			})
			f.full = true
			f.passes(1, 8)
			f.full = false
			f.log.Inject(nil)
			explaining(t, func() string {
				return fmt.Sprintf("writes %d to %d of the compaction to the raft engine find the disk full", first, first+2)
			}, func() {
				f.compacts(54)
				f.endsAt(1, 60)
			})
			f.Close()
			if writes < first {
				break
			}
		}
	})
}

// TestFailedSyncKeepsLog2C lets a store compact its log, and the sync of its
// data fails. The store may stop: its disk cannot be relied on. Then the power
// fails, and takes what could not be synced. The log must still have it.
func TestFailedSyncKeepsLog2C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "an entry stays in the log if the sync of its effects has failed",
		Source: "doc.go: What is durable when, 3; the contract of engine.SyncError",
	}, func(t *graded.T) {
		f := newMember(t, 1, 5)
		var log []*eraftpb.Entry
		want := content{}
		for i := uint64(1); i <= 40; i++ {
			key := fmt.Sprintf("k%02d", i)
			log = append(log, &eraftpb.Entry{Index: i, Term: 1, Data: command(t, f.region.RegionEpoch, set(engine.CFDefault, key, "1"))})
			want["default/"+key] = "1"
		}
		f.append(2, 1, 0, 0, log, 40)
		f.data.Inject(func(memory.Write) memory.Fault { return memory.Fault{Kind: memory.FailSync} })
		f.mayGiveUp = true
		f.passes(1, 6)
		f.data.Inject(nil)
		f.lose(&powerCut{log: memory.All}, nil)
		f.mayGiveUp = false
		f.restart()
		f.append(2, 1, 40, 1, nil, 40)
		if applied := f.status().Applied; applied != 40 {
			t.Fatalf("the sync of the data failed, and then the power. Everything up to 40 is committed, but after the restart it is applied only up to %d", applied)
		}
		if different := want.differs(f.content()); different != "" {
			t.Fatalf("the sync of the data failed, and then the power. After the restart everything is applied, and there is %s", different)
		}
		f.Close()
	})
}

// TestTermBeforeFirstEntry2C makes a leader compact its log while a follower is
// a little behind, with entries of an earlier term. After a restart the leader
// must still know the term of the entry before its log: the follower has that
// entry, and nothing after it.
func TestTermBeforeFirstEntry2C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a compacted log says of which term the entry before it was, also after a restart",
		Source: "Raft §5.3, §7; the protocol (RaftState)",
	}, func(t *graded.T) {
		h := newHistory(t, 1)
		leader := newMember(t, 2, 12)
		leader.follower = 3
		leader.lead(1)
		h.writes(leader, 10)
		leader.lead(3)
		h.writes(leader, 5)
		// Store 1 has some of the entries of term 1.
		leader.receive(&eraftpb.Message{MsgType: eraftpb.MessageType_MsgAppendResponse, From: 1, Term: 3, Index: 8})
		leader.compact(2)
		leader.restart()
		first := leader.status().FirstIndex
		leader.lead(leader.status().Term + 1)
		// The log of store 1 ends just before the leader's begins.
		for n := 0; ; n++ {
			leader.receive(&eraftpb.Message{MsgType: eraftpb.MessageType_MsgHeartbeatResponse, From: 1, Term: leader.status().Term})
			sent := leader.lastTo(1, eraftpb.MessageType_MsgAppend)
			if sent != nil && sent.Index >= first {
				leader.receive(&eraftpb.Message{
					MsgType: eraftpb.MessageType_MsgAppendResponse, From: 1, Term: sent.Term, Reject: true, Index: sent.Index, RejectHint: first - 1,
				})
				sent = leader.lastTo(1, eraftpb.MessageType_MsgAppend)
			}
			if sent != nil && sent.Index == first-1 {
				if want := leader.entries[first-1].Term; sent.LogTerm != want {
					t.Fatalf("the leader's log begins at %d. It says that the entry before is of term %d, but that was of term %d", first, sent.LogTerm, want)
				}
				break
			}
			if n > 20 {
				t.Fatalf("the log of store 1 ends with entry %d, and the log of the leader begins at %d, but the leader does not send store 1 the entries from there on", first-1, first)
			}
		}
		leader.Close()
	})
}
