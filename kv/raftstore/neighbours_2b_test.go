package raftstore_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/engine/memory"
	"github.com/labkv/labkv/kv/raftstore"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/metapb"
)

// threeRegions are three neighbours, the first with the least id and the least
// keys. Each has its peers on stores 1 to 3.
func threeRegions() []*metapb.Region {
	regions := []*metapb.Region{regionOf(3, "", "0"), regionOf(3, "0", "4"), regionOf(3, "4", "")}
	for i, r := range regions {
		r.Id = uint64(i) + 1
	}
	return regions
}

// newNeighbour returns store 1 with a peer of each region, in the hands of a
// test that turns to the first.
func newNeighbour(t *graded.T, regions []*metapb.Region, maxLog uint64) *member {
	return newMemberWith(t, serverConfig{id: 1, region: regions[0], neighbours: regions[1:], maxLog: maxLog})
}

// in turns to another region: messages go to its peer, and status is the status
// of that peer.
func (m *member) in(r *metapb.Region) *member {
	m.region = r
	return m
}

// TestRegionsKeepTheirLogs2B starts a store with three regions. Each has a log
// of its own, and its own term and vote, although they share an engine. In each
// region in turn a new leader replaces a tail. That must not touch the logs of
// the others, or what their peers have promised, also after a power cut.
func TestRegionsKeepTheirLogs2B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "what a peer writes to its log concerns its own region, and no other region of the store",
		Source: "keys.go; Raft §5.3",
	}, func(t *graded.T) {
		regions := threeRegions()
		for _, changed := range regions {
			f := newNeighbour(t, regions, unlimited)
			for _, r := range regions {
				f.in(r).appendAll(2, 1, 0, 0, 5)
			}
			f.in(changed).appendAll(3, 2, 1, 1, 2)
			others := slices.DeleteFunc(slices.Clone(regions), func(r *metapb.Region) bool { return r == changed })
			for _, when := range []string{"", ", after a power cut"} {
				what := fmt.Sprintf("in region %d entries 2/1 to 5/1 were replaced by 2/2%s", changed.Id, when)
				for _, r := range others {
					f.in(r)
					for index := uint64(1); index <= 5; index++ {
						if f.append(2, 1, index, 1, nil, 0).Reject {
							t.Fatalf("%s. In region %d the store no longer has entry %d/1, which it has acknowledged there", what, r.Id, index)
						}
					}
				}
				if f.in(changed).append(3, 2, 2, 2, nil, 0).Reject {
					t.Fatalf("%s. The store does not have 2/2, which it has acknowledged there", what)
				}
				f.powerCut()
			}
			for _, r := range others {
				if f.in(r); f.vote(3, 2, 4, 1) {
					t.Fatalf("in region %d the store votes for a log that ends with 4/1, but its own ends with 5/1", r.Id)
				}
				if !f.vote(2, 3, 5, 1) {
					t.Fatalf("in region %d the store refuses its vote in term 3 to a log that ends as its own does, with 5/1; in region %d it has followed a leader of term 2", r.Id, changed.Id)
				}
			}
			f.powerCut()
			for _, r := range others {
				if f.in(r).vote(3, 3, 9, 1) {
					t.Fatalf("after a restart the store votes for 3 in term 3 of region %d, in which it has voted for 2", r.Id)
				}
			}
			if !f.in(changed).vote(3, 3, 2, 2) {
				t.Fatalf("in region %d the store refuses its vote in term 3, in which it has voted in other regions only", changed.Id)
			}
			f.Close()
		}
	})
}

// isOldOrNew requires that the log of the region that the test has turned to is
// the old one, whose entries up to last are of term 1, or the new one, in which
// entry index of term 2 has replaced the rest.
func (m *member) isOldOrNew(index, last uint64) {
	m.t.Helper()
	isNew := !m.append(2, 3, index, 2, nil, 0).Reject
	isOld := !m.append(2, 3, last, 1, nil, 0).Reject
	switch {
	case isNew && isOld:
		m.t.Fatalf("after the restart the log of region %d has both entry %d/2 and entry %d/1, which no leader has ever had together", m.region.Id, index, last)
	case !isNew && !isOld:
		m.t.Fatalf("after the restart the log of region %d has neither entry %d/1, which the store has acknowledged, nor entry %d/2, which replaces it", m.region.Id, last, index)
	}
}

// TestTailsReplacedTogether2B replaces the tails of two logs in one pass, by
// entries that are so large that the pass takes several batches of the engine,
// and the power fails between them. The log of each region is the old one or
// the new one then. The first time the entries of the second region just fit
// into the first batch, and the end of its log does not. The second time that
// fits, too, but not the deletion of the old tail.
func TestTailsReplacedTogether2B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "entries and the end of the log change together, wherever one batch of a pass ends and the next begins, and what is left after the end is not part of the log",
		Source: "doc.go: What is durable when, 1; the contract of writer; engine.MaxBatchSize",
	}, func(t *graded.T) {
		regions := threeRegions()
		for _, fits := range []string{"entries", "entries and the end of the log"} {
			f := newNeighbour(t, regions, unlimited)
			for _, r := range regions[:2] {
				f.in(r).appendAll(2, 1, 0, 0, 5)
			}
			state, err := raftstore.LoadRaftState(f.raft, 1)
			require.NoError(t, err, "reading the state of the log")
			const key, stateKey = 17, 9 // bytes
			end := stateKey + proto.Size(state)
			tail := 3 * key
			room := end / 2
			if fits != "entries" {
				room = end + tail/2
			}
			entry := func(size int) *eraftpb.Entry {
				return &eraftpb.Entry{Index: 2, Term: 2, Data: make([]byte, size)}
			}
			const half = engine.MaxBatchSize / 2
			besides := key + proto.Size(entry(half)) - half
			both := engine.MaxBatchSize - 2*besides - end - tail - room
			for i, r := range regions[:2] {
				f.in(r).step(f.id, appendOf(3, 2, 1, 1, entry((both+i)/2)))
			}
			cut := &powerCut{at: 1, point: memory.CrashAfter, log: memory.All, data: memory.All}
			f.cutAt(cut)
			f.work()
			explaining(t, cut.String, func() {
				f.restart()
				f.cutAt(nil)
				for _, r := range regions[:2] {
					f.in(r).isOldOrNew(2, 5)
				}
			})
			f.Close()
		}
	})
}

// TestRegionsAppliedTogether2B applies entries of three regions in one pass,
// which are so large that it takes two batches of the engine, and the power
// fails between them. Each region has applied its entry or not, as a whole. The
// data of the last region just fit into the first batch, and its applied index
// does not.
func TestRegionsAppliedTogether2B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "the data of an entry and its applied index change together, wherever one batch of a pass ends and the next begins",
		Source: "doc.go: What is durable when, 2; the contract of writer; engine.MaxBatchSize",
	}, func(t *graded.T) {
		regions := threeRegions()
		f := newNeighbour(t, regions, unlimited)
		const stateKey = 9 // bytes
		all, keys := engine.MaxBatchSize, []string{"!", "0", "4"}
		for i, r := range regions {
			state, err := raftstore.LoadRegionState(f.kv, r.Id)
			require.NoError(t, err, "reading the state of a region")
			state.AppliedIndex, state.AppliedTerm = 1, 1
			index := stateKey + proto.Size(state)
			if all -= len(keys[i]) + index; i == 2 {
				all += index / 2
			}
		}
		for i, r := range regions {
			data := command(t, r.RegionEpoch, set(engine.CFDefault, keys[i], strings.Repeat("x", (all+i)/3)))
			f.in(r).append(2, 1, 0, 0, []*eraftpb.Entry{{Term: 1, Index: 1, Data: data}}, 0)
		}
		for _, r := range regions {
			f.in(r).step(f.id, &eraftpb.Message{MsgType: eraftpb.MessageType_MsgHeartbeat, From: 2, Term: 1, Commit: 1})
		}
		cut := &powerCut{at: 1, point: memory.CrashAfter, log: memory.All, data: memory.All}
		f.cutAt(cut)
		f.work()
		explaining(t, cut.String, func() {
			f.restart()
			f.cutAt(nil)
			found := f.content()
			for i, r := range regions {
				_, there := found["default/"+keys[i]]
				if applied := f.in(r).status().Applied; there != (applied == 1) {
					t.Fatalf("the store has applied up to %d in region %d after the restart, but whether it has the data of entry 1 is %v", applied, r.Id, there)
				}
			}
			for _, r := range regions {
				if f.in(r).append(2, 1, 1, 1, nil, 1); f.status().Applied != 1 {
					t.Fatalf("entry 1 of region %d is committed, but not applied after the restart", r.Id)
				}
			}
		})
		f.Close()
	})
}
