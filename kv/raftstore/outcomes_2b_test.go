package raftstore_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/raftstore"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

// TestReplacedEntryComesBack2B gives a leader of five stores a put that only
// store 2 gets besides. Then store 3 leads, and its entry takes the place of
// the put in the log of the old leader, and in no other log. That decides
// nothing: store 2 leads next, with the put in its log, and commits it. A
// client that was told in between that the put had no effect would have sent it
// again.
func TestReplacedEntryComesBack2B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "only an applied entry decides about a proposal: one that was replaced in the log may come back and be committed",
		Source: "the contract of (*proposals).decide; Raft §5.4.2, Figure 8",
	}, func(t *graded.T) {
		g := newGroup(t, 5, "", "")
		g.elect(1)
		g.do(1, "a put", set(engine.CFDefault, "k", "1")).isDone()
		g.loses = func(m *raftserverpb.RaftMessage) bool {
			return m.FromPeer.StoreId == 1 && m.ToPeer.StoreId != 2
		}
		put := g.do(1, "a put that one other store gets, to a leader that is deposed then,", set(engine.CFDefault, "k", "2"))
		at := g.at(1).status().LastIndex

		g.isolate(1, 2)
		g.loses = func(m *raftserverpb.RaftMessage) bool {
			return m.Message.MsgType == eraftpb.MessageType_MsgAppend && m.ToPeer.StoreId != 1
		}
		g.elect(3)
		delete(g.cut, 1)
		g.tick(3, 4)
		if e, err := raftstore.LoadEntry(g.at(1).raft, 1, at); err != nil || e.GetTerm() != g.at(3).status().Term {
			t.Fatalf("store 3 leads, and its entry %d does not replace that of store 1, which hears it: %v %v", at, e, err)
		}

		g.isolate(1, 3)
		delete(g.cut, 2)
		g.loses = nil
		g.elect(2)
		g.reconnect()
		g.tick(2, 4)
		g.has(2, content{"default/k": "2"})
		var refusal *region.Error
		if r := put.result(); errors.As(r.err, &refusal) {
			t.Fatalf("%s is answered with %s, which says that it never has an effect. But it was committed: another leader had it", put.request, verdict(r))
		}
		g.close()
	})
}

// TestRefusedAmongOthers2B gives a leader several writes and reads at once, of
// which it must refuse some: the first, some in the middle, the last, each for
// another reason. Every other one is carried out and answered, as if it had
// come alone.
func TestRefusedAmongOthers2B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "of requests that come together, each is checked and answered by itself",
		Source: "the contract of (*peer).propose and of Read",
	}, func(t *graded.T) {
		g := newGroup(t, 3, "a", "n")
		g.elect(2)
		g.elect(1)
		leader := g.at(1)
		var asked, refused []*answer
		want := content{}
		for i, wrong := range []func(*kvrpcpb.Context){
			func(rc *kvrpcpb.Context) { rc.Peer = leader.region.Peers[1] },
			nil,
			func(rc *kvrpcpb.Context) { rc.RegionEpoch = nil },
			func(rc *kvrpcpb.Context) { rc.Term = 1 },
			nil,
			nil,
			func(rc *kvrpcpb.Context) { rc.Peer = leader.region.Peers[2] },
		} {
			rc := leader.context()
			if wrong != nil {
				wrong(rc)
			}
			key := fmt.Sprintf("k%d", i)
			for _, ops := range [][]engine.Op{{set(engine.CFDefault, key, "1")}, nil} {
				a := &answer{t: t, request: fmt.Sprintf("the %s of request %d of 7 that came together", [2]string{"put", "read"}[1-len(ops)], i+1)}
				leader.ask(rc, ops, a.add)
				if wrong == nil {
					asked = append(asked, a)
					want["default/"+key] = "1"
				} else {
					refused = append(refused, a)
				}
			}
		}
		// Further writes do not come to help those that wait.
		g.settle()
		g.tick(1, 4)
		for _, a := range asked {
			a.isDone()
			if view := a.result().view; view != nil {
				if err := view.Close(); err != nil {
					t.Fatalf("the view of %s cannot be closed: %v", a.request, err)
				}
			}
		}
		for _, a := range refused {
			a.refusal()
		}
		g.has(1, want)
		g.close()
	})
}

// TestEveryKeyIsCheckedAgain2B sends a follower entries whose operations are in
// no order. Only one key of each is outside the region, in the middle of
// others, and it is neither the first nor the last of the operations. No part
// of such an entry takes effect.
func TestEveryKeyIsCheckedAgain2B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "an entry is applied only if each of its keys is in the region, wherever it stands among the others",
		Source: "the contract of (*applier).evaluate",
	}, func(t *graded.T) {
		f := newMemberOf(t, regionOf(3, "b", "d"), 1, unlimited)
		var log []*eraftpb.Entry
		for _, ops := range [][]engine.Op{
			{set(engine.CFDefault, "c", "1"), set(engine.CFDefault, "b", "1")},
			{set(engine.CFDefault, "b", "2"), set(engine.CFDefault, "d", "2"), set(engine.CFDefault, "c", "2")},
			{remove(engine.CFDefault, "c"), remove(engine.CFDefault, "a"), remove(engine.CFDefault, "b")},
			{set(engine.CFLock, "b", "4"), set(engine.CFWrite, "b", "4"), remove(engine.CFWrite, "e"), set(engine.CFDefault, "b", "4")},
			{set(engine.CFLock, "c", "5"), set(engine.CFLock, "b", "5"), set(engine.CFLock, "c\xff", "5")},
		} {
			log = append(log, &eraftpb.Entry{Term: 1, Index: uint64(len(log)) + 1, Data: command(t, f.region.RegionEpoch, ops...)})
		}
		f.append(2, 1, 0, 0, log, uint64(len(log)))
		want := content{"default/b": "1", "default/c": "1", "lock/b": "5", "lock/c": "5", "lock/c\xff": "5"}
		if different := want.differs(f.content()); different != "" {
			t.Fatalf("after applying the log there is %s", different)
		}
		f.Close()
	})
}

// TestBatchIsFilledExactly2B commits two entries at once that together have as
// many operations as a batch of the kv engine may have. The applied index needs
// another one. Both entries must be applied, and the store must not fail on a
// batch that no engine accepts.
func TestBatchIsFilledExactly2B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "the operations of entries and the applied index are together within the limits of a batch",
		Source: "the contract of (*applier).add; engine.MaxBatchLen",
	}, func(t *graded.T) {
		f := newMember(t, 1, unlimited)
		ops := []engine.Op{set(engine.CFDefault, "k", "1")}
		for i := range engine.MaxBatchLen/2 - 1 {
			ops = append(ops, remove(engine.CFLock, string([]byte{'k', byte(i >> 8), byte(i)})))
		}
		data := command(t, f.region.RegionEpoch, ops...)
		for last := uint64(1); last <= 2; last++ {
			f.append(2, 1, last-1, last-1, []*eraftpb.Entry{{Term: 1, Index: last, Data: data}}, 0)
		}
		f.append(2, 1, 2, 1, nil, 2)
		if applied := f.status().Applied; applied != 2 {
			t.Fatalf("two entries with %d operations each were committed at once, but only entries up to %d are applied", len(ops), applied)
		}
		if different := (content{"default/k": "1"}).differs(f.content()); different != "" {
			t.Fatalf("after that there is %s", different)
		}
		f.Close()
	})
}
