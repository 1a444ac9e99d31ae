package raftstore_test

import (
	"fmt"
	"testing"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/raftserverpb"
)

// TestReadWithWriteIsServed2B gives a store that is alone a put and a read at
// once, and nothing after that. The read may have to wait until the put is
// applied, but then it must be served: no message comes that would remind the
// store of it.
func TestReadWithWriteIsServed2B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a read is served once everything that it waits for is applied, even if nothing else happens",
		Source: "the contract of Read",
	}, func(t *graded.T) {
		g := newGroup(t, 1, "", "")
		g.elect(1)
		for i := range 3 {
			value := fmt.Sprint(i)
			put := g.at(1).submit("a put that came together with a read", set(engine.CFDefault, "k", value))
			late := g.at(1).submit("a read that came together with a put")
			g.tick(1, 10)
			put.isDone()
			late.reads()
			g.has(1, content{"default/k": value})
		}
		g.close()
	})
}

// TestLateReadAmongOthers2B is about a leader with two reads under way. The
// answers of the others for the first arrive, and it is served. Those for the
// second are under way for long. Meanwhile another store becomes leader and
// acknowledges a write, and only then a third read comes to the old leader. The
// answers for the second read say nothing about the third, and must not be
// taken for answers to it.
func TestLateReadAmongOthers2B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "what a majority has confirmed for one read is not taken for a confirmation of a later one",
		Source: "thesis §6.4",
	}, func(t *graded.T) {
		for served := range 3 {
			g := newGroup(t, 3, "", "")
			g.elect(1)
			g.tick(1, 8)
			g.do(1, "a put", set(engine.CFDefault, "k", "old")).isDone()

			// The answers for some reads arrive, and those for one more
			// wait, although they are given.
			toOld := func(m *raftserverpb.RaftMessage) bool { return m.ToPeer.StoreId == 1 }
			onWire := func() map[*raftserverpb.RaftMessage]bool {
				all := map[*raftserverpb.RaftMessage]bool{}
				for _, m := range g.wire {
					all[m] = true
				}
				return all
			}
			var early []*answer
			for range served + 1 {
				before := onWire()
				g.waits = toOld
				early = append(early, g.do(1, "a read"))
				g.waits = func(m *raftserverpb.RaftMessage) bool { return toOld(m) && !before[m] }
				g.settle()
			}
			given := onWire()
			g.waits = func(m *raftserverpb.RaftMessage) bool { return toOld(m) || m.FromPeer.StoreId == 1 }
			g.elect(2)
			g.do(2, "a put", set(engine.CFDefault, "k", "new")).isDone()
			late := g.do(1, "a read that came after another store had become leader")
			g.waits = func(m *raftserverpb.RaftMessage) bool { return !given[m] }
			g.settle()

			g.waits = nil
			g.settle()
			g.tick(2, 4)
			if late.result().err == nil {
				if found := late.reads()["default/k"]; found != "new" {
					t.Fatalf("%s, and had acknowledged a put of %q, finds %q. %d reads were under way before it", late.request, "new", found, len(early))
				}
			}
			for _, a := range early {
				if a.result().err == nil {
					a.reads()
				}
			}
			g.close()
		}
	})
}
