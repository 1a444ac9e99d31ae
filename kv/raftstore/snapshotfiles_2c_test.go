package raftstore_test

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/raftstore"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

// TestLeaderKeepsOneSnapshotFile2C makes a leader make one snapshot after the
// other. Some attempts find no room for the whole file. At most the file of the
// last snapshot is there, and none after a restart.
func TestLeaderKeepsOneSnapshotFile2C(t *testing.T) {
	graded.Seeds(t, graded.Claim{
		Text:   "a store that makes snapshots keeps at most the file of the last one",
		Source: "doc.go: Snapshot files",
	}, 3, func(t *graded.T, seed uint64) uint64 {
		h := newHistory(t, seed)
		leader := newMember(t, 2, 5)
		leader.follower = 3
		leader.lead(1)
		last := uint64(0)
		for range 4 {
			h.writes(leader, 40)
			leader.compact(last + 1)
			leader.files.full = 1 + h.rng.IntN(3)
			for leader.files.full > 0 {
				before := leader.files.full
				leader.refuses(1, last, 3)
				if leader.files.full == before {
					break // it tries again later
				}
				if leader.files.full > 0 {
					h.writes(leader, 1) // so that the next attempt has another name
				}
			}
			leader.ReportSnapshot(1, 1, false) // if one has left already
			leader.work()
			sent := leader.snapshotFor(1, last, func() {})
			leader.hasFiles(1, "having made a snapshot,")
			leader.ReportSnapshot(1, 1, true)
			last = sent.Snapshot.Metadata.Index
			leader.receive(&eraftpb.Message{MsgType: eraftpb.MessageType_MsgAppendResponse, From: 1, Term: 1, Index: last})
			leader.hasFiles(1, "when its snapshot has arrived,")
		}
		leader.restart()
		leader.hasFiles(0, "after a restart")
		leader.Close()
		return 0
	})
}

// TestUselessSnapshotFilesGo2C delivers snapshots that a store does not install:
// one that it has installed already, one that comes while that is installed, one
// of an earlier term, one for a peer and one for a region that are not here. Each
// comes with its file, and no file stays.
func TestUselessSnapshotFilesGo2C(t *testing.T) {
	graded.Seeds(t, graded.Claim{
		Text:   "the file of a snapshot that is not installed is removed",
		Source: "doc.go: Snapshot files",
	}, 4, func(t *graded.T, seed uint64) uint64 {
		x := newTransfer(t, seed)
		r, _ := x.receiver()
		meta := x.snapshot.Snapshot.Metadata
		older := proto.CloneOf(x.snapshot)
		older.Snapshot.Metadata.Index--
		early := proto.CloneOf(x.snapshot)
		early.Term = 1
		early.Snapshot.Metadata.Index = meta.Index + 1000
		come := func(when string, most int) {
			x.deliver(r)
			for _, m := range []*eraftpb.Message{older, early} {
				r.files.receive(raftstore.SnapshotName(1, m.Snapshot.Metadata), x.file)
				r.receive(m)
			}
			for _, to := range []struct{ region, peer uint64 }{{1, 7}, {9, 1}} {
				strange := proto.CloneOf(x.snapshot)
				strange.Snapshot.Metadata.Index += 2000 + to.peer
				r.files.receive(raftstore.SnapshotName(to.region, strange.Snapshot.Metadata), x.file)
				strange.To = to.peer
				r.Step(&raftserverpb.RaftMessage{
					RegionId: to.region, RegionEpoch: r.region.RegionEpoch,
					FromPeer: r.region.Peers[1], ToPeer: &metapb.Peer{Id: to.peer, StoreId: 1}, Message: strange,
				})
				r.work()
			}
			r.hasFiles(most, when)
		}
		r.hold = true
		come("while a snapshot is installed and four others are of no use,", 5)
		r.hold = false
		r.work()
		r.hasFiles(0, "when the snapshot is installed, and four others are of no use,")
		come("having got five snapshots that are of no use,", 0)
		x.catchUp(r, true, true)
		x.conclude(r)
		r.Close()
		return 0
	})
}
