package raftstore_test

import (
	"fmt"
	"maps"
	"testing"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/raftstore"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/eraftpb"
)

// TestSnapshotLeavesNeighboursAlone2C starts a store with three regions, each
// with a log and data. The middle one, by its id and by its keys, gets a
// snapshot, and later compacts its log. All that is deleted for that belongs to
// the middle region: the others still have their logs and their data, also
// after a power cut.
func TestSnapshotLeavesNeighboursAlone2C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a snapshot and a compaction of one region delete nothing of another region on the store",
		Source: "keys.go; doc.go: What is durable when, 3 and 4",
	}, func(t *graded.T) {
		regions := threeRegions()
		middle := regions[1]

		// Store 2 has only the middle region, and its log is compacted.
		h := newHistory(t, 1)
		leader := newMemberOf(t, middle, 2, 5)
		leader.follower = 3
		leader.lead(1)
		h.writes(leader, 30)
		leader.compact(10)
		sent := leader.snapshotFor(1, 0, func() {})
		file := leader.files.now[raftstore.SnapshotName(middle.Id, sent.Snapshot.Metadata)]
		leader.ReportSnapshot(middle.Id, 1, true)
		h.writes(leader, 30)
		data := leader.content()
		h.end(leader)

		f := newNeighbour(t, regions, 5)
		want := maps.Clone(data)
		for i, r := range regions {
			var log []*eraftpb.Entry
			for index := uint64(1); index <= 3; index++ {
				var ops []engine.Op
				for _, cf := range engine.Families {
					key := fmt.Sprintf("%sn%d", []string{"!", "0", "4"}[i], index)
					ops = append(ops, set(cf, key, "old"))
					if r != middle && index < 3 {
						want[string(cf)+"/"+key] = "old"
					}
				}
				log = append(log, &eraftpb.Entry{Term: 1, Index: index, Data: command(t, r.RegionEpoch, ops...)})
			}
			f.in(r).append(3, 1, 0, 0, log, 2)
		}

		f.in(middle).files.receive(raftstore.SnapshotName(middle.Id, sent.Snapshot.Metadata), file)
		f.receive(sent)
		f.neighboursStay(want, h.last, "region 2 has got a snapshot", false)
		at := sent.Snapshot.Metadata.Index
		f.append(2, 1, at, 1, entriesOf(h.entries, at+1, h.last), h.last)
		for range 4 { // too few for an election
			f.tick()
		}
		if first := f.status().FirstIndex; first <= at+1 {
			t.Fatalf("with at most %d applied entries kept, and %d applied, the log of region 2 still begins at %d after 4 ticks", f.maxLog, h.last-at, first)
		}
		f.neighboursStay(want, h.last, "region 2 has got a snapshot, and then compacted its log", true)
		f.powerCut()
		f.in(middle).append(2, 1, h.last, 1, nil, h.last)
		for _, r := range regions {
			if r != middle {
				f.in(r).append(3, 1, 3, 1, nil, 2)
			}
		}
		f.neighboursStay(want, h.last, "region 2 has got a snapshot, and then compacted its log. After a power cut", true)
		f.Close()
	})
}

// neighboursStay requires that the first and the last region have their logs,
// of three entries, and that the store has the data want: all of them, or those
// outside the middle region.
func (m *member) neighboursStay(want content, last uint64, when string, all bool) {
	m.t.Helper()
	middle := m.neighbours[0]
	defer m.in(middle)
	for _, r := range threeRegions() {
		if r.Id == middle.Id {
			continue
		}
		m.in(r)
		for index := uint64(1); index <= 3; index++ {
			if m.append(3, 1, index, 1, nil, 0).Reject {
				m.t.Fatalf("%s. In region %d the store no longer has entry %d/1, which it has acknowledged there", when, r.Id, index)
			}
		}
		if s := m.status(); s.Applied != 2 {
			m.t.Fatalf("%s. In region %d it has applied up to %d, not up to 2", when, r.Id, s.Applied)
		}
	}
	if m.in(middle); all && m.status().Applied != last {
		m.t.Fatalf("%s. In region 2 it has applied up to %d, not up to %d", when, m.status().Applied, last)
	}
	found := m.content()
	for place, value := range want {
		if outside := value == "old"; (all || outside) && found[place] != value {
			m.t.Fatalf("%s. There is %q at %s, where %q was written", when, shortened(found[place]), place, shortened(value))
		}
	}
	if different := want.differs(found); all && different != "" {
		m.t.Fatalf("%s. There is %s", when, different)
	}
}
