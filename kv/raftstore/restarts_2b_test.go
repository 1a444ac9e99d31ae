package raftstore_test

import (
	"fmt"
	"testing"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/engine/memory"
	"github.com/labkv/labkv/kv/raftstore"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/eraftpb"
)

// TestVoteSurvivesLateCommit2B lets a follower vote, and apply entries that are
// committed later. The news that they are committed is not worth a write of its
// own. Then the power fails, and of what was not synced only the data survive:
// they are ahead of the commit index in the raft engine. The follower takes the
// commit index from them, and term and vote from the raft engine.
func TestVoteSurvivesLateCommit2B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a vote survives a crash that leaves the data ahead of the commit index",
		Source: "Raft Figure 2 (persistent state); doc.go: What is durable when",
	}, func(t *graded.T) {
		f := newMember(t, 1, unlimited)
		if !f.vote(2, 1, 0, 0) {
			t.Fatalf("it refuses its first vote")
		}
		f.appendAll(2, 1, 0, 0, 3)
		f.receive(&eraftpb.Message{MsgType: eraftpb.MessageType_MsgHeartbeat, From: 2, Term: 1, Commit: 3})
		f.lose(&powerCut{data: memory.All}, nil)
		f.restart()
		if s := f.status(); s.Applied != 3 || s.Term != 1 {
			t.Fatalf("in term 1 it has applied up to 3, and its data survived the power cut. After the restart it is in term %d, and has applied up to %d", s.Term, s.Applied)
		}
		if f.vote(3, 1, 9, 1) {
			t.Fatalf("after the restart it votes for 3 in term 1, in which it has voted for 2")
		}
		f.appendAll(2, 1, 3, 1, 5)
		f.Close()
	})
}

// An unreadable is an engine whose reads fail after some have succeeded.
type unreadable struct {
	engine.Engine
	reads  int // that still succeed
	failed bool
}

func (u *unreadable) read() error {
	if u.reads--; u.reads >= 0 {
		return nil
	}
	u.failed = true
	return memory.ErrIO
}

func (u *unreadable) Get(cf engine.CF, key []byte) (value []byte, found bool, err error) {
	if err := u.read(); err != nil {
		return nil, false, err
	}
	return u.Engine.Get(cf, key)
}

func (u *unreadable) Iterate(cf engine.CF, r engine.Range) (engine.Iterator, error) {
	if err := u.read(); err != nil {
		return nil, err
	}
	return u.Engine.Iterate(cf, r)
}

func (u *unreadable) Snapshot() (engine.Snapshot, error) {
	if err := u.read(); err != nil {
		return nil, err
	}
	return u.Engine.Snapshot()
}

// TestUnreadableDiskIsReported2B opens a store that has voted, and has a log,
// again and again. Each time one further read of its raft engine, and then of
// its kv engine, succeeds, and the rest fail. The store must not start: if it
// took what it cannot read for what is not there, it would vote again, and have
// lost what it has acknowledged.
func TestUnreadableDiskIsReported2B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a store whose disk cannot be read does not start, and says why",
		Source: "the contract of Open and of loadPeerStorage",
	}, func(t *graded.T) {
		f := newMember(t, 1, unlimited)
		f.appendAll(2, 1, 0, 0, 5)
		if !f.vote(3, 2, 5, 1) {
			t.Fatalf("it refuses its vote in term 2 to a log as long as its own")
		}
		for _, of := range []string{"raft", "kv"} {
			for reads := 0; f.opensWith(of, reads); reads++ {
				if reads > 1000 {
					t.Fatalf("the store reads its %s engine more than 1000 times when it starts, although its log has 5 entries", of)
				}
			}
		}
		f.powerCut()
		if f.vote(2, 2, 5, 1) {
			t.Fatalf("after failed attempts to start it votes for 2 in term 2, in which it has voted for 3")
		}
		f.Close()
	})
}

// opensWith opens the store with an engine, "raft" or "kv", whose reads fail
// after a number of them. It reports whether one has failed, and requires that
// the store does not start then.
func (m *member) opensWith(of string, reads int) bool {
	m.t.Helper()
	m.lose(&powerCut{}, nil)
	cfg := m.boot()
	u := &unreadable{Engine: cfg.RaftEngine, reads: reads}
	if of == "kv" {
		u.Engine = cfg.KVEngine
		cfg.KVEngine = u
	} else {
		cfg.RaftEngine = u
	}
	var err error
	func() {
		defer func() {
			// A panic is no answer to be proud of, but the store
			// does not start.
			if r := recover(); r != nil && !u.failed {
				panic(r)
			} else if r != nil {
				err = memory.ErrIO
			}
		}()
		_, err = raftstore.Open(cfg)
	}()
	if u.failed && err == nil {
		m.t.Fatalf("%s of its %s engine, and then no more: %v. But the store starts", counted(reads), of, memory.ErrIO)
	}
	return u.failed
}

// counted names the number of reads that succeed.
func counted(reads int) string {
	if reads == 1 {
		return "the store can do 1 read"
	}
	return fmt.Sprintf("the store can do %d reads", reads)
}
