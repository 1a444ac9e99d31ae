package raftstore_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/raftstore"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/kv/storage"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/errorpb"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/raftserverpb"
	"github.com/labkv/labkv/raft"
)

// kindOf names the kind of a refusal.
func kindOf(e *errorpb.Error) string {
	switch {
	case e.NotLeader != nil:
		return "NotLeader"
	case e.RegionNotFound != nil:
		return "RegionNotFound"
	case e.KeyNotInRegion != nil:
		return "KeyNotInRegion"
	case e.EpochNotMatch != nil:
		return "EpochNotMatch"
	case e.ServerIsBusy != nil:
		return "ServerIsBusy"
	case e.StaleCommand != nil:
		return "StaleCommand"
	case e.StoreNotMatch != nil:
		return "StoreNotMatch"
	}
	return "an error that has a message alone"
}

// is requires that the request was refused with an error of a kind.
func (a *asked) is(kind string) *errorpb.Error {
	a.t.Helper()
	refusal := a.refusal()
	if kindOf(refusal) != kind {
		a.t.Fatalf("%v, which is %s, and should be %s", a, kindOf(refusal), kind)
	}
	return refusal
}

// isOutdated requires that the request was refused because the region has changed, with
// the region as it is now.
func (a *asked) isOutdated(now *metapb.Region) {
	a.t.Helper()
	current := a.is("EpochNotMatch").EpochNotMatch.CurrentRegions
	if !slices.ContainsFunc(current, func(r *metapb.Region) bool { return proto.Equal(r, now) }) {
		a.t.Fatalf("%v, without the region as it is now, which is %s", a, describe(now))
	}
}

// TestBadChangesAreRefused3B asks for changes that make no sense, or that are for another
// region than the one that is there. Each gets the error that says so, and changes
// nothing. After that the region can still be changed.
func TestBadChangesAreRefused3B(t *testing.T) {
	alone := func(a *raftstore.Admin) {} // besides what the request asks for
	epoch := func(version, confVer uint64) func(a *raftstore.Admin) {
		return func(a *raftstore.Admin) {
			a.Context.RegionEpoch = &metapb.RegionEpoch{Version: version, ConfVer: confVer}
		}
	}
	const invalid = "an error that has a message alone"
	graded.Test(t, graded.Claim{
		Text:   "a request for a change that does not fit the region gets the error that says why, and changes nothing",
		Source: "the contract of Admin; region.Split, region.Add, region.Remove, region.CheckMembers",
	}, func(t *graded.T) {
		f := newFleet(t, fleetConfig{stores: 4, members: []uint64{1, 2, 3}})
		f.split(1, "m", 20, 21, 22, 23)
		f.split(20, "t", 30, 31, 32, 33)
		r := f.region(20) // with the keys from "m" to "t"
		leader := f.leader(20)
		v, c := r.RegionEpoch.Version, r.RegionEpoch.ConfVer
		for _, bad := range []struct {
			kind string
			asks func(a *raftstore.Admin)
			with func(a *raftstore.Admin)
		}{
			{invalid, splits("m", 90, 91, 92, 93), alone},
			{"KeyNotInRegion", splits("a", 90, 91, 92, 93), alone},
			{"KeyNotInRegion", splits("t", 90, 91, 92, 93), alone},
			{"KeyNotInRegion", splits("z", 90, 91, 92, 93), alone},
			{"KeyNotInRegion", splits("", 90, 91, 92, 93), alone},
			{invalid, splits("p", 90, 91, 92), alone},
			{invalid, splits("p", 90, 91, 92, 93, 94), alone},
			{invalid, splits("p", 90), alone},
			{invalid, splits("p", 0, 91, 92, 93), alone},
			{invalid, splits("p", 20, 91, 92, 93), alone},
			{invalid, splits("p", 90, 91, 0, 93), alone},
			{"EpochNotMatch", splits("p", 90, 91, 92, 93), epoch(v-1, c)},
			{"EpochNotMatch", splits("p", 90, 91, 92, 93), epoch(v+1, c)},
			{"EpochNotMatch", splits("p", 90, 91, 92, 93), epoch(v, c-1)},
			{"EpochNotMatch", splits("p", 90, 91, 92, 93), epoch(v, c+1)},
			{"EpochNotMatch", splits("p", 90, 91, 92, 93), func(a *raftstore.Admin) { a.Context.RegionEpoch = nil }},

			{invalid, adds(94, 3), alone},
			{invalid, adds(22, 4), alone},
			{invalid, adds(23, 3), alone},
			{invalid, adds(0, 4), alone},
			{invalid, adds(94, 0), alone},
			{"EpochNotMatch", adds(94, 4), epoch(v, c-1)},
			{"EpochNotMatch", adds(94, 4), epoch(v, c+1)},
			{"EpochNotMatch", adds(94, 4), func(a *raftstore.Admin) { a.Context.RegionEpoch = nil }},

			{invalid, removes(94, 4), alone},
			{invalid, removes(94, 3), alone},
			{invalid, removes(23, 2), alone},
			{invalid, removes(0, 0), alone},
			{"EpochNotMatch", removes(23, 3), epoch(v, c-1)},
			{"EpochNotMatch", removes(23, 3), epoch(v, c+1)},

			{invalid, transfers(94, 4), alone},
			{invalid, transfers(23, 2), alone},
			{invalid, transfers(0, 0), alone},
			{"EpochNotMatch", transfers(23, 3), epoch(v-1, c)},
			{"EpochNotMatch", transfers(23, 3), epoch(v, c-1)},
			{"EpochNotMatch", transfers(23, 3), func(a *raftstore.Admin) { a.Context.RegionEpoch = nil }},

			{invalid, alone, alone},
			{invalid, splits("p", 90, 91, 92, 93), adds(94, 4)},
			{invalid, splits("p", 90, 91, 92, 93), transfers(23, 3)},
			{invalid, removes(23, 3), transfers(23, 3)},

			{"RegionNotFound", splits("p", 90, 91, 92, 93), func(a *raftstore.Admin) { a.Context.RegionId = 99 }},
			{"RegionNotFound", adds(94, 4), func(a *raftstore.Admin) { a.Context.RegionId = 99 }},
			{"StoreNotMatch", splits("p", 90, 91, 92, 93), func(a *raftstore.Admin) { a.Context.Peer = &metapb.Peer{Id: 94, StoreId: 4} }},
			{"StaleCommand", splits("p", 90, 91, 92, 93), func(a *raftstore.Admin) { a.Context.Term = 1 }},
			{"StaleCommand", adds(94, 4), func(a *raftstore.Admin) { a.Context.Term = 1 }},
			{"StaleCommand", transfers(23, 3), func(a *raftstore.Admin) { a.Context.Term = 1 }},
		} {
			a := f.ask(leader, r, func(a *raftstore.Admin) { bad.asks(a); bad.with(a) })
			f.settle()
			if a.is(bad.kind); bad.kind == "EpochNotMatch" {
				a.isOutdated(r)
			}
			f.ticks(3)
			for _, s := range f.servers[:3] {
				if st, ok := s.Status(20); !ok || !proto.Equal(st.Region, r) {
					t.Fatalf("%v, but on store %d it has changed %s, and that is %s now", a, s.id, describe(r), describe(st.Region))
				}
				if len(s.Peers()) != 3 {
					t.Fatalf("%v, but it has changed which regions store %d has: they are %d", a, s.id, s.Peers())
				}
			}
			if f.leader(20) != leader || len(f.at(4).Peers()) > 0 {
				t.Fatalf("%v, but it has changed something: %s", a, f.state())
			}
		}
		f.put("n", "1")
		f.add(20, 24, 4)
		f.split(20, "p", 40, 41, 42, 43, 44)
		f.reads("n")
		f.settled(1, 20, 30, 40)
		f.close()
	})
}

// TestLastPeerStays3B asks for the removal of the only peer of a region.
func TestLastPeerStays3B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "the last peer of a region is never removed",
		Source: "region.Remove",
	}, func(t *graded.T) {
		f := newFleet(t, fleetConfig{stores: 2, members: []uint64{1, 2}})
		f.put("a", "1")
		f.remove(1, 2)
		f.ticks(5)
		for range 3 {
			a := f.ask(f.at(1), f.region(1), removes(1, 1))
			f.ticks(3)
			a.refusal()
		}
		f.reads("a")
		f.put("a", "2")
		f.settled(1)
		f.close()
	})
}

// TestChangeOfMembersIgnoresVersion3B changes the members of a region with an epoch from
// before a split: the members are the same as they were then.
func TestChangeOfMembersIgnoresVersion3B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a change of the members depends on conf_ver alone: a split in between does not matter to it",
		Source: "region.CheckMembers",
	}, func(t *graded.T) {
		f := newFleet(t, fleetConfig{stores: 4, members: []uint64{1, 2, 3}})
		before := f.region(1)
		f.split(1, "m", 20, 21, 22, 23)
		a := f.ask(f.leader(1), before, adds(14, 4))
		f.settle()
		if regions := a.isDone(); len(regions) != 1 || region.Peer(regions[0], 14) == nil || string(regions[0].EndKey) != "m" {
			t.Fatalf("%v, with the regions %v, and not with the region as it is then: [\"\", \"m\"), with peer 14", a, regions)
		}
		f.settled(1, 20)
		f.close()
	})
}

// TestAnswersToChanges3B asks for a change of each kind, and looks at the regions in the
// answer: they are what has become of the region. What the store does later does not
// change them.
func TestAnswersToChanges3B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a change is answered with the regions as they are then: the region, or its two halves, which the receiver may keep",
		Source: "the contract of Admin",
	}, func(t *graded.T) {
		f := newFleet(t, fleetConfig{stores: 4, members: []uint64{1, 2, 3}})
		r := f.region(1)
		type kept struct{ given, copied *metapb.Region }
		var all []kept
		do := func(set func(a *raftstore.Admin)) []*metapb.Region {
			a := f.ask(f.leader(1), f.region(1), set)
			f.settle()
			regions := a.isDone()
			for _, r := range regions {
				all = append(all, kept{r, proto.CloneOf(r)})
			}
			return regions
		}
		require := func(what string, got []*metapb.Region, want ...*metapb.Region) {
			if !slices.EqualFunc(got, want, func(a, b *metapb.Region) bool { return proto.Equal(a, b) }) {
				t.Fatalf("%s is answered with %v, and should be answered with %v", what, got, want)
			}
		}
		left, right, _ := region.Split(r, []byte("m"), 20, []uint64{21, 22, 23})
		require("a split", do(splits("m", 20, 21, 22, 23)), left, right)
		larger, _ := region.Add(left, &metapb.Peer{Id: 14, StoreId: 4})
		require("the addition of a peer", do(adds(14, 4)), larger)
		removed := larger.Peers[0]
		if leader := f.leader(1); removed.StoreId == leader.id {
			removed = larger.Peers[1]
		}
		smaller, _ := region.Remove(larger, removed)
		require("the removal of a peer", do(removes(removed.Id, removed.StoreId)), smaller)
		require("a transfer", do(transfers(14, 4)), smaller)
		f.split(1, "f", 30, 31, 32, 33)
		f.ticks(10)
		for _, k := range all {
			if !proto.Equal(k.given, k.copied) {
				t.Fatalf("an answer had %s, and the store has changed it since: it is %s now", describe(k.copied), describe(k.given))
			}
		}
		f.settled(1, 20, 30)
		f.close()
	})
}

// TestChangesAreForTheLeader3B asks a follower and a store that does not know the leader.
func TestChangesAreForTheLeader3B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a store that does not lead a region refuses to change it, and says who leads if it knows",
		Source: "errorpb.NotLeader; thesis §6.2",
	}, func(t *graded.T) {
		f := newFleet(t, fleetConfig{stores: 3, members: []uint64{1, 2, 3}})
		f.put("a", "1")
		f.transfer(1, 2)
		f.ticks(5)
		r := f.region(1)
		for _, id := range []uint64{1, 3} {
			for _, set := range []func(*raftstore.Admin){splits("m", 20, 21, 22, 23), removes(3, 3), adds(14, 4), transfers(1, 1)} {
				a := f.ask(f.at(id), r, set)
				f.settle()
				if e := a.is("NotLeader").NotLeader; e.GetLeader().GetId() != 2 || e.Leader.StoreId != 2 || e.RegionId != 1 {
					t.Fatalf("%v, which says that peer %v leads region %d, but it is peer 2 on store 2", a, e.Leader, e.RegionId)
				}
			}
		}
		f.settled(1)
		f.close()
	})
}

// TestOneChangeAtATime3B asks for a further change of the members while one is under way,
// together with a write. The second change is refused or waits, and the write does not
// suffer for it.
func TestOneChangeAtATime3B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "while a change of the members is under way, a second one is refused as busy; writes go on",
		Source: "thesis §4.1; errorpb.ServerIsBusy",
	}, func(t *graded.T) {
		for _, second := range []func(*raftstore.Admin){adds(15, 5), removes(3, 3), adds(14, 4)} {
			f := newFleet(t, fleetConfig{stores: 5, members: []uint64{1, 2, 3}})
			f.put("a", "1")
			f.transfer(1, 1)
			f.ticks(5)
			r := f.region(1)
			f.waits = func(*raftserverpb.RaftMessage) bool { return true }
			first := f.ask(f.at(1), r, adds(14, 4))
			f.settle()
			before := f.at(1).submit("a write before the second change", set(engine.CFDefault, "b", "1"))
			again := f.ask(f.at(1), r, second)
			after := f.at(1).submit("a write after the second change", set(engine.CFDefault, "c", "1"))
			f.settle()
			f.waits = nil
			f.settle()
			first.isDone()
			before.isDone()
			after.isDone()
			again.is("ServerIsBusy")
			f.want["default/b"], f.want["default/c"] = "1", "1"
			f.remove(1, 2) // the next one is free to go
			f.settled(1)
			f.close()
		}
	})
}

// changesToAsk are changes of each kind that a leader on store 1 can make, with what
// shows that a change has happened.
func changesToAsk() map[string]func(*raftstore.Admin) {
	return map[string]func(*raftstore.Admin){
		"split": splits("m", 20, 21, 22, 23), "addition": adds(14, 4), "removal": removes(3, 3),
	}
}

// changed says which change region 1 shows, or "".
func changed(r *metapb.Region) string {
	switch {
	case string(r.EndKey) == "m":
		return "split"
	case region.Peer(r, 14) != nil:
		return "addition"
	case region.Peer(r, 3) == nil:
		return "removal"
	}
	return ""
}

// TestChangesOfDeposedLeaders3B asks a leader for a change, and deposes it. The entry gets
// no further, or to one follower, which leads next. The answer is true, and it comes once
// it can be known.
func TestChangesOfDeposedLeaders3B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a change that was proposed is answered once, and truly, also if its leader is deposed meanwhile",
		Source: "the contract of Admin; Raft §8",
	}, func(t *graded.T) {
		asks := changesToAsk()
		for _, kind := range []string{"split", "addition", "removal"} {
			for _, reaches := range []bool{false, true} {
				for _, maxLog := range []uint64{0, 3} {
					f := newFleet(t, fleetConfig{stores: 4, members: []uint64{1, 2, 3}, maxLog: maxLog})
					f.put("a", "1")
					f.transfer(1, 1)
					f.ticks(5)
					r := f.region(1)
					f.isolate(3)
					f.waits = func(m *raftserverpb.RaftMessage) bool { return !reaches || m.ToPeer.StoreId == 1 }
					a := f.ask(f.at(1), r, asks[kind])
					f.settle()
					f.isolate(1)
					f.wire, f.waits = nil, nil
					delete(f.cut, 3)
					f.region(1) // waits for the next leader
					if kind == "removal" {
						f.reconnect() // perhaps only 1 and 2 are left
					}
					for i := range 20 {
						f.put(fmt.Sprintf("b%d", i), "1")
					}
					f.reconnect()
					f.ticks(30)
					happened := changed(f.region(1)) == kind
					switch refusal := (*region.Error)(nil); {
					case !a.done:
						t.Fatalf("%v, although another leader has decided about it long ago", a)
					case errors.As(a.err, &refusal) && happened:
						t.Fatalf("%v, but it was carried out", a)
					case a.err == nil && !happened:
						t.Fatalf("%v, but it was not carried out", a)
					case happened != reaches:
						t.Fatalf("%s: the next leader has it in its log: %v; and yet it was carried out: %v", a.request, reaches, happened)
					}
					if happened && kind == "split" {
						f.settled(1, 20)
					} else {
						f.settled(1)
					}
					f.close()
				}
			}
		}
	})
}

// TestChangesThatWaitAtTheEnd3B closes a store on which a change waits, and ends a peer on
// which one waits. Nobody there can know what will become of it.
func TestChangesThatWaitAtTheEnd3B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a change that waits when its store is closed, or its peer removed, is answered: its outcome is not known",
		Source: "storage.ErrOutcomeUnknown; the contract of Admin",
	}, func(t *graded.T) {
		asks := changesToAsk()
		for _, kind := range []string{"split", "addition", "removal"} {
			f := newFleet(t, fleetConfig{stores: 4, members: []uint64{1, 2, 3}})
			f.put("a", "1")
			f.transfer(1, 1)
			f.ticks(5)
			f.waits = func(*raftserverpb.RaftMessage) bool { return true }
			a := f.ask(f.at(1), f.region(1), asks[kind])
			f.settle()
			f.at(1).restart()
			if !a.done || !errors.Is(a.err, storage.ErrOutcomeUnknown) {
				t.Fatalf("%v; its store was closed while its entry was on its way to the followers", a)
			}
			f.waits = nil
			f.put("b", "1")
			f.close()

			f = newFleet(t, fleetConfig{stores: 4, members: []uint64{1, 2, 3}})
			f.put("a", "1")
			f.transfer(1, 1)
			f.ticks(5)
			f.isolate(1)
			a = f.ask(f.at(1), f.region(1), asks[kind])
			b := f.at(1).submit("a write", set(engine.CFDefault, "c", "1"))
			c := f.at(1).submit("a read")
			f.settle()
			f.remove(1, 1)
			f.wire = nil
			f.reconnect()
			f.until("the end of the removed peer", func() bool { _, ok := f.peer(1, 1); return !ok })
			for what, err := range sorted(map[string]error{a.request: a.err, b.request: b.result().err}) {
				var refusal *region.Error
				if errors.As(err, &refusal) && refusal.Err.StaleCommand != nil {
					continue // the peer has learned of its removal by the log
				}
				if !errors.Is(err, storage.ErrOutcomeUnknown) {
					t.Fatalf("%s waited on a peer that was removed. It was answered with %v, which is neither StaleCommand nor that the outcome is unknown", what, err)
				}
			}
			c.refusal()
			for _, s := range f.servers {
				s.asked = nil
			}
			f.settled(1)
			f.close()
		}
	})
}

// TestChangesWithoutRoom3B asks for changes while the leader's disk is full. They are
// answered once there is room again.
func TestChangesWithoutRoom3B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a change that meets a full disk is answered once, when it is carried out or refused",
		Source: "doc.go: What is durable when",
	}, func(t *graded.T) {
		asks := changesToAsk()
		for _, kind := range []string{"split", "addition", "removal"} {
			f := newFleet(t, fleetConfig{stores: 4, members: []uint64{1, 2, 3}})
			f.put("a", "1")
			f.transfer(1, 1)
			f.ticks(5)
			s := f.at(1)
			for _, d := range []bool{true, false} {
				disk := s.log
				if d {
					disk = s.data
				}
				var a *asked
				s.whileFull(disk, func() {
					a = f.ask(s, f.region(1), asks[kind])
					f.settle()
					if a.done && a.err == nil {
						t.Fatalf("%v, but it cannot be on the disk, which is full", a)
					}
				})
				f.ticks(5)
				if !a.done {
					t.Fatalf("%v, although there is room again", a)
				}
			}
			if changed(f.region(1)) != kind {
				t.Fatalf("the %s that was asked for has not happened; %s", kind, f.state())
			}
			if kind == "split" {
				f.settled(1, 20)
			} else {
				f.settled(1)
			}
			f.close()
		}
	})
}

// TestRefusedChangeOfMembersIsNone3B gives a follower a log in which an addition was made
// for an epoch that is over. The addition is refused, and the follower needs the votes that
// it needed before.
func TestRefusedChangeOfMembersIsNone3B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a change of the members that does not fit the region at its place in the log changes neither the region nor what Raft takes for a majority",
		Source: "the contract of (*applier).changeMembers; Raft §5.2",
	}, func(t *graded.T) {
		// A leader makes the entries: an addition, and the removal of the same peer.
		f := newFleet(t, fleetConfig{stores: 4, members: []uint64{1, 2, 3}})
		begin := f.region(1)
		var changes []*eraftpb.Entry
		f.waits = func(m *raftserverpb.RaftMessage) bool {
			for _, e := range m.Message.GetEntries() {
				if e.EntryType == eraftpb.EntryType_EntryConfChange && (len(changes) == 0 || e.Index > changes[len(changes)-1].Index) {
					changes = append(changes, e)
				}
			}
			return false
		}
		f.add(1, 14, 4)
		f.remove(1, 4)
		f.settled(1)
		f.close()
		if len(changes) != 2 {
			t.Fatalf("after an addition and a removal, the leader has sent %d entries that change the members", len(changes))
		}

		m := newMemberWith(t, serverConfig{id: 1, region: begin, fleet: true, maxLog: unlimited})
		var log []*eraftpb.Entry
		for i, e := range []*eraftpb.Entry{changes[0], changes[1], changes[0]} {
			log = append(log, &eraftpb.Entry{EntryType: e.EntryType, Index: uint64(i + 2), Term: 5, Data: e.Data})
		}
		m.append(2, 5, 1, 1, log, 4)
		want := proto.CloneOf(begin)
		want.RegionEpoch.ConfVer += 2
		if got := m.status().Region; !proto.Equal(got, want) {
			t.Fatalf("a log has an addition, a removal of the same peer, and the same addition again, which was made for an epoch that is over. After that there is %s, and it should be %s", describe(got), describe(want))
		}
		for n := 0; m.lastTo(3, eraftpb.MessageType_MsgRequestVote) == nil; n++ {
			if n == 100 {
				t.Fatal("a follower that hears from no other store for 100 ticks does not campaign")
			}
			m.tick()
		}
		m.receive(&eraftpb.Message{MsgType: eraftpb.MessageType_MsgRequestVoteResponse, From: 3, Term: m.status().Term})
		if m.status().RaftState != raft.StateLeader {
			t.Fatal("an addition of a fourth member was refused. The region has three members, of which two vote for one of them, and it does not lead")
		}
		m.Close()
	})
}

// TestFullPartBeforeSplit3B gives a follower a log with as many operations as one request
// can have, and a split behind them, all of it committed.
func TestFullPartBeforeSplit3B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a split can be applied together with any write that was accepted before it",
		Source: "the contract of (*applier).add; engine.MaxBatchLen",
	}, func(t *graded.T) {
		const n = engine.MaxBatchLen - 1
		// A leader makes the entries.
		f := newFleet(t, fleetConfig{stores: 2, members: []uint64{1, 2}})
		entries := map[uint64]*eraftpb.Entry{}
		last := uint64(0)
		f.waits = func(m *raftserverpb.RaftMessage) bool {
			for _, e := range m.Message.GetEntries() {
				if m.RegionId == 1 {
					entries[e.Index], last = e, max(last, e.Index)
				}
			}
			return false
		}
		begin := f.region(1)
		f.transfer(1, 1)
		ops := make([]engine.Op, n)
		for i := range ops {
			ops[i] = set(engine.CFDefault, "a", "1")
		}
		w := &answer{t: t, request: fmt.Sprintf("a write of %d operations", n)}
		f.at(1).ask(&kvrpcpb.Context{RegionId: 1, RegionEpoch: begin.RegionEpoch}, ops, w.add)
		f.ticks(3)
		w.isDone()
		f.split(1, "m", 20, 21, 22)
		f.close()

		m := newMemberWith(t, serverConfig{id: 2, region: begin, fleet: true, maxLog: unlimited})
		message := appendOf(1, entries[last].Term, 1, 1, entriesOf(entries, 2, last)...)
		message.Commit = last
		m.receive(message)
		for range 3 { // what follows from an entry may wait for a tick
			m.Tick()
			m.work()
		}
		right, ok := m.Status(20)
		if left := m.status(); left.Applied != last || string(left.Region.EndKey) != "m" || !ok {
			t.Fatalf("a follower gets a log with a write of %d operations and a split, up to index %d, and three ticks. It has applied it up to %d, and there is %s, and of its right half %v", n, last, left.Applied, describe(left.Region), right)
		}
		m.Close()
	})
}
