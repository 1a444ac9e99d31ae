package raftstore_test

import (
	"testing"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/raftserverpb"
)

// TestOldAnswersProveNothing2B lets messages to a leader be under way for long:
// answers that were given while it led. Meanwhile another store becomes leader
// and acknowledges a write, and only then a read comes to the old leader.
// Whatever arrives now was sent before that write, so it does not prove that the
// store still leads, and its data are old.
func TestOldAnswersProveNothing2B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "nothing that was sent before a read came confirms for it that its leader still leads",
		Source: "thesis §6.4",
	}, func(t *graded.T) {
		from2 := func(m *raftserverpb.RaftMessage) bool { return m.FromPeer.StoreId == 2 }
		from2And3 := func(m *raftserverpb.RaftMessage) bool { return m.ToPeer.StoreId == 1 }
		for _, c := range []struct {
			name  string
			waits func(m *raftserverpb.RaftMessage) bool
			do    func(g *group)
		}{
			// Store 3 confirms these reads, so each of them is over when the
			// next one comes.
			{"one answer to a read that was served", from2, func(g *group) {
				g.do(1, "a read").reads()
			}},
			{"one answer to each of several reads that were served", from2, func(g *group) {
				for range 3 {
					g.do(1, "a read").reads()
				}
			}},
			{"acknowledgements of a put", from2And3, func(g *group) {
				g.do(1, "a put", set(engine.CFDefault, "k", "slow"))
			}},
			{"answers to heartbeats", from2And3, func(g *group) { g.tick(1, 8) }},
		} {
			t.Run(c.name, func(t *graded.T) {
				g := newGroup(t, 3, "", "")
				g.elect(1)
				g.tick(1, 8) // the others have followed it for some time
				g.do(1, "a put", set(engine.CFDefault, "k", "old")).isDone()
				g.waits = c.waits
				c.do(g)
				given := map[*raftserverpb.RaftMessage]bool{}
				for _, m := range g.wire {
					given[m] = true
				}
				if len(given) == 0 {
					t.Fatalf("%s should be under way to store 1, but nothing is", c.name)
				}

				// From here on no new message passes between the old leader
				// and the others.
				g.waits = func(m *raftserverpb.RaftMessage) bool { return m.ToPeer.StoreId == 1 || m.FromPeer.StoreId == 1 }
				g.elect(2)
				g.do(2, "a put", set(engine.CFDefault, "k", "new")).isDone()
				late := g.do(1, "a read")
				g.waits = func(m *raftserverpb.RaftMessage) bool { return !given[m] }
				g.settle()
				if len(late.results) > 0 && late.result().err == nil {
					if found := late.reads()["default/k"]; found != "new" {
						t.Fatalf("%s, which came after store 2 had become leader and had acknowledged a put of %q, finds %q on store 1; what arrived there since is %s, sent before",
							late.request, "new", found, c.name)
					}
				}
				g.waits = nil
				g.settle()
				g.tick(2, 4)
				g.has(2, content{"default/k": "new"})
				g.close()
			})
		}
	})
}

// TestLostReadIsAskedAgain2B loses every message that a leader sends for a read.
// Nothing else happens, and its clock goes on: with that it has to find out once
// more whether it still leads.
func TestLostReadIsAskedAgain2B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a read is answered although messages get lost: its leader asks again",
		Source: "Raft §5.5, thesis §6.4",
	}, func(t *graded.T) {
		g := newGroup(t, 3, "", "")
		g.elect(1)
		g.do(1, "a put", set(engine.CFDefault, "k", "1")).isDone()
		g.tick(1, 4)
		for range 3 {
			g.loses = func(*raftserverpb.RaftMessage) bool { return true }
			lost := g.do(1, "a read for which every message gets lost at first")
			g.loses = nil
			// Five heartbeats, while no other clock goes.
			g.tick(1, 10)
			if len(lost.results) == 0 {
				t.Fatalf("%s has no answer, although its leader has ticked 10 times since, and nothing was lost any longer", lost.request)
			}
			if different := (content{"default/k": "1"}).differs(lost.reads()); different != "" {
				t.Fatalf("%s finds %s", lost.request, different)
			}
		}
		g.close()
	})
}
