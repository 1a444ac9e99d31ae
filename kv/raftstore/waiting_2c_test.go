package raftstore_test

import (
	"testing"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/raftstore"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/eraftpb"
)

// TestSnapshotOutdatedWhenMade2C lets a leader begin to make a snapshot. That
// takes so long that the log is compacted beyond it meanwhile. The snapshot is
// of no use then: neither it nor the log has the entries in between. The leader
// makes another one.
func TestSnapshotOutdatedWhenMade2C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a snapshot that is outdated by the time it is made is made anew",
		Source: "the contract of Storage; Raft §7",
	}, func(t *graded.T) {
		h := newHistory(t, 1)
		leader := newMember(t, 2, 5)
		leader.follower = 3
		leader.lead(1)
		h.writes(leader, 40)
		leader.compact(1)
		leader.hold = true
		for n := 0; len(leader.tasks) == 0; n++ {
			if n > 100 {
				t.Fatalf("store 1 has no entries, and the leader's log begins at %d, but the leader does not begin to make a snapshot", leader.status().FirstIndex)
			}
			leader.receive(&eraftpb.Message{MsgType: eraftpb.MessageType_MsgHeartbeatResponse, From: 1, Term: 1})
			if a := leader.lastTo(1, eraftpb.MessageType_MsgAppend); a != nil {
				leader.receive(&eraftpb.Message{MsgType: eraftpb.MessageType_MsgAppendResponse, From: 1, Term: 1, Reject: true, Index: a.Index})
			}
		}
		var dones []func()
		for _, work := range leader.tasks {
			dones = append(dones, work())
		}
		leader.tasks, leader.hold = nil, false
		h.writes(leader, 40)
		for range 20 { // unless the store keeps its log while it makes a snapshot
			leader.tick()
		}
		for _, done := range dones {
			done()
		}
		leader.work()
		leader.snapshotFor(1, 0, func() {})
		leader.Close()
	})
}

// TestRequestsBeforeSnapshot2C gives a leader that is cut off writes and reads.
// The first that it hears of the next leader is a snapshot. It no longer leads
// then, and its log is gone: each request is answered all the same.
func TestRequestsBeforeSnapshot2C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "every request that waits when a snapshot comes is answered",
		Source: "the contract of Write and Read",
	}, func(t *graded.T) {
		h := newHistory(t, 1)
		leader := newMember(t, 2, 5)
		leader.follower = 3
		leader.lead(1)
		h.writes(leader, 10)
		leader.lead(3)
		h.writes(leader, 20)
		leader.compact(1)
		sent := leader.snapshotFor(1, 0, func() {})
		file := leader.files.now[raftstore.SnapshotName(1, sent.Snapshot.Metadata)]
		h.end(leader)

		f := newMember(t, 1, 5)
		f.lead(2)
		var waiting []*answer
		for range 3 {
			waiting = append(waiting,
				f.submit("a put that waited when a snapshot came", set(engine.CFDefault, "k", "own")),
				f.submit("a read that waited when a snapshot came"))
			f.work()
		}
		for range 60 { // more than the snapshot has
			waiting = append(waiting, f.submit("a put that waited when a snapshot came", set(engine.CFDefault, "k", "own")))
		}
		f.work()
		f.files.receive(raftstore.SnapshotName(1, sent.Snapshot.Metadata), file)
		f.receive(sent)
		if applied := f.status().Applied; applied != sent.Snapshot.Metadata.Index {
			t.Fatalf("the store does not install a snapshot of a leader of a later term: it has applied up to %d, not up to %d", applied, sent.Snapshot.Metadata.Index)
		}
		if n, _ := f.logRecords(); n > 10 {
			t.Fatalf("the store had a log that was longer than the snapshot, and had applied nothing of it. With the snapshot its log is empty, but the raft engine holds %d records", n)
		}
		for _, a := range waiting {
			if a.result().err == nil {
				t.Fatalf("%s, and which its store could not serve alone, is answered with done", a.request)
			}
		}
		f.Close()
	})
}
