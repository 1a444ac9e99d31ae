package raftstore_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/storage"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/raftserverpb"
)

// TestCommandsAreWhole2B gives a leader commands with several writes, to the
// same keys in all families. The writes of a command take effect all together
// and in their order, the families do not mix, a delete leaves nothing, and an
// empty value is a value. Each store must have the same data, which shows when
// it leads, and still have them after all stores have lost their power.
func TestCommandsAreWhole2B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a command takes effect on every store as a whole: all its writes, in their order, each in its family",
		Source: "the contract of Write",
	}, func(t *graded.T) {
		g := newGroup(t, 3, "", "")
		g.elect(1)
		for i, writes := range [][]engine.Op{
			{set(engine.CFDefault, "k", "d1"), set(engine.CFWrite, "k", "w1"), set(engine.CFLock, "k", "l1"), set(engine.CFDefault, "gone", "x")},
			{remove(engine.CFDefault, "gone"), set(engine.CFLock, "k", "l2"), set(engine.CFWrite, "empty", ""), remove(engine.CFWrite, "never was")},
			{
				set(engine.CFDefault, "twice", "1"), set(engine.CFDefault, "twice", "2"),
				remove(engine.CFLock, "k"), set(engine.CFLock, "k", "l3"),
				set(engine.CFWrite, "brief", "x"), remove(engine.CFWrite, "brief"),
			},
		} {
			g.do(1, fmt.Sprintf("command %d, of %d writes,", i+1, len(writes)), writes...).isDone()
		}
		want := content{
			"default/k": "d1", "write/k": "w1", "lock/k": "l3",
			"default/twice": "2", "write/empty": "",
		}
		g.has(1, want)
		for id := uint64(2); id <= 3; id++ {
			g.elect(id)
			g.has(id, want)
		}
		for _, s := range g.servers {
			s.powerCut()
		}
		g.elect(2)
		g.has(2, want)
		g.close()
	})
}

// TestCommandsTogether2B gives a leader several writes and reads at once,
// before it makes its next pass. Each is answered once and by itself: a write
// that is refused does not affect the others, and a client that closes its view
// does not close the views of others.
func TestCommandsTogether2B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "commands that come together are answered one by one, each exactly once",
		Source: "the contract of Write and Read",
	}, func(t *graded.T) {
		g := newGroup(t, 3, "a", "n")
		g.elect(1)
		leader := g.at(1)
		g.do(1, "a first put", set(engine.CFDefault, "a", "1")).isDone()

		var served []content
		var puts []*answer
		for i := range 3 {
			leader.ask(leader.context(), nil, func(r result) {
				if r.err != nil {
					t.Fatalf("read %d of 3 that came together was refused: %v", i+1, r.err)
				}
				served = append(served, read(t, r.view))
				if err := r.view.Close(); err != nil {
					t.Fatalf("the view of read %d of 3 that came together cannot be closed: %v", i+1, err)
				}
			})
			puts = append(puts, leader.submit(fmt.Sprintf("put %d of 3 that came together", i+1), set(engine.CFDefault, fmt.Sprintf("k%d", i), "2")))
		}
		outside := leader.submit("a put outside the region that came together with others", set(engine.CFDefault, "z", "2"))
		late := leader.submit("a read that came together with others")
		g.settle()
		g.tick(1, 2)

		for _, put := range puts {
			put.isDone()
		}
		if e := outside.refusal(); e.KeyNotInRegion == nil {
			t.Fatalf("%s was refused with %v", outside.request, e)
		}
		for _, found := range append(served, late.reads()) {
			if found["default/a"] != "1" {
				t.Fatalf("a read finds %q under key a, but 1 was put there before", found["default/a"])
			}
		}
		if len(served) != 3 {
			t.Fatalf("of 3 reads that came together, together with 4 puts, %d were answered", len(served))
		}
		g.has(1, content{"default/a": "1", "default/k0": "2", "default/k1": "2", "default/k2": "2"})
		g.close()
	})
}

// TestKeysOutsideRegion2B sends commands with keys that the region does not
// have: before its first key, at its end, after its end. Such a command is
// refused with an error that names the key and the range, and no part of it
// takes effect.
func TestKeysOutsideRegion2B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a command with a key outside the region is refused as a whole, and changes nothing on any store",
		Source: "the contract of (*peer).check",
	}, func(t *graded.T) {
		g := newGroup(t, 3, "b", "d")
		g.elect(1)
		g.do(1, "a put of the region's first key", set(engine.CFDefault, "b", "1")).isDone()
		g.do(1, "a put of the region's last key", set(engine.CFLock, "c\xff\xff", "1")).isDone()
		for _, key := range []string{"a", "a\xff\xff", "d", "d\x00", "e"} {
			for _, c := range []struct {
				what   string
				writes []engine.Op
			}{
				{"a put", []engine.Op{set(engine.CFDefault, key, "2")}},
				{"a delete", []engine.Op{remove(engine.CFDefault, key)}},
				{"a command that begins with a key inside, and then has", []engine.Op{set(engine.CFDefault, "b", "2"), set(engine.CFWrite, key, "2")}},
				{"a command that ends with a key inside, and before has", []engine.Op{remove(engine.CFLock, key), remove(engine.CFDefault, "b")}},
			} {
				request := fmt.Sprintf("%s key %q outside the region [b, d)", c.what, key)
				e := g.do(1, request, c.writes...).refusal()
				if outside := e.KeyNotInRegion; outside == nil || outside.RegionId != 1 || !bytes.Equal(outside.Key, []byte(key)) ||
					string(outside.StartKey) != "b" || string(outside.EndKey) != "d" {
					t.Fatalf("%s is refused with %v, not with a KeyNotInRegion that says which key, region and range", request, e)
				}
			}
		}
		want := content{"default/b": "1", "lock/c\xff\xff": "1"}
		for id := uint64(1); id <= 3; id++ {
			g.elect(id)
			g.has(id, want)
		}
		g.close()
	})
}

// TestLargeCommands2B writes values that are larger than a message should be,
// while a store is cut off. A single entry is sent whatever its size, or that
// store would never get it, nor any entry after it. And a command that is too
// large for any entry is refused at once: the store must not try to write it.
func TestLargeCommands2B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a large command reaches every store, and one that is too large for the log is refused",
		Source: "the contract of raft.Storage; the contract of (*peer).propose",
	}, func(t *graded.T) {
		g := newGroup(t, 3, "", "")
		g.elect(1)
		g.isolate(3)
		large := strings.Repeat("large ", 2<<20/6)
		g.do(1, "a put of a small value", set(engine.CFDefault, "before", "1")).isDone()
		g.do(1, "a put of 2 MiB", set(engine.CFDefault, "large", large)).isDone()
		g.do(1, "a put of a small value", set(engine.CFDefault, "behind", "1")).isDone()
		g.reconnect()
		for ticks := 0; ; ticks++ {
			leader, behind := g.at(1).status(), g.at(3).status()
			if behind.Applied == leader.Applied {
				break
			}
			if ticks == 40 {
				t.Fatalf("store 3 was cut off and has been back for %d ticks of the leader's clock, which has applied up to %d. It has applied only up to %d. The entry with 2 MiB is at %d",
					ticks, leader.Applied, behind.Applied, leader.Applied-1)
			}
			g.tick(1, 1)
		}

		tooLarge := g.do(1, "a put of 8 MiB", set(engine.CFDefault, "large", strings.Repeat("x", engine.MaxValueSize)))
		if r := tooLarge.result(); r.err == nil || r.err == storage.ErrOutcomeUnknown {
			t.Fatalf("%s, too large for an entry of the log, is not refused, but answered with %s", tooLarge.request, verdict(r))
		}
		g.do(1, "a put after one that was too large", set(engine.CFDefault, "last", "1")).isDone()
		g.elect(3)
		g.has(3, content{"default/before": "1", "default/large": large, "default/behind": "1", "default/last": "1"})
		g.close()
	})
}

// TestReplacedProposals2B lets a leader propose while it is cut off. Another
// leader's single entry takes the place of all that it proposed. Each of its
// proposers must be told so, once. Then the old leader leads again, and
// proposes at indexes where it has proposed before: the answers must go to the
// new proposers.
func TestReplacedProposals2B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a proposal is answered by the entry of its index and its term, or as stale once that entry can no longer come",
		Source: "the contract of (*proposals).decide",
	}, func(t *graded.T) {
		g := newGroup(t, 3, "", "")
		g.elect(1)
		g.do(1, "a put", set(engine.CFDefault, "k", "1")).isDone()
		g.isolate(1)
		var replaced []*answer
		for i := range 4 {
			replaced = append(replaced, g.do(1, fmt.Sprintf("put %d of 4 to a leader that is cut off,", i+1), set(engine.CFDefault, "k", fmt.Sprintf("lost %d", i))))
		}
		for _, a := range replaced {
			if len(a.results) > 0 {
				t.Fatalf("%s is answered with %s, but its outcome cannot be known yet", a.request, verdict(a.results[0]))
			}
		}
		g.elect(2)
		g.reconnect()
		g.tick(2, 4)
		for _, a := range replaced {
			if e := a.refusal(); e.StaleCommand == nil {
				t.Fatalf("%s, which another leader's entry has replaced, is refused with %v, not as stale", a.request, e)
			}
		}
		g.has(2, content{"default/k": "1"})

		g.elect(1)
		g.do(1, "a put to the old leader, which leads again,", set(engine.CFDefault, "k", "2")).isDone()
		g.do(1, "another put to the old leader, which leads again,", set(engine.CFDefault, "k", "3")).isDone()
		g.has(1, content{"default/k": "3"})
		g.close()
	})
}

// TestProposalsInPart2B gives a leader three puts at once, so large that they
// may not travel in one message. It is deposed after one message, so that the
// next leader has some of them, and not the others. Each proposer must be told
// the outcome of its own put.
func TestProposalsInPart2B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "proposals that were made together are each answered by their own outcome",
		Source: "the contract of Write",
	}, func(t *graded.T) {
		g := newGroup(t, 3, "", "")
		g.elect(1)
		g.waits = func(m *raftserverpb.RaftMessage) bool { return m.ToPeer.StoreId == 3 }
		large := strings.Repeat("large ", 700<<10/6)
		var puts []*answer
		for i := range 3 {
			puts = append(puts, g.at(1).submit(fmt.Sprintf("put %d of 3 that came together", i+1), set(engine.CFDefault, fmt.Sprintf("k%d", i), large)))
		}
		g.at(1).work()
		for m := g.next(); m != nil; m = g.next() {
			g.deliver(m)
			if len(m.Message.Entries) > 0 {
				break
			}
		}
		g.at(2).work()
		g.isolate(1)
		g.waits = nil
		g.elect(2)
		g.reconnect()
		g.tick(2, 8)

		found := g.do(2, "a read").reads()
		for i, put := range puts {
			_, survived := found[fmt.Sprintf("default/k%d", i)]
			switch r := put.result(); {
			case survived && r.err != nil:
				t.Fatalf("%s was taken over and applied by the next leader, but is answered with %s", put.request, verdict(r))
			case !survived && r.err == nil:
				t.Fatalf("%s was replaced by the next leader's entry, but is answered with %s", put.request, verdict(r))
			}
		}
		g.close()
	})
}
