package raftstore_test

import (
	"fmt"
	"testing"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

// TestDeletionIsSlowWork3B removes a peer with much data while slow work does not begin.
// Until it does, nothing may be deleted: all other regions wait for a pass. They go on,
// and requests for the region are refused.
func TestDeletionIsSlowWork3B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "the data of a removed peer are deleted by the executor, while other regions go on",
		Source: "doc.go: Slow work",
	}, func(t *graded.T) {
		f := newFleet(t, fleetConfig{stores: 3, members: []uint64{1, 2, 3}})
		for i := range 50 {
			f.fill("1", fmt.Sprintf("a%02d", i))
		}
		f.fill("1", "z")
		f.split(1, "m", 20, 21, 22, 23)
		f.transfer(1, 1)
		f.settled(1, 20)
		s, r := f.at(3), f.region(1)
		ranges, before := s.kvTally.ranges, s.content()
		s.hold = true
		f.remove(1, 3)
		f.ticks(20)
		if s.kvTally.ranges > ranges {
			t.Fatal("store 3 deletes the data of a peer that was removed, and the executor has not begun to: a pass has done it")
		}
		if different := before.differs(s.content()); different != "" {
			t.Fatalf("a pass of store 3 has deleted data of a peer that was removed: there is %s", different)
		}
		refused := func(when string, kinds ...string) {
			for what, ops := range sorted(map[string][]engine.Op{"a read": nil, "a write": {set(engine.CFDefault, "a", "2")}}) {
				a := &answer{t: t, request: fmt.Sprintf("%s, %s of its region on store 3", when, what)}
				s.ask(&kvrpcpb.Context{RegionId: 1, RegionEpoch: r.RegionEpoch}, ops, a.add)
				b := f.ask(s, r, splits("c", 90, 91, 92, 93))
				f.settle()
				for _, kind := range []string{kindOf(a.refusal()), kindOf(b.refusal())} {
					if kind != "RegionNotFound" && kind != "NotLeader" || kind == "NotLeader" && len(kinds) == 0 {
						t.Fatalf("%s, or a split, is refused with %s", a.request, kind)
					}
				}
			}
		}
		refused("while a peer is being removed", "NotLeader")
		f.transfer(20, 3)
		f.fill("2", "y") // the neighbour goes on
		s.hold = false
		f.settled(1, 20)
		refused("when a peer was removed")
		f.settled(1, 20)
		f.close()
	})
}

// TestSplitCostsLittle3B splits a region with few keys and one with many. The second split
// must not read or write more than the first: the data stay where they are.
func TestSplitCostsLittle3B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "what a split costs does not depend on how many keys there are",
		Source: "doc.go: What a store costs; doc.go: Slow work",
	}, func(t *graded.T) {
		cost := func(keys int) (steps, bytes int) {
			f := newFleet(t, fleetConfig{stores: 3, members: []uint64{1, 2, 3}})
			for i := range keys {
				f.put(fmt.Sprintf("k%04d", i), "1")
			}
			f.transfer(1, 1)
			f.settled(1)
			s := f.at(2)
			steps = s.kvTally.steps
			s.cutAt(nil)
			a := f.ask(f.at(1), f.region(1), splits("k0005", 20, 21, 22, 23))
			f.ticks(3)
			a.isDone()
			steps, bytes = s.kvTally.steps-steps, s.writes
			f.settled(1, 20)
			f.close()
			return steps, bytes
		}
		fewSteps, fewWrites := cost(10)
		manySteps, manyWrites := cost(300)
		if manySteps > fewSteps+20 || manyWrites > fewWrites+10 {
			t.Fatalf("to split a region with 10 keys, a store reads %d records and keys and writes %d times. With 300 keys it reads %d and writes %d times",
				fewSteps, fewWrites, manySteps, manyWrites)
		}
	})
}

// TestMeasuringIsSlowWork3B gives a store a large region while slow work does not begin. No
// pass may read the region to find out how large it is, and once slow work begins, it is
// read a few times, not with every tick.
func TestMeasuringIsSlowWork3B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a region is measured by the executor, and not again and again",
		Source: "doc.go: Slow work; doc.go: What a store costs",
	}, func(t *graded.T) {
		const keys = 300
		m := newManaged(t, fleetConfig{stores: 3, members: []uint64{1, 2, 3}, splitSize: 1 << 10})
		m.transfer(1, 1)
		m.ticks(5)
		for _, s := range m.servers {
			s.hold = true
		}
		for i := range keys {
			m.put(fmt.Sprintf("k%04d", i), "0123456789")
		}
		before := m.at(1).kvTally.steps
		m.ticks(60)
		if steps := m.at(1).kvTally.steps - before; steps > keys/2 {
			t.Fatalf("the executor has not begun to measure a region with %d keys, but in 60 ticks the store has moved %d steps through its data", keys, steps)
		}
		for _, s := range m.servers {
			s.hold = false
		}
		before = m.at(1).kvTally.steps
		m.ticks(200)
		if steps := m.at(1).kvTally.steps - before; steps > keys*12 {
			t.Fatalf("a region with %d keys does not change for 200 ticks, and the store moves %d steps through its data", keys, steps)
		}
		if len(m.said[1].splits) == 0 {
			t.Fatalf("a region has %d bytes, SplitSize is %d, and its leader has not asked for ids for 200 ticks", m.dataOf(m.region(1)), 1<<10)
		}
		m.settled(1)
		m.close()
	})
}
