package raftstore_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

// steadyReads submits reads to a store again and again, so that one comes at
// every moment.
type steadyReads struct {
	*server
	asked []*answer
}

// step lets the group do one step: a read comes to the store, its clock ticks
// if it does not lead yet, each store makes a pass, and the messages on the
// wire arrive.
func (r *steadyReads) step(g *group) {
	r.asked = append(r.asked, r.submit(fmt.Sprintf("read %d of many", len(r.asked)+1)))
	if !g.leads(r.id) {
		r.Tick()
	}
	for _, s := range g.servers {
		s.Pass()
	}
	for range len(g.wire) {
		if m := g.next(); m != nil {
			g.deliver(m)
		}
	}
}

// find requires that some of the reads were served, and that each of those
// finds want, which was acknowledged before.
func (r *steadyReads) find(want content, situation string) {
	r.t.Helper()
	served := 0
	for _, a := range r.asked {
		if a.result().err != nil {
			continue
		}
		served++
		if different := want.differs(a.reads()); different != "" {
			r.t.Fatalf("%s, a read on store %d finds %s", situation, r.id, different)
		}
	}
	if served == 0 {
		r.t.Fatalf("%s, not one of %d reads on store %d was served", situation, len(r.asked), r.id)
	}
}

// TestReadsAfterPowerCut2B cuts the power of a store that is alone, after it
// has acknowledged so much that it may not apply all of it at once when it is
// back. All of that is in its log, and none of it in its data. Reads come from
// the first moment on. Each read that is served must find everything.
func TestReadsAfterPowerCut2B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a read is served only when everything is applied that was acknowledged before it came",
		Source: "thesis §6.4",
	}, func(t *graded.T) {
		g := newGroup(t, 1, "", "")
		g.elect(1)
		want, large := content{}, strings.Repeat("large ", 1<<20/6)
		for i := range 6 {
			key := fmt.Sprintf("k%d", i)
			g.do(1, "a put of 1 MiB", set(engine.CFDefault, key, large)).isDone()
			want["default/"+key] = large
		}
		g.at(1).powerCut()
		g.tick(1, 1) // it may know already that some of the entries are committed

		reads := &steadyReads{server: g.at(1)}
		for range 40 {
			reads.step(g)
		}
		g.settle()
		reads.find(want, "after a power cut")
		g.close()
	})
}

// TestNewLeaderReads2B cuts off a leader right after it has acknowledged a
// write. The others have the write in their logs, but the news that it is
// committed did not reach them. One of them becomes leader, and reads come all
// the time. Each read that is served must find the write.
func TestNewLeaderReads2B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a new leader serves reads only when it has applied all that was committed before",
		Source: "Raft §8, thesis §6.4",
	}, func(t *graded.T) {
		g := newGroup(t, 3, "", "")
		g.elect(1)
		g.do(1, "a put", set(engine.CFDefault, "k", "1")).isDone()
		// Only store 2 gets the next entry, and its acknowledgement
		// makes a majority.
		g.waits = func(m *raftserverpb.RaftMessage) bool { return m.ToPeer.StoreId == 3 }
		put := g.at(1).submit("a put", set(engine.CFDefault, "k", "2"))
		for range 100 {
			g.at(1).work()
			m := g.next()
			if len(put.results) > 0 || m == nil {
				break
			}
			g.deliver(m)
			g.at(2).work()
		}
		put.isDone()
		g.isolate(1)
		g.waits = nil

		reads := &steadyReads{server: g.at(2)}
		for range 60 {
			reads.step(g)
		}
		g.settle()
		g.tick(2, 4)
		reads.find(content{"default/k": "2"}, "after a change of leader")
		g.close()
	})
}

// TestLateReads2B lets a leader ask the others, for a read, whether it still
// leads. Their answers are under way for long. Meanwhile another store becomes
// leader and acknowledges a write, and only then another read comes to the old
// leader. The answers that arrive now were given before that write: they do not
// prove that the store still leads, and its data are old. Its clock, which
// stands still, proves nothing either.
func TestLateReads2B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a majority must confirm that a leader still leads after a read has come, not before",
		Source: "thesis §6.4",
	}, func(t *graded.T) {
		g := newGroup(t, 3, "", "")
		g.elect(1)
		g.tick(1, 8) // the others have followed it for some time
		g.do(1, "a put", set(engine.CFDefault, "k", "old")).isDone()

		toOld := func(m *raftserverpb.RaftMessage) bool { return m.ToPeer.StoreId == 1 }
		g.waits = toOld
		early := g.do(1, "a read")
		given := map[*raftserverpb.RaftMessage]bool{}
		for _, m := range g.wire {
			given[m] = true
		}
		// From here on no new message passes between the old leader and
		// the others.
		g.waits = func(m *raftserverpb.RaftMessage) bool { return toOld(m) || m.FromPeer.StoreId == 1 }
		g.elect(2)
		g.do(2, "a put", set(engine.CFDefault, "k", "new")).isDone()
		late := g.do(1, "a read")
		g.waits = func(m *raftserverpb.RaftMessage) bool { return !given[m] }
		g.settle()

		g.waits = nil
		g.settle()
		g.tick(2, 4)
		if late.result().err == nil {
			if found := late.reads()["default/k"]; found != "new" {
				t.Fatalf("%s, which came after store 2 had become leader and had acknowledged a put of %q, finds %q", late.request, "new", found)
			}
		}
		if early.result().err == nil {
			early.reads()
		}
		g.close()
	})
}

// TestReplacedEntryIsNotAwaited2B lets a leader ask the others, for a read,
// whether it still leads, and they confirm it. But the read must wait: a new
// leader knows what is committed only when the first entry of its own term is.
// This leader's log is long, because in an earlier term it took puts that no
// other store got. Then another leader's entries replace all of them. The log
// now ends before the index that the read waits for, and may never reach it. So
// the read must be answered by then.
func TestReplacedEntryIsNotAwaited2B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a read is answered once its leader is deposed, whatever it waits for",
		Source: "the contract of Read",
	}, func(t *graded.T) {
		g := newGroup(t, 3, "", "")
		g.elect(1)
		g.do(1, "a put", set(engine.CFDefault, "k", "1")).isDone()
		g.waits = func(m *raftserverpb.RaftMessage) bool {
			return m.FromPeer.StoreId == 1 && m.Message.MsgType == eraftpb.MessageType_MsgAppend
		}
		for i := range 4 {
			g.do(1, "a put that no other store gets", set(engine.CFDefault, "k", fmt.Sprintf("lost %d", i)))
		}
		g.at(1).powerCut()
		g.elect(1)
		waiting := g.do(1, "a read that waits for an entry of its leader, which is deposed,")
		g.isolate(1)
		g.waits = nil
		g.elect(2)
		g.reconnect()
		g.tick(2, 4)

		want := content{"default/k": "1"}
		if waiting.result().err == nil {
			if different := want.differs(waiting.reads()); different != "" {
				t.Fatalf("%s finds %s", waiting.request, different)
			}
		}
		g.has(2, want)
		g.close()
	})
}
