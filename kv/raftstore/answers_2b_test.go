package raftstore_test

import (
	"fmt"
	"runtime"
	"testing"
	"weak"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/errorpb"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/metapb"
)

// TestProposalsOfManyTerms2B makes a store leader again and again. Each time it
// proposes, commits nothing, and loses all of it but a part to another leader.
// So it proposes at indexes at which it has proposed before, while the old
// proposals still wait. In the end a majority agrees with it: everything is
// decided, and each proposer hears of its own proposal, once.
func TestProposalsOfManyTerms2B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "each proposal is answered exactly once, also if later ones had its index",
		Source: "the contract of (*proposals).decide; invariant 7 of the guide",
	}, func(t *graded.T) {
		const rounds, puts = 4, 5
		m := newMember(t, 1, unlimited)
		value := func(round, i int) string { return fmt.Sprintf("put %d of round %d", i, round) }
		asked := [rounds][]*answer{}
		last, term := uint64(0), uint64(1)
		for round := range rounds {
			if round == rounds-1 {
				m.follower = 3
			}
			m.lead(term)
			for i := range puts {
				v := value(round, i)
				asked[round] = append(asked[round], m.submit(v, set(engine.CFDefault, v, "1")))
				m.work()
			}
			if round == rounds-1 {
				break
			}
			// The log has the no-op of the leader at last+1, and then
			// the puts. Store 2 has the first two of all these, and its
			// own no-op is in the place of the third.
			replaced, own := last+3, term
			m.append(2, term+1, last+2, own, emptyEntries(term+1, replaced, replaced), 0)
			last = replaced
			term += 2
		}
		for range 10 {
			m.tick()
		}
		found := m.content()
		for round := range rounds {
			for i, a := range asked[round] {
				_, applied := found["default/"+value(round, i)]
				survives := i == 0 || round == rounds-1
				switch r := a.result(); {
				case applied != survives:
					t.Fatalf("%s is in the log: %v, and was applied: %v", a.request, survives, applied)
				case applied && r.err != nil:
					t.Fatalf("%s was applied, but is answered with %s", a.request, verdict(r))
				case !applied && a.refusal().StaleCommand == nil:
					t.Fatalf("%s, which another leader's entry has replaced, is refused with %s, not as stale", a.request, verdict(r))
				}
			}
		}
		m.Close() // answers whatever still waits: nothing may be answered twice
	})
}

// A token stands for the memory of a request: it lives for as long as something
// can still answer that request.
type token struct{ results int }

// TestAnsweredRequestsAreForgotten2B sends a store many requests, one after
// another: writes and reads that are carried out, and some that are refused.
// Then it asks the garbage collector which of them the store still holds. It
// may keep some in buffers that it uses again; it must not keep all.
func TestAnsweredRequestsAreForgotten2B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a store forgets a request once it is answered",
		Source: "doc.go: What a store costs",
	}, func(t *graded.T) {
		const n, most = 200, 50
		g := newGroup(t, 3, "", "")
		g.elect(1)
		leader := g.at(1)
		other := &kvrpcpb.Context{RegionId: 1, RegionEpoch: &metapb.RegionEpoch{Version: 7, ConfVer: 1}}
		kinds := []struct {
			what string
			rc   *kvrpcpb.Context
			ops  []engine.Op
		}{
			{"puts that were done", leader.context(), []engine.Op{set(engine.CFDefault, "k", "1")}},
			{"reads that were served", leader.context(), nil},
			{"puts that were refused", other, []engine.Op{set(engine.CFDefault, "k", "2")}},
			{"reads that were refused", other, nil},
		}
		held := make([][]weak.Pointer[token], len(kinds))
		ask := func(id uint64, kind int) {
			k := &token{}
			held[kind] = append(held[kind], weak.Make(k))
			g.at(id).ask(kinds[kind].rc, kinds[kind].ops, func(r result) {
				if r.view != nil {
					_ = r.view.Close()
				}
				if k.results++; k.results > 1 {
					t.Fatalf("one of many %s is answered twice", kinds[kind].what)
				}
			})
			g.settle()
		}
		for range n {
			for kind := range kinds {
				ask(1, kind)
			}
		}
		// What a deposed leader has proposed is decided, too.
		kinds = append(kinds, struct {
			what string
			rc   *kvrpcpb.Context
			ops  []engine.Op
		}{"puts that another leader's entry has replaced", leader.context(), kinds[0].ops})
		held = append(held, nil)
		g.isolate(1)
		for range n {
			ask(1, len(kinds)-1)
		}
		g.elect(2)
		g.reconnect()
		g.tick(2, 4)
		g.elect(1)
		ask(1, 0)
		ask(1, 1)

		runtime.GC()
		for kind, tokens := range held {
			kept := 0
			for _, token := range tokens {
				if token.Value() != nil {
					kept++
				}
			}
			if kept > most {
				t.Fatalf("of %d %s, one after another, the store still holds %d", len(tokens), kinds[kind].what, kept)
			}
		}
		g.close()
	})
}

// TestWhatIsRefusedFirst2B sends requests with more than one fault, to a leader
// and to a follower, both cut off from all others. Each is refused at once: it
// needs no majority to see that. And the error is for the fault that comes
// first. A store that is not the one that the client means says so before all
// else, and one that does not lead cannot know which version is the present
// one.
func TestWhatIsRefusedFirst2B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a request that cannot be taken is refused at once: first for its store, then for the leader, then for the region",
		Source: "the contract of (*peer).check; doc/project2-raftkv.md, What a request says",
	}, func(t *graded.T) {
		g := newGroup(t, 3, "b", "d")
		g.elect(1)
		g.do(1, "a put", set(engine.CFDefault, "c", "1")).isDone()
		g.tick(1, 4)
		g.isolate(1, 2, 3)
		ends := [...]uint64{1: g.at(1).status().LastIndex, 2: g.at(2).status().LastIndex}
		version := func(v uint64) *metapb.RegionEpoch { return &metapb.RegionEpoch{Version: v, ConfVer: 1} }

		storeNotMatch := func(e *errorpb.Error) bool { return e.StoreNotMatch != nil }
		notLeader := func(e *errorpb.Error) bool { return e.NotLeader != nil }
		epochNotMatch := func(e *errorpb.Error) bool { return e.EpochNotMatch != nil }
		for _, epoch := range []struct {
			what  string
			epoch *metapb.RegionEpoch
			right bool
		}{
			{"the present version", version(1), true},
			{"an earlier version", version(0), false},
			{"a later version", version(2), false},
			{"no version", nil, false},
		} {
			for _, id := range []uint64{1, 2} {
				for _, store := range []uint64{0, 1, 2, 3, 9} {
					want, name := epochNotMatch, "an EpochNotMatch"
					switch {
					case store != 0 && store != id:
						want, name = storeNotMatch, "a StoreNotMatch"
					case id != 1:
						want, name = notLeader, "a NotLeader"
					case epoch.right:
						continue
					}
					rc := &kvrpcpb.Context{RegionId: 1, RegionEpoch: epoch.epoch}
					if store != 0 {
						rc.Peer = &metapb.Peer{Id: store, StoreId: store}
					}
					role := [...]string{1: "the leader", 2: "a follower"}[id]
					what := fmt.Sprintf("for %s, with %s of the region, to %s,", storeName(store), epoch.what, role)
					for _, a := range g.asks(id, what, rc, "c", "2") {
						if len(a.results) == 0 {
							t.Fatalf("%s is not refused at once: it waits for other stores", a.request)
						}
						if e := a.refusal(); !want(e) {
							t.Fatalf("%s is refused with %v, not with %s", a.request, e, name)
						}
					}
					if last := g.at(id).status().LastIndex; last != ends[id] {
						t.Fatalf("a request %s is refused, but proposed all the same: the log ended at %d, and ends at %d now", what, ends[id], last)
					}
				}
			}
		}
		g.close()
	})
}

func storeName(id uint64) string {
	if id == 0 {
		return "no store in particular"
	}
	return fmt.Sprintf("store %d", id)
}
