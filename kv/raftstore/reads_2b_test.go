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

// impatient are reads that somebody submits to a store again and again, so that one
// comes at every moment.
type impatient struct {
	*server
	asked []*answer
}

// step lets the group do one step at a time: a read comes to the store, its clock
// goes if it does not lead yet, each store makes a pass, and what is on the wire
// arrives.
func (r *impatient) step(g *group) {
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

// find requires that some of the reads were served, and that each of those finds
// what was acknowledged before.
func (r *impatient) find(want content, situation string) {
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

// TestReadsAfterPowerCut2B cuts the power of a store that is alone, after it has
// acknowledged so much that it may not apply all of it at once when it is back. All
// is in its log, and none of it in its data. From the first moment on there are reads.
// One that is served finds everything.
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
		g.tick(1, 1) // it may know already that some of that is committed

		reads := &impatient{server: g.at(1)}
		for range 40 {
			reads.step(g)
		}
		g.settle()
		reads.find(want, "after a power cut")
		g.close()
	})
}

// TestNewLeaderReads2B cuts off a leader right after it has acknowledged a write. The
// others have the write in their logs, but the news that it is committed did not reach
// them. One of them becomes leader, and all the time there are reads. One that is
// served finds the write.
func TestNewLeaderReads2B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a new leader serves reads only when it has applied all that was committed before",
		Source: "Raft §8, thesis §6.4",
	}, func(t *graded.T) {
		g := newGroup(t, 3, "", "")
		g.elect(1)
		g.do(1, "a put", set(engine.CFDefault, "k", "1")).isDone()
		// Store 2 is the one that gets the next entry, and its word makes a majority.
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

		reads := &impatient{server: g.at(2)}
		for range 60 {
			reads.step(g)
		}
		g.settle()
		g.tick(2, 4)
		reads.find(content{"default/k": "2"}, "after a change of leader")
		g.close()
	})
}

// TestLateReads2B has a leader ask the others, for a read, whether it still leads. Their
// answers are on their way for long. Meanwhile another store becomes leader and
// acknowledges a write, and only then another read comes to the old leader. The
// answers that arrive now were given before that write: they do not tell that the store
// still leads, and what it has is old. Nor does its clock tell, which stands still.
func TestLateReads2B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "that a leader still leads must be confirmed after a read came, not before",
		Source: "thesis §6.4",
	}, func(t *graded.T) {
		g := newGroup(t, 3, "", "")
		g.elect(1)
		g.tick(1, 8) // and the others have followed it for some time
		g.do(1, "a put", set(engine.CFDefault, "k", "old")).isDone()

		toOld := func(m *raftserverpb.RaftMessage) bool { return m.ToPeer.StoreId == 1 }
		g.waits = toOld
		early := g.do(1, "a read")
		given := map[*raftserverpb.RaftMessage]bool{}
		for _, m := range g.wire {
			given[m] = true
		}
		// From here on the old leader and the others hear nothing new of each other.
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

// TestReplacedEntryIsNotAwaited2B has a leader ask the others, for a read, whether it
// still leads, and they say so. But the read must wait: a new leader knows what is
// committed only when the first entry of its own term is. This one's log is long, as it
// had taken puts in an earlier term that nobody else got. Then another leader's entries
// take the place of all that. The log ends before the place that the read waits for, and
// may never get there. So the read must be answered by then.
func TestReplacedEntryIsNotAwaited2B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a read is answered once its leader is deposed, whatever it has waited for",
		Source: "the contract of Command",
	}, func(t *graded.T) {
		g := newGroup(t, 3, "", "")
		g.elect(1)
		g.do(1, "a put", set(engine.CFDefault, "k", "1")).isDone()
		g.waits = func(m *raftserverpb.RaftMessage) bool {
			return m.FromPeer.StoreId == 1 && m.Message.MsgType == eraftpb.MessageType_MsgAppend
		}
		for i := range 4 {
			g.do(1, "a put that nobody else gets", set(engine.CFDefault, "k", fmt.Sprintf("lost %d", i)))
		}
		g.at(1).powerCut()
		g.elect(1)
		waiting := g.do(1, "a read that waits for an entry of its leader, who is deposed,")
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
