package raftstore_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/labkv/labkv/kv/engine/memory"
	"github.com/labkv/labkv/lab/graded"
)

// A story is a short scenario in which regions change. It goes on until what it asks for
// has happened, whatever happens to the stores meanwhile.
type story struct {
	name   string
	fleet  fleetConfig
	before func(f *fleet) // brings the fleet to where the story begins
	does   func(f *fleet)
	ends   []uint64 // the regions at its end
	// after gives a store again what it has lost. It may be nil.
	after func(f *fleet)
}

// end requires that the story has ended well.
func (s *story) end(f *fleet) {
	f.settled(s.ends...)
	if s.after != nil {
		s.after(f)
		f.settled(s.ends...)
	}
}

var stories = []story{
	{"a region is split", fleetConfig{stores: 3, members: []uint64{1, 2, 3}}, func(f *fleet) {
		f.fill("1", "a", "m", "z")
	}, func(f *fleet) {
		f.split(1, "m", 20, 21, 22, 23)
		f.fill("2", "b", "m", "y")
	}, []uint64{1, 20}, nil},

	{"a region gets a peer", fleetConfig{stores: 3, members: []uint64{1, 2}}, func(f *fleet) {
		f.fill("1", "a", "m", "z")
	}, func(f *fleet) {
		f.add(1, 13, 3)
		f.fill("2", "b", "m")
		f.until("the snapshot", func() bool { st, ok := f.peer(3, 1); return ok && st.Applied > 1 })
	}, []uint64{1}, nil},

	{"a region loses a peer", fleetConfig{stores: 3, members: []uint64{1, 2, 3}}, func(f *fleet) {
		f.fill("1", "a", "m", "z")
		f.split(1, "m", 20, 21, 22, 23)
	}, func(f *fleet) {
		f.remove(20, 3)
		f.fill("2", "b", "n")
		f.until("the end of the removed peer", func() bool { _, ok := f.at(3).Status(20); return !ok })
	}, []uint64{1, 20}, func(f *fleet) { f.add(20, 43, 3) }},

	{"a region loses a peer and gets another one on the same store", fleetConfig{stores: 3, members: []uint64{1, 2, 3}, maxLog: 5}, func(f *fleet) {
		f.fill("1", "a", "m", "z")
		f.ticks(5)
	}, func(f *fleet) {
		f.remove(1, 2)
		f.add(1, 32, 2)
		f.fill("2", "b", "m")
		f.until("the snapshot", func() bool { st, ok := f.peer(2, 1); return ok && st.PeerID == 32 && st.Applied > 1 })
	}, []uint64{1}, nil},

	{"a region of two loses the peer that follows", fleetConfig{stores: 2, members: []uint64{1, 2}}, func(f *fleet) {
		f.fill("1", "a", "m")
		f.transfer(1, 1)
	}, func(f *fleet) {
		f.remove(1, 2)
		f.ticks(20)
		f.fill("2", "b", "m")
	}, []uint64{1}, nil},

	{"a region of two loses the peer that leads", fleetConfig{stores: 2, members: []uint64{1, 2}}, func(f *fleet) {
		f.fill("1", "a", "m")
		f.transfer(1, 2)
	}, func(f *fleet) {
		f.remove(1, 2)
		f.ticks(20)
		f.fill("2", "b", "m")
	}, []uint64{1}, nil},

	{"a region is split, and a peer of its right half removed, before a store hears of the split", fleetConfig{stores: 3, members: []uint64{1, 2, 3}}, func(f *fleet) {
		f.fill("1", "a", "m", "z")
		f.transfer(1, 1)
		f.loses = of(1, 3)
		f.split(1, "m", 20, 21, 22, 23)
		f.remove(20, 3)
		f.fill("2", "b", "n")
		f.ticks(10)
		f.loses = nil
	}, func(f *fleet) {
		f.until("the split on store 3", func() bool {
			st, ok := f.peer(3, 1)
			return ok && string(st.Region.EndKey) == "m" && len(f.at(3).Peers()) == 1
		})
	}, []uint64{1, 20}, func(f *fleet) { f.add(20, 43, 3) }},

	{"a region is split while a store is away, which gets the left half by a snapshot", fleetConfig{stores: 3, members: []uint64{1, 2, 3}, maxLog: 3}, func(f *fleet) {
		f.fill("1", "a", "m", "z")
		f.isolate(3)
		f.split(1, "m", 20, 21, 22, 23)
		f.fill("2", "b", "n", "a", "m", "c", "p")
		f.ticks(30)
		f.reconnect()
	}, func(f *fleet) {
		f.until("both halves on store 3", func() bool {
			left, ok := f.peer(3, 1)
			right, ok2 := f.peer(3, 20)
			return ok && ok2 && string(left.Region.EndKey) == "m" && right.Applied > 1
		})
	}, []uint64{1, 20}, nil},
}

// begin brings a fleet to where the story begins.
func (s *story) begin(t *graded.T) *fleet {
	f := newFleet(t, s.fleet)
	s.before(f)
	for _, server := range f.servers {
		server.cutAt(nil)
	}
	return f
}

// writes returns how often a store writes in the story.
func (s *story) writes(t *graded.T, victim uint64) int {
	f := s.begin(t)
	s.does(f)
	n := f.at(victim).writes
	f.settled(s.ends...)
	f.close()
	return n
}

// TestPowerCutAtEveryWriteOfChanges3B goes through short stories, and cuts the power of one
// store at each write that it does in them: before the write, in its middle, and right
// after it. Of what was not synced, each engine keeps all, nothing or a part. The store
// starts again, and in the end all is as it should be.
func TestPowerCutAtEveryWriteOfChanges3B(t *testing.T) {
	graded.Seeds(t, graded.Claim{
		Text:   "a crash at any write while a region is split, gets a peer or loses one leaves a store that goes on, and nothing is lost, or left",
		Source: "doc.go: What is durable when",
	}, 48, func(t *graded.T, seed uint64) uint64 {
		s := &stories[seed%uint64(len(stories))]
		victim := 1 + seed/uint64(len(stories))%s.fleet.stores
		rng := rand.New(rand.NewPCG(seed, 0))
		keeps := func() int { return []int{0, 0, 1, 2, memory.All}[rng.IntN(5)] }
		for at := 1; at <= s.writes(t, victim); at++ {
			for _, point := range []memory.FaultKind{memory.CrashBefore, memory.CrashUnacknowledged, memory.CrashAfter} {
				cut := &powerCut{at: at, point: point, log: keeps(), data: keeps(), files: rng.IntN(2) == 0}
				f := s.begin(t)
				explaining(t, func() string { return fmt.Sprintf("%s; store %d: %s", s.name, victim, cut) }, func() {
					f.at(victim).cutAt(cut)
					s.does(f)
					f.at(victim).cutAt(nil)
					f.settled(s.ends...)
					for _, server := range f.servers {
						server.powerCut()
					}
					s.end(f)
				})
				f.close()
			}
		}
		return 0
	})
}

// TestFullDiskAtEveryWriteOfChanges3B goes through the same stories. From one write of a
// store on, its disks are full for a while. Then there is room again.
func TestFullDiskAtEveryWriteOfChanges3B(t *testing.T) {
	graded.Seeds(t, graded.Claim{
		Text:   "a change that meets a full disk at any write goes on once there is room, and nothing is lost, or left",
		Source: "doc.go: What is durable when; doc.go: Slow work",
	}, 24, func(t *graded.T, seed uint64) uint64 {
		s := &stories[seed%uint64(len(stories))]
		victim := 1 + seed/uint64(len(stories))%s.fleet.stores
		for at := 1; at <= s.writes(t, victim); at++ {
			for _, times := range []int{1, 7} {
				full := &refusal{at: at, times: times}
				f := s.begin(t)
				explaining(t, func() string { return fmt.Sprintf("%s; store %d: %s", s.name, victim, full) }, func() {
					v := f.at(victim)
					v.full, v.refusal = true, full
					s.does(f)
					f.ticks(3)
					v.full, v.refusal = false, nil
					f.ticks(1)
					s.end(f)
				})
				f.close()
			}
		}
		return 0
	})
}
