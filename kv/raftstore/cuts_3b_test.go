package raftstore_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/raftstore"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

// A changingLog is a log of region 1 in which entries that change the region are followed
// by entries that were proposed before these were applied. Store 1 has led, and has
// applied all of it.
type changingLog struct {
	*fleet
	begin   *metapb.Region
	entries map[uint64]*eraftpb.Entry // by index
	last    uint64
	blocked bool
}

// newChangingLog makes such a log, and checks the answers to what was proposed.
func newChangingLog(t *graded.T) *changingLog {
	l := &changingLog{fleet: newFleet(t, fleetConfig{stores: 4, members: []uint64{1, 2, 3}}), entries: map[uint64]*eraftpb.Entry{}}
	l.waits = func(m *raftserverpb.RaftMessage) bool {
		if m.RegionId == 1 {
			for _, e := range m.Message.GetEntries() {
				l.entries[e.Index] = e
			}
		}
		return l.blocked
	}
	l.begin = l.region(1)
	l.transfer(1, 1)
	l.ticks(5)

	// All of these are proposed before the first of them is committed.
	r := l.region(1)
	l.blocked = true
	before := l.write("a write before a split", r, set(engine.CFDefault, "a", "1"), set(engine.CFLock, "b", "1"), set(engine.CFDefault, "z", "1"), set(engine.CFWrite, "m", "1"), set(engine.CFLock, "n", "1"))
	split := l.propose(r, splits("m", 20, 21, 22, 23))
	left := l.write("a write to the left half that was proposed before the split was applied", r, set(engine.CFDefault, "a", "late"))
	right := l.write("a write to the right half that was proposed before the split was applied", r, set(engine.CFDefault, "z", "late"))
	both := l.write("a write to both halves that was proposed before the split was applied", r, set(engine.CFDefault, "a", "late"), set(engine.CFDefault, "z", "late"))
	again := l.propose(r, splits("m", 20, 21, 22, 23))
	other := l.propose(r, splits("c", 40, 41, 42, 43))
	add := l.propose(r, adds(14, 4))
	afterBoth := l.propose(r, splits("f", 50, 51, 52, 53))
	l.blocked = false
	l.settle()
	before.isDone()
	split.isDone()
	add.isDone()
	now := l.region(1)
	for _, w := range []*answer{left, right, both} {
		l.outdated(w, split.regions[0])
	}
	again.isOutdated(split.regions[0])
	other.isOutdated(split.regions[0])
	afterBoth.isOutdated(now)

	// A removal, and the same again with a split behind it.
	l.blocked = true
	early := l.write("a write before a removal", now, set(engine.CFDefault, "c", "1"), remove(engine.CFLock, "b"))
	removal := l.propose(now, removes(3, 3))
	behind := l.propose(now, splits("f", 60, 61, 62, 63, 64))
	sameVersion := l.write("a write that was proposed before a removal of a member was applied", now, set(engine.CFDefault, "d", "1"))
	l.blocked = false
	l.settle()
	early.isDone()
	removal.isDone()
	behind.isOutdated(l.region(1))
	sameVersion.isDone()

	l.blocked = true
	now = l.region(1)
	last := l.propose(now, splits("c", 70, 71, 72, 74))
	late := l.write("a write to the right half of a second split", now, set(engine.CFDefault, "c", "late"))
	l.blocked = false
	l.settle()
	last.isDone()
	l.outdated(late, last.regions[0])
	l.ticks(5)
	for index := range l.entries {
		l.last = max(l.last, index)
	}
	if len(l.entries) < 14 {
		t.Fatalf("the leader has sent %d entries, and should have sent one for each of 14 requests that passed their first check", len(l.entries))
	}
	return l
}

// write gives store 1 a write, and lets it propose it.
func (l *changingLog) write(what string, r *metapb.Region, ops ...engine.Op) *answer {
	a, s := &answer{t: l.t, request: what}, l.at(1)
	s.ask(&kvrpcpb.Context{RegionId: r.Id, RegionEpoch: r.RegionEpoch}, ops, a.add)
	l.settle()
	return a
}

// propose gives store 1 a change, and lets it propose it.
func (l *changingLog) propose(r *metapb.Region, set func(*raftstore.Admin)) *asked {
	a := l.ask(l.at(1), r, set)
	l.settle()
	return a
}

// outdated requires that a write was refused because of the split that made now.
func (l *changingLog) outdated(a *answer, now *metapb.Region) {
	e := a.refusal()
	if e.EpochNotMatch == nil {
		l.t.Fatalf("%s is answered with %q, and should be refused with EpochNotMatch", a.request, e.Message)
	}
	if !slices.ContainsFunc(e.EpochNotMatch.CurrentRegions, func(r *metapb.Region) bool { return proto.Equal(r, now) }) {
		l.t.Fatalf("%s is refused without the region as it is now, %s, but with %v", a.request, describe(now), e.EpochNotMatch.CurrentRegions)
	}
}

// follower returns another store id as it was at the beginning.
func (l *changingLog) follower(t *graded.T, id uint64) *member {
	return newMemberWith(t, serverConfig{id: id, region: l.begin, fleet: true, maxLog: unlimited})
}

// gives delivers the entries (from, to] to m, which are committed up to commit.
func (l *changingLog) gives(m *member, from, to, commit uint64) {
	l.t.Helper()
	prevTerm := uint64(1)
	if from > 1 {
		prevTerm = l.entries[from].Term
	}
	message := appendOf(1, l.entries[l.last].Term, from, prevTerm, entriesOf(l.entries, from+1, to)...)
	message.Commit = commit
	m.receive(message)
}

// same requires that a store has decided like store 2 of the fleet, if it has applied
// everything, and says what is different otherwise. The store gets a few ticks: what follows
// from an entry may wait for one.
func (l *changingLog) same(m *member, how string, want map[uint64]*metapb.Region, data content) {
	l.t.Helper()
	for range 3 {
		m.Tick()
		m.work()
	}
	var got []uint64
	for _, id := range m.Peers() {
		if st, ok := m.Status(id); ok && !st.Leaving {
			got = append(got, id)
			if !proto.Equal(st.Region, want[id]) {
				l.t.Fatalf("a follower gets the log %s. It is at %s, and should be at %s", how, describe(st.Region), describe(want[id]))
			}
		}
	}
	if slices.Sort(got); !slices.Equal(got, slices.Sorted(maps.Keys(want))) {
		l.t.Fatalf("a follower gets the log %s, and three ticks. It has peers of the regions %d, and should have peers of %d, those that the splits in the log have made", how, got, slices.Sorted(maps.Keys(want)))
	}
	if different := data.differs(m.content()); different != "" {
		l.t.Fatalf("a follower gets the log %s. After that there is %s", how, different)
	}
}

// TestReplicasDecideAlike3B makes a log in which splits and changes of the members are
// followed by writes and changes that do not fit any more, and gives it to followers: in
// one piece, entry by entry, in two pieces with a power cut between them, and as one piece
// of which more and more is committed. All must decide like the leader. Then the power
// fails, and they apply what they have lost again.
func TestReplicasDecideAlike3B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "an entry is checked against the region at its own place in the log, so all replicas decide alike, however their Readys are cut",
		Source: "the contract of applier; thesis §4.1",
	}, func(t *graded.T) {
		l := newChangingLog(t)
		want, data := map[uint64]*metapb.Region{}, l.at(2).content()
		for _, id := range l.at(2).Peers() {
			st, _ := l.at(2).Status(id)
			want[id] = st.Region
		}
		if len(want) != 3 {
			t.Fatalf("region 1 was split twice, but store 2 has the regions %d", l.at(2).Peers())
		}
		expected := content{
			"default/a": "1", "default/z": "1", "write/m": "1", "lock/n": "1", "default/c": "1", "default/d": "1",
		}
		if different := expected.differs(data); different != "" {
			t.Fatalf("store 2 has followed. After that there is %s", different)
		}
		check := func(m *member, how string) {
			l.same(m, how, want, data)
			m.powerCut()
			l.gives(m, l.last, l.last, l.last)
			l.same(m, how+", and loses its power", want, data)
			m.restart()
			l.gives(m, l.last, l.last, l.last)
			l.same(m, how+", loses its power, and starts once more", want, data)
			m.Close()
		}

		m := l.follower(t, 2)
		l.gives(m, 1, l.last, l.last)
		check(m, "in one piece")

		m = l.follower(t, 2)
		for index := uint64(2); index <= l.last; index++ {
			l.gives(m, index-1, index, index)
		}
		check(m, "entry by entry")

		m = l.follower(t, 2)
		l.gives(m, 1, l.last, 1)
		for index := uint64(2); index <= l.last; index++ {
			l.gives(m, l.last, l.last, index)
		}
		check(m, "in one piece, and entry by entry learns what is committed")

		for cut := uint64(2); cut < l.last; cut++ {
			for _, loses := range []bool{false, true} {
				m = l.follower(t, 2)
				how := fmt.Sprintf("up to index %d of %d, starts again, and gets the rest", cut, l.last)
				l.gives(m, 1, cut, cut)
				if loses {
					how = fmt.Sprintf("up to index %d of %d, loses its power, and gets the rest", cut, l.last)
					m.powerCut()
				} else {
					m.restart()
				}
				l.gives(m, cut, l.last, l.last)
				check(m, how)
			}
		}
		l.close()
	})
}

// TestRemovedPeerBeginsNothing3B gives the log to the follower that it removes, in all
// pieces. A split after its removal gives it nothing.
func TestRemovedPeerBeginsNothing3B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a split that comes after the removal of a peer in the log creates no region on its store",
		Source: "the contract of applier; thesis §4.2.2",
	}, func(t *graded.T) {
		l := newChangingLog(t)
		for cut := uint64(1); cut <= l.last; cut++ {
			m := l.follower(t, 3)
			l.gives(m, 1, cut, cut)
			if cut%2 == 0 {
				m.powerCut()
			}
			if _, ok := m.Status(1); ok {
				l.gives(m, cut, l.last, l.last)
			}
			m.restart()
			if st, ok := m.Status(70); ok {
				t.Fatalf("a follower applies its own removal, and then gets a peer of %s, which was split off later", describe(st.Region))
			}
			if _, ok := m.Status(20); !ok {
				t.Fatal("a follower has no peer of region 20, which was split off before the removal of the follower's peer of region 1")
			}
			m.Close()
		}
		l.close()
	})
}

// TestLeaderMeetsItsRemoval3B makes a peer lead whose removal is in its log, not yet
// committed, and asks it for a split and a write. Other members carry them out, so it must
// not say that they had no effect.
func TestLeaderMeetsItsRemoval3B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a leader that applies its own removal answers truly what comes after it in the log",
		Source: "the contract of Admin; thesis §4.2.2",
	}, func(t *graded.T) {
		f := newFleet(t, fleetConfig{stores: 3, members: []uint64{1, 2, 3}})
		f.put("a", "1")
		f.put("z", "1")
		f.transfer(1, 1)
		f.ticks(5)
		r := f.region(1)
		f.waits = func(m *raftserverpb.RaftMessage) bool { return m.ToPeer.StoreId != 3 }
		f.ask(f.at(1), r, removes(3, 3))
		f.settle()
		f.isolate(1)
		f.wire, f.waits = nil, nil
		// What store 2 acknowledges is lost until all is in its log.
		acknowledges := func(m *raftserverpb.RaftMessage) bool {
			return m.Message.GetMsgType() == eraftpb.MessageType_MsgAppendResponse
		}
		f.loses = acknowledges
		f.elect(3)
		split := f.ask(f.at(3), r, splits("m", 20, 21, 22, 23))
		write := &answer{t: t, request: "a write to a leader whose removal is in its log"}
		f.at(3).ask(&kvrpcpb.Context{RegionId: 1, RegionEpoch: r.RegionEpoch}, []engine.Op{set(engine.CFDefault, "b", "1")}, write.add)
		f.tick(3, 10)
		f.loses = nil
		f.tick(3, 10)
		f.reconnect()
		f.ticks(100)
		now := f.region(1)
		happened := string(now.EndKey) == "m"
		refusal := (*region.Error)(nil)
		switch {
		case !split.done:
			t.Fatalf("%v", split)
		case errors.As(split.err, &refusal) && happened:
			t.Fatalf("%v, but the other members have carried it out", split)
		case split.err == nil && !happened:
			t.Fatalf("%v, but the other members have not carried it out", split)
		}
		_, found := f.leader(1).content()["default/b"]
		switch err := write.result().err; {
		case errors.As(err, &refusal) && found:
			t.Fatalf("%s is refused with %q, but the other members have carried it out", write.request, err)
		case err == nil && !found:
			t.Fatalf("%s is done, but the other members have not carried it out", write.request)
		}
		if found {
			f.want["default/b"] = "1"
		}
		if region.Peer(now, 3) != nil {
			t.Fatalf("the removal of peer 3 was in the log of its leader, and is not carried out: there is %s", describe(now))
		}
		if happened {
			f.settled(1, 20)
		} else {
			f.settled(1)
		}
		f.close()
	})
}

// TestReadsBehindSplits3B asks for a read of the whole region, and splits the region
// before the read can be served. Half of the keys would be a wrong answer.
func TestReadsBehindSplits3B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a read that was asked with the epoch before a split shows all keys of the region as it was, or is refused",
		Source: "region.Check; thesis §6.4",
	}, func(t *graded.T) {
		for order := range 3 {
			f := newFleet(t, fleetConfig{stores: 3, members: []uint64{1, 2, 3}})
			f.put("a", "1")
			f.put("z", "1")
			f.transfer(1, 1)
			f.ticks(5)
			r, s := f.region(1), f.at(1)
			f.waits = func(*raftserverpb.RaftMessage) bool { return true }
			var a *answer
			if order == 0 {
				a = s.submit("a read before a split")
			}
			f.settle()
			split := f.ask(s, r, splits("m", 20, 21, 22, 23))
			if order == 1 {
				a = s.submit("a read beside a split")
			}
			f.settle()
			if order == 2 {
				a = s.submit("a read after a split was proposed")
			}
			f.settle()
			f.waits = nil
			f.settle()
			split.isDone()
			if got := a.result(); got.err == nil {
				if different := f.want.differs(a.reads()); different != "" {
					t.Fatalf("%s, with the epoch before it, finds %s", a.request, different)
				}
			} else if kind := kindOf(a.refusal()); kind != "EpochNotMatch" {
				t.Fatalf("%s is refused with %s, and should be served or refused with EpochNotMatch", a.request, kind)
			}
			f.settled(1, 20)
			f.close()
		}
	})
}

// TestOldEpochIsRefused3B sends writes and reads with the epoch before a split to all
// halves, also after restarts.
func TestOldEpochIsRefused3B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "after a split, a request with the epoch before it is refused, with the region as it is now",
		Source: "region.Check; errorpb.EpochNotMatch",
	}, func(t *graded.T) {
		f := newFleet(t, fleetConfig{stores: 3, members: []uint64{1, 2, 3}})
		f.put("a", "1")
		f.put("z", "1")
		old := f.region(1)
		f.split(1, "m", 20, 21, 22, 23)
		f.settled(1, 20)
		for range 2 {
			for _, id := range []uint64{1, 20} {
				now := f.region(id)
				for _, key := range []string{"a", "z"} {
					for _, ops := range [][]engine.Op{nil, {set(engine.CFDefault, key, "2")}} {
						a := &answer{t: t, request: fmt.Sprintf("a request for key %q to region %d with the epoch from before its split", key, id)}
						f.leader(id).ask(&kvrpcpb.Context{RegionId: id, RegionEpoch: old.RegionEpoch}, ops, a.add)
						f.settle()
						e := a.refusal()
						if e.EpochNotMatch == nil || !slices.ContainsFunc(e.EpochNotMatch.CurrentRegions, func(r *metapb.Region) bool { return proto.Equal(r, now) }) {
							t.Fatalf("%s is refused with %q, and should be refused with EpochNotMatch and the region as it is now", a.request, e.Message)
						}
					}
				}
				for key, ops := range sorted(map[string][]engine.Op{"a": {set(engine.CFDefault, "a", "2")}, "z": {set(engine.CFDefault, "z", "2")}}) {
					if (key == "a") == (id == 1) {
						continue
					}
					a := &answer{t: t, request: fmt.Sprintf("a write of key %q to region %d, which does not have it,", key, id)}
					f.leader(id).ask(&kvrpcpb.Context{RegionId: id, RegionEpoch: now.RegionEpoch}, ops, a.add)
					f.settle()
					if e := a.refusal(); e.KeyNotInRegion == nil {
						t.Fatalf("%s is refused with %q, and should be refused with KeyNotInRegion", a.request, e.Message)
					}
				}
			}
			for _, s := range f.servers {
				s.restart()
			}
		}
		f.settled(1, 20)
		f.close()
	})
}

// TestViewsOutliveChanges3B opens views before a split and after it, and looks at them
// when the halves were written, were split once more, and have left the store.
func TestViewsOutliveChanges3B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a view shows what it showed at first, whatever becomes of its region",
		Source: "the contract of Read; engine.Snapshot",
	}, func(t *graded.T) {
		f := newFleet(t, fleetConfig{stores: 3, members: []uint64{1, 2, 3}})
		for _, key := range []string{"a", "m", "z"} {
			f.put(key, "1")
		}
		f.transfer(1, 1)
		whole, all := f.request("a read", "a").view, maps.Clone(f.want)
		f.split(1, "m", 20, 21, 22, 23)
		f.transfer(20, 1)
		right := f.request("a read", "z").view
		inRight := content{"default/m": "1", "default/z": "1"}
		check := func(when string) {
			if different := all.differs(read(t, whole)); different != "" {
				t.Fatalf("a view was opened before a split. %s it shows %s", when, different)
			}
			if different := inRight.differs(read(t, right)); different != "" {
				t.Fatalf("a view of the right half was opened after a split. %s it shows %s", when, different)
			}
		}
		check("At first")
		f.put("z", "2")
		f.put("a", "2")
		f.put("b", "2")
		check("After writes")
		f.split(20, "p", 30, 31, 32, 33)
		f.put("z", "3")
		check("After another split")
		for _, id := range []uint64{1, 20, 30} {
			f.remove(id, 1)
		}
		f.until("the deletion of all data on store 1", func() bool { return len(f.at(1).content()) == 0 && len(f.at(1).Peers()) == 0 })
		check("After the regions have left the store")
		require.NoError(t, whole.Close(), "closing a view")
		require.NoError(t, right.Close(), "closing a view")
		f.settled(1, 20, 30)
		f.close()
	})
}
