package raftstore_test

import (
	"fmt"
	"testing"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/raftstore"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

// TestCompactionCostsWhatItDrops2C compacts a log a hundred times, on an engine
// in which deleted keys leave traces, as they do on a disk: what passes over
// them reads them. The work must grow with the entries, not with their square.
func TestCompactionCostsWhatItDrops2C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "the work of a compaction depends on what it drops, not on what was dropped before or what stays",
		Source: "compactLog, in compact.go",
	}, func(t *graded.T) {
		const rounds, each = 100, 20
		f := newMember(t, 1, 15)
		f.raftTally.keepsTraces = true
		for last := uint64(0); last < rounds*each; last += each {
			f.append(2, 1, last, min(last, 1), emptyEntries(1, last+1, last+each), last+each)
			f.passes(1, 4)
		}
		if f.status().FirstIndex == 1 {
			t.Fatal("the log was never compacted")
		}
		// Each entry may be read when it is applied, and when it is
		// dropped. Each pass may look up some records beside.
		const entries, passes = rounds * each, rounds * (1 + 2*4)
		if m := f.raftTally; m.crossed > 4*entries {
			t.Fatalf("%d entries left the log in up to %d compactions; meanwhile the store passed over %d traces of entries that it had deleted before", entries, rounds, m.crossed)
		} else if m.steps > 4*entries+8*passes {
			t.Fatalf("%d entries left the log in up to %d compactions, in %d passes; meanwhile the store read %d records of the raft engine", entries, rounds, passes, m.steps)
		}
		f.Close()
	})
}

// TestTicksCostNothing2C lets time pass for a store whose log is not to be
// compacted.
func TestTicksCostNothing2C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a tick that finds nothing to compact does not read the log",
		Source: "compactLog, in compact.go",
	}, func(t *graded.T) {
		f := newMember(t, 1, 1000)
		f.append(2, 1, 0, 0, emptyEntries(1, 1, 500), 500)
		f.passes(1, 20)
		const ticks = 100
		log, data := f.raftTally.steps, f.kvTally.steps
		f.passes(1, ticks)
		log, data = f.raftTally.steps-log, f.kvTally.steps-data
		if log+data > 16*ticks {
			t.Fatalf("the log has 500 entries of 1000 that it may keep. In %d ticks, each with a heartbeat, the store read %d records of the raft engine and %d of the kv engine", ticks, log, data)
		}
		f.append(2, 1, 500, 1, emptyEntries(1, 501, 1500), 1500)
		f.passes(1, 20)
		if f.status().FirstIndex == 1 {
			t.Fatal("the log has 1500 entries of 1000 that it may keep, and is not compacted within 20 ticks")
		}
		f.Close()
	})
}

// TestOtherRegionsAreLeftAlone2C has a region between others. To make and to
// install its snapshot, a store touches no key of them, and reads none.
func TestOtherRegionsAreLeftAlone2C(t *testing.T) {
	graded.Seeds(t, graded.Claim{
		Text:   "a snapshot of a region has the keys of that region, and neither making nor installing it touches other keys",
		Source: "makeSnapshot, in snapshots.go; installSnapshot, in install.go",
	}, 2, func(t *graded.T, seed uint64) uint64 {
		const others = 300
		between := func(id uint64) *member {
			region := regionOf(3, "0", "9")
			neighbor := regionOf(3, "9", "")
			neighbor.Id = 2
			m := &member{entries: map[uint64]*eraftpb.Entry{}}
			m.server = newServer(t, serverConfig{id: id, region: region, neighbours: []*metapb.Region{neighbor}, maxLog: 5, transport: m})
			var b engine.Batch
			for i := range others {
				b.Put(engine.CFDefault, fmt.Appendf(nil, "+%04d", i), []byte("before"))
				b.Put(engine.CFWrite, fmt.Appendf(nil, "a%04d", i), []byte("after"))
			}
			if err := m.kv.Write(&b, true); err != nil {
				t.Fatal(err)
			}
			m.Step(&raftserverpb.RaftMessage{
				RegionId: neighbor.Id, RegionEpoch: neighbor.RegionEpoch, FromPeer: neighbor.Peers[2], ToPeer: neighbor.Peers[id-1],
				Message: &eraftpb.Message{MsgType: eraftpb.MessageType_MsgAppend, From: 3, To: id, Term: 1, Entries: emptyEntries(1, 1, 3)},
			})
			m.work()
			return m
		}
		h := newHistory(t, seed)
		leader := between(2)
		leader.follower = 3
		leader.lead(1)
		h.writes(leader, 60)
		leader.compact(1)
		steps, own := leader.kvTally.steps, len(leader.content())-2*others
		sent := leader.snapshotFor(1, 0, func() {})
		if steps = leader.kvTally.steps - steps; steps > 2*own+50 {
			t.Fatalf("the region has %d keys, and %d keys before and after it are of others. To make a snapshot of it, the store reads %d records of the kv engine", own, 2*others, steps)
		}
		name := raftstore.SnapshotName(1, sent.Snapshot.Metadata)
		r := between(1)
		r.files.receive(name, leader.files.now[name])
		steps = r.kvTally.steps
		r.receive(sent)
		if steps = r.kvTally.steps - steps; steps > 2*own+50 {
			t.Fatalf("the region has %d keys, and %d keys before and after it are of others. To install a snapshot of it, the store reads %d records of the kv engine", own, 2*others, steps)
		}
		if r.status().Applied != sent.Snapshot.Metadata.Index {
			t.Fatalf("the store has got a snapshot at %d, but has applied only up to %d", sent.Snapshot.Metadata.Index, r.status().Applied)
		}
		if different := leader.content().differs(r.content()); different != "" {
			t.Fatalf("a store has installed a snapshot of its region 1. Of region 1 it has the leader's data, and of others its own, the same as before; but there is %s", different)
		}
		for _, when := range []string{"after the installation", "after a power cut"} {
			if s, ok := r.Status(2); !ok || s.LastIndex != 3 {
				t.Fatalf("the log of region 2 had entries 1 to 3. Region 1 of the store has got a snapshot, and %s the log of region 2 ends at %d", when, s.LastIndex)
			}
			r.powerCut()
		}
		leader.Close()
		r.Close()
		return 0
	})
}
