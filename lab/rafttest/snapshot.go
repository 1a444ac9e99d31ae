package rafttest

import (
	"fmt"
	"runtime"
	"slices"
	"weak"

	"github.com/labkv/labkv/lab/graded"
	pb "github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/raft"
)

// snapshotTests hold a RawNode to what the paper says of log compaction.
var snapshotTests = []Test{
	{
		Name:  "RestartFromSnapshot2C",
		Claim: graded.Claim{Text: "a server whose log begins with a snapshot starts from there: what the snapshot covers is committed and applied", Source: "Raft §7"},
		Run:   restartFromSnapshot,
	},
	{
		Name:  "LaggingFollowerGetsSnapshot2C",
		Claim: graded.Claim{Text: "a leader sends its snapshot to a follower that needs entries which the leader has discarded, and entries to one that does not", Source: "Raft §7"},
		Run:   laggingFollowerGetsSnapshot,
	},
	{
		Name:  "SnapshotReplacesLog2C",
		Claim: graded.Claim{Text: "a follower replaces its whole log by a snapshot that goes beyond it or conflicts with it", Source: "Raft §7, Figure 13"},
		Run:   snapshotReplacesLog,
	},
	{
		Name:  "SnapshotBringsMembership2C",
		Claim: graded.Claim{Text: "a snapshot carries the membership as of its last entry, which replaces the receiver's", Source: "Raft §7, thesis §5.1"},
		Run:   snapshotBringsMembership,
	},
	{
		Name:  "StaleSnapshotIsIgnored2C",
		Claim: graded.Claim{Text: "a snapshot of what is committed already changes nothing, and is acknowledged with the commit index", Source: "Raft §7, Figure 13; the contract of handleSnapshot"},
		Run:   staleSnapshotIsIgnored,
	},
	{
		Name:  "EntriesBehindSnapshotAreKept2C",
		Claim: graded.Claim{Text: "where a snapshot describes a prefix of the log, the entries after it are kept", Source: "Raft §7, Figure 13"},
		Run:   entriesBehindSnapshotAreKept,
	},
	{
		Name:  "SnapshotObeysTerms2C",
		Claim: graded.Claim{Text: "a snapshot comes from a leader: a later term makes its receiver follow, a candidate of the same term yields, an earlier term is not obeyed", Source: "Raft §5.1, Figure 13"},
		Run:   snapshotObeysTerms,
	},
	{
		Name:  "SnapshotForOthersIsIgnored2C",
		Claim: graded.Claim{Text: "a snapshot that does not name its receiver as a member is ignored, or installed with the membership that it names: its receiver keeps quiet then", Source: "Raft §7, thesis §4.2.3"},
		Run:   snapshotForOthersIsIgnored,
	},
	{
		Name:  "SnapshotIsHandedOutOnce2C",
		Claim: graded.Claim{Text: "a received snapshot is handed to the application once, and before any entry after it", Source: "the Ready contract"},
		Run:   snapshotIsHandedOutOnce,
	},
	{
		Name:  "ReplicationGoesOnAfterSnapshot2C",
		Claim: graded.Claim{Text: "a follower that has installed a snapshot gets the entries after it, and counts again", Source: "Raft §7, §5.3"},
		Run:   replicationGoesOnAfterSnapshot,
	},
	{
		Name:  "FailedSnapshotIsSentAgain2C",
		Claim: graded.Claim{Text: "one snapshot is on its way to a follower at a time; one that failed or got lost is sent again", Source: "Raft §7, §5.5; the contract of ReportSnapshot"},
		Run:   failedSnapshotIsSentAgain,
	},
	{
		Name:  "SnapshotIsAwaited2C",
		Claim: graded.Claim{Text: "a leader whose snapshot is not ready yet goes on leading, and tries again later", Source: "the contract of Storage"},
		Run:   snapshotIsAwaited,
	},
	{
		Name:  "CompactedIndexesAreKnownToAgree2C",
		Claim: graded.Claim{Text: "an append that starts in what was compacted is acknowledged, and the term at the snapshot's own index is still known", Source: "Raft §7"},
		Run:   compactedIndexesAreKnownToAgree,
	},
	{
		Name:  "LeaderCompactsAtAnyTime2C",
		Claim: graded.Claim{Text: "a leader may discard its log at any time: late answers that name discarded entries do no harm", Source: "Raft §7"},
		Run:   leaderCompactsAtAnyTime,
	},
	{
		Name:  "SnapshotEndCountsInElections2C",
		Claim: graded.Claim{Text: "where a log has only a snapshot left, that one's last index and term count in elections", Source: "Raft §5.4.1, §7"},
		Run:   snapshotEndCountsInElections,
	},
	{
		Name:  "CompactedLogLeavesMemory2C",
		Claim: graded.Claim{Text: "entries that were saved, applied and compacted do not stay in memory", Source: "Raft §7"},
		Run:   compactedLogLeavesMemory,
	},
}

// compactedDisk returns the disk of a node of {1, 2, 3} in that term, whose log
// has those terms, is committed up to commit, and is compacted up to index.
func compactedDisk(term, commit, index uint64, terms ...uint64) *Disk {
	d := NewDisk(upTo(3), terms...)
	d.SetHardState(term, 0, commit)
	if err := d.Compact(index, &pb.ConfState{Nodes: upTo(3)}, fmt.Appendf(nil, "up to %d;", index)); err != nil {
		panic(err)
	}
	d.Sync()
	return d
}

// snapshotMessage carries a snapshot up to (index, logTerm) of those nodes.
func snapshotMessage(from, term, index, logTerm uint64, nodes ...uint64) *pb.Message {
	return &pb.Message{
		MsgType: pb.MessageType_MsgSnapshot, From: from, Term: term,
		Snapshot: &pb.Snapshot{
			Data:     fmt.Appendf(nil, "up to %d;", index),
			Metadata: &pb.SnapshotMetadata{Index: index, Term: logTerm, ConfState: &pb.ConfState{Nodes: nodes}},
		},
	}
}

// compactedLeader returns node 1 of {1, 2, 3} as the leader of term 5, with
// entries of term 1 up to 6 and its no-op, compacted up to 4.
func compactedLeader(t *graded.T, impl Implementation) *solo {
	t.Helper()
	n := startHost(t, impl, 1, compactedDisk(4, 4, 4, 1, 1, 1, 1, 1, 1))
	n.elect()
	return n
}

// sentSnapshot returns the one snapshot message among out, which goes to node id.
func sentSnapshot(n *solo, out []*pb.Message, id uint64, why string) *pb.Message {
	n.t.Helper()
	ms := ofType(out, pb.MessageType_MsgSnapshot)
	if len(ms) != 1 || ms[0].To != id {
		n.t.Fatalf("leader %d should send one snapshot to node %d, %s, but sent %s", n.id, id, why, describeMessages(out))
	}
	return ms[0]
}

// awaitSnapshot plays node id, whose log is the leader's up to have, until the leader
// sends it a snapshot, which it returns.
func awaitSnapshot(n *solo, out []*pb.Message, id, have uint64, why string) *pb.Message {
	n.t.Helper()
	snapshot, entries := awaitHelp(n, out, id, have, why)
	if snapshot == nil {
		n.t.Fatalf("leader %d should send a snapshot to node %d, %s, but sent %s", n.id, id, why, describeMessages(entries))
	}
	return snapshot
}

// awaitHelp plays node id, whose log is the leader's up to have, until the leader
// sends it a snapshot, or appends that it can take. A leader may ask entry by entry
// how far the log goes before it knows which, and may wait with that for heartbeats.
func awaitHelp(n *solo, out []*pb.Message, id, have uint64, why string) (*pb.Message, []*pb.Message) {
	n.t.Helper()
	for range 40 {
		to := sentTo(out, id)
		if len(ofType(to, pb.MessageType_MsgSnapshot)) > 0 {
			return sentSnapshot(n, out, id, why), nil
		}
		term := n.Status().Term
		ms := appends(to, id)
		if len(ms) == 0 {
			out = append(n.tick(heartbeatTick), n.step(heartbeatAnswer(id, term))...)
			continue
		}
		out = nil
		for _, m := range ms {
			if m.Index <= have {
				return nil, ms
			}
			out = append(out, n.step(rejectAppend(id, term, m.Index, have, 0))...)
		}
	}
	n.t.Fatalf("leader %d should send a snapshot to node %d, %s, but sent none in 40 heartbeats", n.id, id, why)
	return nil, nil
}

// members fails unless the node knows of those members.
func (s *solo) members(want []uint64, why string, args ...any) {
	s.t.Helper()
	have := slices.Sorted(slices.Values(s.Status().Nodes))
	if !slices.Equal(have, want) {
		s.t.Fatalf("node %d should have %v for the members %s, but has %v", s.id, want, fmt.Sprintf(why, args...), have)
	}
}

// hasApplied fails unless the node and its host have applied up to index.
func (s *solo) hasApplied(index uint64, why string, args ...any) {
	s.t.Helper()
	if status := s.Status().Applied; s.host.applied != index || status != index {
		s.t.Fatalf("node %d should have applied up to %d %s; its application has applied up to %d, its status says %d",
			s.id, index, fmt.Sprintf(why, args...), s.host.applied, status)
	}
}

func restartFromSnapshot(t *graded.T, impl Implementation) {
	for _, c := range []struct {
		name          string
		commit, index uint64
	}{
		{"entries after it", 3, 3},
		{"entries after it, some committed", 5, 3},
		{"nothing after it", 6, 6},
		{"a commit index that was not synced", 1, 3}, // the snapshot was
	} {
		runCase(t, c.name, func(t *graded.T) {
			disk := compactedDisk(5, c.commit, c.index, 1, 1, 2, 2, 4, 4)
			c.commit = max(c.commit, c.index)
			n := startHost(t, impl, 1, disk)
			if commit := n.Status().Commit; commit < c.index {
				t.Fatalf("the snapshot ends at %d, so that much is committed, but node 1 starts with commit index %d", c.index, commit)
			}
			if applied := n.Status().Applied; applied != c.index {
				t.Fatalf("the snapshot ends at %d, so that much is applied, but node 1 starts with applied index %d", c.index, applied)
			}
			n.collect(step{}) // applies what is committed
			n.hasCommitted(c.commit, "as it was in storage")
			n.hasApplied(c.commit, "which was committed before it stopped")
			n.members(upTo(3), "as it was in storage")
			for _, m := range ofType(n.campaign(), pb.MessageType_MsgRequestVote) {
				if m.Index != 6 || m.LogTerm != 4 {
					t.Fatalf("the log of node 1 ends at 6/4, whether in the snapshot or after it, but it sent %s", describe(m))
				}
			}
		})
	}
	for applied := range uint64(6) {
		runCase(t, fmt.Sprintf("Config.Applied is %d", applied), func(t *graded.T) {
			disk := compactedDisk(5, 5, 3, 1, 1, 2, 2, 4, 4)
			n, err := impl.NewRawNode(configOf(1, disk, func(c *raft.Config) { c.Applied = applied }))
			if err != nil {
				t.Fatalf("the log begins with a snapshot up to 3 and is committed up to 5, and the application remembers to have applied up to %d, but node 1 does not start: %v", applied, err)
			}
			// Everything in the snapshot is applied with it.
			next := max(3, applied)
			if have := n.Status().Applied; have != next {
				t.Fatalf("the snapshot ends at 3, and the application remembers to have applied up to %d, so node 1 should start with the applied index %d, but starts with %d", applied, next, have)
			}
			for n.HasReady() {
				rd := n.Ready()
				for _, e := range rd.CommittedEntries {
					if next++; e.Index != next {
						t.Fatalf("the next entry to apply is %d, but node 1 handed out %s", next, describeEntry(e))
					}
				}
				n.Advance(rd)
			}
			if next != 5 {
				t.Fatalf("entries 4 and 5 are committed, but what node 1 handed out ends at %d", next)
			}
		})
	}
}

func laggingFollowerGetsSnapshot(t *graded.T, impl Implementation) {
	runCase(t, "needs what is gone", func(t *graded.T) {
		n := compactedLeader(t, impl)
		m := awaitSnapshot(n, n.step(rejectAppend(2, 5, 6, 0, 0)), 2, 0, "which has no entries")
		want, _ := n.host.disk.Snapshot()
		if m.Snapshot.GetMetadata().GetIndex() != 4 || m.Snapshot.GetMetadata().GetTerm() != 1 ||
			string(m.Snapshot.Data) != string(want.Data) || !slices.Equal(m.Snapshot.GetMetadata().GetConfState().GetNodes(), upTo(3)) {
			t.Fatalf("the snapshot in storage is a %s, but leader 1 sent %s", describeSnapshot(want), describe(m))
		}
	})
	runCase(t, "needs the first entry that is left", func(t *graded.T) {
		n := compactedLeader(t, impl)
		n.feed(n.step(rejectAppend(2, 5, 6, 4, 1)), peer{2, 4})
	})
	runCase(t, "group", func(t *graded.T) {
		g := startHosts(t, impl, disksOf(3))
		g.elect(1)
		g.isolate(3)
		g.propose(1, "a", "b", "c", "d")
		g.node(1).host.compact(4)
		g.propose(1, "e")
		g.rejoin(3)
		g.agreeOnState(1, "node 3 came back and needed a snapshot up to 4")
		g.isolate(2)
		g.propose(1, "f")
		g.node(1).hasCommitted(7, "as nodes 1 and 3 have it")
	})
}

func snapshotReplacesLog(t *graded.T, impl Implementation) {
	for _, c := range []struct {
		name  string
		terms []uint64
	}{
		{"no log", nil},
		{"a shorter log", []uint64{1, 1}},
		{"a conflicting log", []uint64{1, 1, 1, 1, 1, 1, 1, 1}},
		{"a conflicting log of a later term", []uint64{1, 4, 4, 4, 4, 4}},
	} {
		runCase(t, c.name, func(t *graded.T) {
			disk := NewDisk(upTo(3), c.terms...)
			disk.SetHardState(5, 0, min(1, uint64(len(c.terms))))
			n := startHost(t, impl, 1, disk)
			n.collect(step{})
			m := snapshotMessage(2, 5, 5, 3, 1, 2, 3)
			for range 2 { // the second time, it changes nothing
				answer := appendAnswer(n, m)
				if answer.Reject || answer.Index != 5 {
					t.Fatalf("node 1 has everything up to 5 now, by the snapshot, but sent %s", describe(answer))
				}
				n.hasCommitted(5, "which is the end of the snapshot")
				n.hasApplied(5, "which is the end of the snapshot")
				if n.host.state() != "up to 5;" {
					t.Fatalf("the application of node 1 was to get the snapshot with the data %q, but has %q", "up to 5;", n.host.state())
				}
				n.hasLog(nil, "after the snapshot")
			}
			n.follows(2, 5, "which sent the snapshot")
			for _, wrong := range []*pb.Message{appendAfter(2, 5, 6, 1, 0), appendAfter(2, 5, 6, 4, 0), appendAfter(2, 5, 8, 1, 0)} {
				if answer := appendAnswer(n, wrong); !answer.Reject {
					t.Fatalf("the log of node 1 ends with the snapshot at 5/3, but it answered %s with %s", describe(wrong), describe(answer))
				}
			}
			if answer := appendAnswer(n, appendAfter(2, 5, 5, 3, 6, entriesFrom(6, 5, 5)...)); answer.Reject || answer.Index != 7 {
				t.Fatalf("the entries 6 and 7 follow the snapshot, so node 1 should take them, but it sent %s", describe(answer))
			}
			n.hasLog([]uint64{5, 5}, "after the snapshot")
			n.hasApplied(6, "which is committed")

			// All this survives a crash.
			again := startHost(t, impl, 1, n.host.disk)
			again.collect(step{})
			again.hasLog([]uint64{5, 5}, "after a restart")
			again.hasApplied(6, "after a restart")
		})
	}
}

func snapshotBringsMembership(t *graded.T, impl Implementation) {
	disk := NewDisk(upTo(3), 1, 1)
	disk.SetHardState(5, 0, 0)
	n := startHost(t, impl, 1, disk)
	n.step(snapshotMessage(2, 5, 9, 3, 1, 2, 4, 5, 6))
	n.members([]uint64{1, 2, 4, 5, 6}, "after a snapshot that says so")

	requests := ofType(n.campaign(), pb.MessageType_MsgRequestVote)
	if got := receivers(requests); !slices.Equal(got, []uint64{2, 4, 5, 6}) {
		t.Fatalf("the members are 1, 2, 4, 5 and 6, so candidate 1 asks all others for their votes, but asked %v", got)
	}
	n.step(grant(3, 6))
	n.step(grant(2, 6))
	n.is(raft.StateCandidate, 6, "with the votes of 1 and 2, and of 3, which is no longer a member")
	out := n.step(grant(6, 6))
	n.is(raft.StateLeader, 6, "with the votes of 1, 2 and 6 of five members")
	out = append(out, n.beats(2)...)
	if got := receivers(ofType(out, pb.MessageType_MsgAppend)); !slices.Equal(slices.Compact(slices.Sorted(slices.Values(got))), []uint64{2, 4, 5, 6}) {
		t.Fatalf("leader 1 should send its no-op to 2, 4, 5 and 6, but sent %s", describeMessages(out))
	}
	n.step(matchUpTo(3, 6, 10))
	n.step(matchUpTo(4, 6, 10))
	n.hasCommitted(9, "as only 1 and 4 of five members have entry 10")
	n.step(matchUpTo(5, 6, 10))
	n.hasCommitted(10, "as 1, 4 and 5 of five members have entry 10")

	again := startHost(t, impl, 1, n.host.disk)
	again.members([]uint64{1, 2, 4, 5, 6}, "after a restart")
}

func staleSnapshotIsIgnored(t *graded.T, impl Implementation) {
	for _, index := range []uint64{1, 3, 4} {
		runCase(t, fmt.Sprintf("up to %d", index), func(t *graded.T) {
			n := startHost(t, impl, 1, compactedDisk(5, 4, 2, 1, 1, 2, 2, 3))
			n.collect(step{})
			m := snapshotMessage(2, 5, index, 1, 1, 2, 7)
			answer := appendAnswer(n, m)
			if answer.Reject || answer.Index != 4 {
				t.Fatalf("node 1 has committed up to 4, which is what it should say to %s, but it sent %s", describe(m), describe(answer))
			}
			n.hasLog([]uint64{2, 2, 3}, "after its own snapshot up to 2")
			n.hasCommitted(4, "as before")
			n.hasApplied(4, "as before")
			n.members(upTo(3), "as an old snapshot has an old membership")
		})
	}
}

func entriesBehindSnapshotAreKept(t *graded.T, impl Implementation) {
	for _, index := range []uint64{3, 5} {
		runCase(t, fmt.Sprintf("up to %d", index), func(t *graded.T) {
			disk := NewDisk(upTo(3), 1, 1, 2, 2, 2, 3)
			disk.SetHardState(5, 0, 2)
			n := startHost(t, impl, 1, disk)
			n.collect(step{})
			m := snapshotMessage(2, 5, index, 2, 1, 2, 3)
			answer := appendAnswer(n, m)
			if answer.Reject || answer.Index != index {
				t.Fatalf("node 1 has all of %s and agrees up to there, but it sent %s", describe(m), describe(answer))
			}
			n.hasCommitted(index, "as the snapshot covers that")
			n.hasApplied(index, "as the snapshot covers that")
			after := n.Entries()
			for len(after) > 0 && after[0].Index <= index {
				after = after[1:] // what the snapshot covers may stay or go
			}
			if want := []uint64{1, 1, 2, 2, 2, 3}[index:]; !slices.Equal(termsOf(after), want) {
				t.Fatalf("node 1 had all of %s, so it should keep the entries of the terms %v after it, but has %s", describe(m), want, describeEntries(after))
			}
			if answer := appendAnswer(n, appendAfter(2, 5, 6, 3, 6)); answer.Reject || answer.Index != 6 {
				t.Fatalf("node 1 has entry 6/3, but sent %s", describe(answer))
			}
			n.hasApplied(6, "as told by the next append")
		})
	}
}

func snapshotObeysTerms(t *graded.T, impl Implementation) {
	for _, as := range roles {
		for _, term := range []uint64{4, 5, 8} {
			if term == 5 && as.state == raft.StateLeader {
				continue // a term has one leader
			}
			runCase(t, fmt.Sprintf("%s of term 5, snapshot of term %d", as.name, term), func(t *graded.T) {
				disk := NewDisk(upTo(3), 1)
				if as.state == raft.StateFollower {
					disk.SetHardState(5, 0, 0)
				} else {
					disk.SetHardState(4, 0, 0)
				}
				n := startHost(t, impl, 1, disk)
				as.enter(n)
				n.is(as.state, 5, "for this test")
				before, log := n.Status(), n.Entries()
				m := snapshotMessage(2, term, 9, 4, 1, 2, 3)
				out := n.step(m)
				if term < 5 {
					if after := n.Status(); after.Term != before.Term || after.SoftState != before.SoftState || after.Commit != before.Commit {
						t.Fatalf("%s must not change a %s of term 5, but node 1 was (%v), and is (%v)", describe(m), as.name, before, after)
					}
					n.hasLog(termsOf(log), "before and after a snapshot of term 4")
					for _, answer := range ofType(out, pb.MessageType_MsgAppendResponse) {
						if !answer.Reject && answer.Index > 0 {
							t.Fatalf("node 1 is in term 5 and acknowledged a snapshot of term 4: %s", describe(answer))
						}
					}
					return
				}
				n.follows(2, term, "after its snapshot")
				n.hasApplied(9, "with the snapshot")
			})
		}
	}
	runCase(t, "resets the clock", func(t *graded.T) {
		disk := NewDisk(upTo(3), 1)
		disk.SetHardState(5, 0, 0)
		n := startHost(t, impl, 1, disk)
		for index := uint64(2); index < 12; index++ {
			n.step(snapshotMessage(2, 5, index, 4, 1, 2, 3))
			if requests := ofType(n.tick(electionTick-1), pb.MessageType_MsgRequestVote); len(requests) != 0 {
				t.Fatalf("node 1 got a snapshot of its leader every %d ticks, and still campaigned", electionTick-1)
			}
		}
	})
}

func snapshotForOthersIsIgnored(t *graded.T, impl Implementation) {
	disk := NewDisk(upTo(3), 1, 1)
	disk.SetHardState(5, 0, 1)
	n := startHost(t, impl, 1, disk)
	n.collect(step{})
	m := snapshotMessage(2, 5, 9, 4, 2, 3, 4)
	out := n.step(m)
	if n.Status().Commit == 9 {
		n.hasLog(nil, "after the snapshot")
		n.hasApplied(9, "which is the end of the snapshot")
		n.members([]uint64{2, 3, 4}, "as the snapshot says")
		if out := append(n.step(hup()), n.tick(4*electionTick)...); len(out) != 0 {
			t.Fatalf("node 1 knows by a snapshot that it is not a member, and should keep quiet, but sent %s", describeMessages(out))
		}
		return
	}
	for _, answer := range ofType(out, pb.MessageType_MsgAppendResponse) {
		if !answer.Reject && answer.Index > 1 {
			t.Fatalf("node 1 did not install %s, but sent %s", describe(m), describe(answer))
		}
	}
	n.hasLog([]uint64{1, 1}, "as before, since it did not install %s", describe(m))
	n.hasCommitted(1, "as before")
	n.hasApplied(1, "as before")
	n.members(upTo(3), "as before")
}

func snapshotIsHandedOutOnce(t *graded.T, impl Implementation) {
	first := snapshotMessage(2, 5, 7, 4, 1, 2, 3)
	after := appendAfter(2, 5, 7, 4, 8, entriesFrom(8, 5, 5)...)
	newer := snapshotMessage(2, 5, 9, 5, 1, 2, 3)
	for _, c := range []struct {
		name string
		// Messages before the first Ready, while it is in the application's
		// hands, not even saved, and while only Advance is missing.
		before, unsaved, saved []*pb.Message
		// What is to come of it.
		snapshots []uint64
		entries   []uint64 // indexes
		applied   uint64
	}{
		{"alone", []*pb.Message{first}, nil, nil, []uint64{7}, nil, 7},
		{"twice", []*pb.Message{first, first}, []*pb.Message{first}, []*pb.Message{first}, []uint64{7}, nil, 7},
		{"entries after it", []*pb.Message{first, after}, nil, nil, []uint64{7}, []uint64{8, 9}, 8},
		{"entries while it is being saved", []*pb.Message{first}, []*pb.Message{after}, nil, []uint64{7}, []uint64{8, 9}, 8},
		{"entries when it is saved", []*pb.Message{first}, nil, []*pb.Message{after}, []uint64{7}, []uint64{8, 9}, 8},
		{"a newer one while it is being saved", []*pb.Message{first}, []*pb.Message{newer}, nil, []uint64{7, 9}, nil, 9},
		{"a newer one when it is saved", []*pb.Message{first}, nil, []*pb.Message{newer}, []uint64{7, 9}, nil, 9},
	} {
		runCase(t, c.name, func(t *graded.T) {
			disk := NewDisk(upTo(3), 1, 1, 1)
			disk.SetHardState(5, 0, 2)
			n := startHost(t, impl, 1, disk)
			n.collect(step{})
			rn := n.host.RawNode
			take := func(ms []*pb.Message) {
				t.Helper()
				for _, m := range ms {
					if err := rn.Step(m); err != nil {
						t.Fatalf("node 1 should take %s, but says: %v", describe(m), err)
					}
				}
			}
			var snapshots, entries []uint64
			applied := uint64(2)
			take(c.before)
			for round := 0; rn.HasReady(); round++ {
				if round == 10 {
					t.Fatalf("node 1 has done 10 Readys with no input between them, and HasReady still says that there is more")
				}
				rd := rn.Ready()
				if round == 0 {
					take(c.unsaved)
				}
				if s := rd.Snapshot; s != nil {
					index := s.Metadata.Index
					snapshots = append(snapshots, index)
					if !rd.MustSync {
						t.Fatalf("node 1 acknowledges the %s that it hands out, but says that it need not be synced", describeSnapshot(s))
					}
					if want := fmt.Sprintf("up to %d;", index); string(s.Data) != want {
						t.Fatalf("the snapshot up to %d holds %q, but node 1 handed it out with %q", index, want, s.Data)
					}
					applied = index
				}
				if len(snapshots) == 0 && len(rd.Entries) > 0 {
					t.Fatalf("node 1 handed out %s to be saved before the snapshot that they follow", describeEntries(rd.Entries))
				}
				for _, e := range rd.Entries {
					entries = append(entries, e.Index)
				}
				for _, e := range rd.CommittedEntries {
					if applied++; e.Index != applied {
						t.Fatalf("entry %d is the next to apply, but node 1 handed out %s", applied, describeEntry(e))
					}
				}
				for _, m := range ofType(rd.Messages, pb.MessageType_MsgAppendResponse) {
					if m.Reject {
						t.Fatalf("everything that node 1 got follows its snapshot, but it sent %s", describe(m))
					}
				}
				if err := disk.Save(rd); err != nil {
					t.Fatalf("node 1 gave its application a Ready that cannot be saved: %v", err)
				}
				if round == 0 {
					take(c.saved)
				}
				rn.Advance(rd)
			}
			if !slices.Equal(snapshots, c.snapshots) {
				t.Fatalf("node 1 should hand out the snapshots up to %v, each once, but handed out those up to %v", c.snapshots, snapshots)
			}
			if !slices.Equal(entries, c.entries) {
				t.Fatalf("node 1 should hand out the entries %v to be saved, each once, but handed out %v", c.entries, entries)
			}
			if status := rn.Status(); applied != c.applied || status.Applied != c.applied || status.Commit != c.applied {
				t.Fatalf("everything up to %d is committed and was to be applied, but the application was handed up to %d, and the status is (%v)",
					c.applied, applied, status)
			}
		})
	}
}

func replicationGoesOnAfterSnapshot(t *graded.T, impl Implementation) {
	for _, c := range []struct {
		name  string
		tells func(n *solo) []*pb.Message // what the leader hears of the snapshot
	}{
		{"acknowledged", func(n *solo) []*pb.Message { return n.step(matchUpTo(2, 5, 4)) }},
		{"reported, then acknowledged", func(n *solo) []*pb.Message {
			n.host.ReportSnapshot(2, true)
			return append(n.collect(step{}), n.step(matchUpTo(2, 5, 4))...)
		}},
		{"reported, acknowledgement lost", func(n *solo) []*pb.Message {
			n.host.ReportSnapshot(2, true)
			return append(n.collect(step{}), n.step(heartbeatAnswer(2, 5))...)
		}},
	} {
		runCase(t, c.name, func(t *graded.T) {
			n := compactedLeader(t, impl)
			awaitSnapshot(n, n.step(rejectAppend(2, 5, 6, 0, 0)), 2, 0, "which has no entries")
			n.step(propose("x"))
			n.feed(c.tells(n), peer{2, 4})
			n.hasCommitted(8, "as nodes 1 and 2 have everything")
			n.feed(n.step(propose("y")), peer{2, 8})
			n.hasCommitted(9, "as nodes 1 and 2 have everything")
		})
	}
	runCase(t, "again and again", func(t *graded.T) {
		g := startHosts(t, impl, disksOf(3))
		g.elect(1)
		for round := range 5 {
			away := uint64(2 + round%2)
			g.isolate(away)
			for i := range 4 {
				g.propose(1, fmt.Sprintf("%d.%d", round, i))
			}
			for _, n := range g.nodes {
				n.host.compact(n.host.applied)
			}
			g.propose(1, fmt.Sprintf("%d.last", round))
			g.rejoin(away)
			g.agreeOnState(1, fmt.Sprintf("node %d came back and needed a snapshot", away))
		}
	})
}

func failedSnapshotIsSentAgain(t *graded.T, impl Implementation) {
	send := func(t *graded.T) *solo {
		t.Helper()
		n := compactedLeader(t, impl)
		awaitSnapshot(n, n.step(rejectAppend(2, 5, 6, 0, 0)), 2, 0, "which has no entries")
		return n
	}
	runCase(t, "one at a time", func(t *graded.T) {
		n := send(t)
		var out []*pb.Message
		for i := range 5 {
			out = append(out, n.step(propose(fmt.Sprint(i)))...)
			out = append(out, n.tick(heartbeatTick)...)
			out = append(out, n.step(heartbeatAnswer(2, 5))...)
		}
		if more := ofType(sentTo(out, 2), pb.MessageType_MsgSnapshot); len(more) != 0 {
			t.Fatalf("a snapshot is on its way to node 2, and it was not reported what became of it; until then leader 1 sends no other, but sent %s",
				describeMessages(more))
		}
		if len(ofType(sentTo(out, 2), pb.MessageType_MsgHeartbeat)) == 0 {
			t.Fatalf("a snapshot is on its way to node 2, which still needs heartbeats, but got none")
		}
	})
	for _, c := range []struct {
		name string
		do   func(n *solo) []*pb.Message
	}{
		{"its rejection arrives again", func(n *solo) []*pb.Message { return n.step(rejectAppend(2, 5, 6, 0, 0)) }},
		{"a rejection of what comes after the snapshot arrives", func(n *solo) []*pb.Message { return n.step(rejectAppend(2, 5, 4, 0, 0)) }},
		{"an acknowledgement of what comes before arrives late", func(n *solo) []*pb.Message { return n.step(matchUpTo(2, 5, 1)) }},
		{"another message, such as a heartbeat, did not reach it", func(n *solo) []*pb.Message {
			n.host.ReportUnreachable(2)
			return n.collect(step{})
		}},
	} {
		runCase(t, "one at a time, although "+c.name, func(t *graded.T) {
			n := send(t)
			for range 3 {
				out := c.do(n)
				out = append(out, n.step(heartbeatAnswer(2, 5))...)
				out = append(out, n.tick(heartbeatTick)...)
				if more := ofType(out, pb.MessageType_MsgSnapshot); len(more) != 0 {
					t.Fatalf("a snapshot is on its way to node 2, and it was not reported what became of it; %s, and leader 1 sent %s", c.name, describeMessages(more))
				}
			}
		})
	}
	runCase(t, "reported as failed", func(t *graded.T) {
		n := send(t)
		for range 3 {
			n.host.ReportSnapshot(2, false)
			out := n.collect(step{})
			out = append(out, n.step(heartbeatAnswer(2, 5))...)
			awaitSnapshot(n, out, 2, 0, "as the one before failed and node 2 has given a sign of life")
		}
		n.step(matchUpTo(2, 5, 4))
		n.step(matchUpTo(2, 5, 7))
		n.hasCommitted(7, "as nodes 1 and 2 have everything")
	})
	runCase(t, "reported as arrived, but it did not", func(t *graded.T) {
		n := send(t)
		n.host.ReportSnapshot(2, true)
		out := append(n.collect(step{}), n.step(heartbeatAnswer(2, 5))...)
		awaitSnapshot(n, out, 2, 0, "which turns out not to have the one that was sent")
	})
	runCase(t, "group", func(t *graded.T) {
		g := startHosts(t, impl, disksOf(3))
		g.elect(1)
		g.isolate(3)
		g.propose(1, "a", "b", "c")
		g.node(1).host.compact(4)
		g.rejoin(3)
		lost := 0
		g.lose = func(m *pb.Message) bool {
			if m.MsgType == pb.MessageType_MsgSnapshot && lost < 3 {
				lost++
				return true
			}
			return false
		}
		g.agreeOnState(1, "three snapshots to node 3 were lost, and were reported to be")
		if lost < 3 {
			t.Fatalf("node 3 needs a snapshot, and three were to be lost, but only %d were sent", lost)
		}
	})
}

func snapshotIsAwaited(t *graded.T, impl Implementation) {
	n := compactedLeader(t, impl)
	n.host.disk.HoldSnapshot(true)
	out := n.step(rejectAppend(2, 5, 6, 0, 0))
	all := out
	for i := range 3 {
		for range 3 {
			more := n.step(heartbeatAnswer(2, 5))
			more = append(more, n.tick(heartbeatTick)...)
			for _, m := range appends(append(out, more...), 2) {
				if m.Index > 0 {
					more = append(more, n.step(rejectAppend(2, 5, m.Index, 0, 0))...)
				}
			}
			out, all = more, append(all, more...)
		}
		all = append(all, n.step(propose(fmt.Sprint(i)))...)
	}
	out = all
	if ms := ofType(out, pb.MessageType_MsgSnapshot); len(ms) != 0 {
		t.Fatalf("the snapshot is not ready yet, but leader 1 sent %s", describeMessages(ms))
	}
	n.is(raft.StateLeader, 5, "whether its snapshot is ready or not")
	n.step(matchUpTo(3, 5, 10))
	n.hasCommitted(10, "as nodes 1 and 3 have everything, while node 2 waits for a snapshot")
	n.host.disk.HoldSnapshot(false)
	awaitSnapshot(n, n.step(heartbeatAnswer(2, 5)), 2, 0, "as it is ready now and node 2 has given a sign of life")
}

func compactedIndexesAreKnownToAgree(t *graded.T, impl Implementation) {
	for _, c := range []struct {
		index, prevTerm uint64
		entries         []uint64
		reject          bool
		match           uint64 // at most
		want            []uint64
	}{
		{0, 0, nil, false, 4, []uint64{2, 2}},
		{0, 0, []uint64{1}, false, 4, []uint64{2, 2}},
		{1, 1, []uint64{1, 2}, false, 4, []uint64{2, 2}},
		{3, 2, []uint64{2, 2}, false, 5, []uint64{2, 2}},
		{2, 1, []uint64{2, 2}, false, 4, []uint64{2, 2}},
		{4, 2, nil, false, 4, []uint64{2, 2}},
		{4, 2, []uint64{2}, false, 5, []uint64{2, 2}},
		{4, 2, []uint64{3, 3, 3}, false, 7, []uint64{3, 3, 3}},
		{5, 2, []uint64{3}, false, 6, []uint64{2, 3}},
		{5, 3, []uint64{3}, true, 0, []uint64{2, 2}},
		{6, 4, nil, true, 0, []uint64{2, 2}},
		{6, 1, nil, true, 0, []uint64{2, 2}},
		{9, 4, nil, true, 0, []uint64{2, 2}},
	} {
		runCase(t, fmt.Sprintf("%d entries after %s", len(c.entries), position(c.index, c.prevTerm)), func(t *graded.T) {
			n := startHost(t, impl, 1, compactedDisk(5, 4, 4, 1, 1, 2, 2, 2, 2))
			m := appendAfter(2, 5, c.index, c.prevTerm, 0, entriesFrom(c.index+1, c.entries...)...)
			answer := appendAnswer(n, m)
			if answer.Reject != c.reject {
				t.Fatalf("the log of node 1 is a snapshot up to 4/2 and the entries 5/2 and 6/2; %s should be refused: %v, but it sent %s",
					describe(m), c.reject, describe(answer))
			}
			if !c.reject && (answer.Index < min(4, c.match) || answer.Index > c.match) {
				t.Fatalf("after %s, node 1 is known to agree up to %d, but it sent %s", describe(m), c.match, describe(answer))
			}
			n.hasLog(c.want, "after its snapshot up to 4, given %s", describe(m))
			n.hasCommitted(4, "as before")
		})
	}
}

func leaderCompactsAtAnyTime(t *graded.T, impl Implementation) {
	runCase(t, "late answers", func(t *graded.T) {
		disk := NewDisk(upTo(3), 1, 1, 1, 1)
		disk.SetHardState(4, 0, 0)
		n := startHost(t, impl, 1, disk)
		n.elect()
		n.step(matchUpTo(2, 5, 5))
		n.step(propose("x"))
		n.step(matchUpTo(2, 5, 6))
		n.hasApplied(6, "as node 2 has acknowledged it")
		n.host.compact(6)
		for _, m := range []*pb.Message{
			rejectAppend(2, 5, 4, 2, 1), rejectAppend(2, 5, 1, 0, 0), matchUpTo(2, 5, 2), matchUpTo(2, 5, 0), heartbeatAnswer(2, 5),
		} {
			if out := ofType(n.step(m), pb.MessageType_MsgSnapshot); len(out) != 0 {
				t.Fatalf("node 2 has acknowledged up to 6 and needs no snapshot, but after the late answer %s leader 1 sent %s", describe(m), describeMessages(out))
			}
		}
		// Node 3 has not said anything yet, and storage has no entry for it. A
		// leader that still has them in memory may send them from there.
		if _, entries := awaitHelp(n, n.step(rejectAppend(3, 5, 4, 2, 1)), 3, 2, "which has entries up to 2 only"); entries != nil {
			n.feed(entries, peer{3, 2})
		}
		n.step(propose("y"))
		n.step(matchUpTo(2, 5, 7))
		n.hasCommitted(7, "as node 2 has acknowledged it")
	})
	runCase(t, "elected with nothing but a snapshot", func(t *graded.T) {
		n := startHost(t, impl, 1, compactedDisk(4, 4, 4, 1, 1, 2, 2))
		out := n.elect()
		n.feed(out, peer{2, 4}, peer{3, 4})
		n.hasCommitted(5, "as nodes 1 and 2 have the no-op")
	})
	runCase(t, "group that compacts all the time", func(t *graded.T) {
		g := startHosts(t, impl, disksOf(3))
		g.elect(1)
		n := 0
		g.lose = func(m *pb.Message) bool { n++; return n%5 == 0 }
		for i := range 30 {
			g.propose(1, fmt.Sprint(i))
			g.beat(1, 1)
			for _, n := range g.nodes {
				if n.host.applied > n.host.disk.first() {
					n.host.compact(n.host.applied - 1)
				}
			}
		}
		g.lose = nil
		g.agreeOnState(1, "every fifth message was lost for a while, and all discarded their logs")
	})
}

func snapshotEndCountsInElections(t *graded.T, impl Implementation) {
	for _, c := range []struct {
		index, term uint64
		granted     bool
	}{
		{4, 2, true}, {5, 2, true}, {3, 2, false}, {9, 1, false}, {1, 3, true}, {0, 0, false},
	} {
		runCase(t, fmt.Sprintf("candidate at %s", position(c.index, c.term)), func(t *graded.T) {
			n := startHost(t, impl, 1, compactedDisk(5, 4, 4, 1, 1, 2, 2))
			if granted := askVote(n, requestVote(2, 6, c.index, c.term)); granted != c.granted {
				t.Fatalf("the voter has a snapshot up to 4/2 and no entries, the candidate's log ends at %s: granted should be %v, but is %v",
					position(c.index, c.term), c.granted, granted)
			}
		})
	}
	runCase(t, "after installing a snapshot", func(t *graded.T) {
		disk := NewDisk(upTo(3), 1, 1)
		disk.SetHardState(5, 0, 0)
		n := startHost(t, impl, 1, disk)
		n.step(snapshotMessage(2, 5, 7, 4, 1, 2, 3))
		n.tick(electionTick) // no leader is left to protect
		if askVote(n, requestVote(3, 6, 6, 4)) {
			t.Fatalf("node 1 has a snapshot up to 7/4, and voted for a candidate whose log ends at 6/4")
		}
		for _, m := range ofType(n.campaign(), pb.MessageType_MsgRequestVote) {
			if m.Index != 7 || m.LogTerm != 4 {
				t.Fatalf("the log of candidate 1 ends with its snapshot at 7/4, but it sent %s", describe(m))
			}
		}
	})
}

// compactedLogLeavesMemory lets a leader of three and a follower save, apply and
// compact 64 entries after another, and looks which of them the garbage collector
// found to be in use.
func compactedLogLeavesMemory(t *graded.T, impl Implementation) {
	const (
		rounds = 64
		size   = 1 << 16
		// The last few may wait for the next Ready.
		most = 8
	)
	check := func(what string, entries []weak.Pointer[byte]) {
		t.Helper()
		runtime.GC()
		alive := 0
		for _, e := range entries {
			if e.Value() != nil {
				alive++
			}
		}
		if alive > most {
			t.Fatalf("%d entries were proposed, one after another; all are saved, committed, applied and compacted, but a %s still holds %d of them in memory",
				len(entries), what, alive)
		}
	}
	// handle is the application: it keeps nothing.
	handle := func(rn RawNode, disk *Disk) {
		for range 10 {
			if !rn.HasReady() {
				return
			}
			rd := rn.Ready()
			if err := disk.Save(rd); err != nil {
				t.Fatalf("the node gave its application a Ready that cannot be saved: %v", err)
			}
			disk.Sync()
			rn.Advance(rd)
			if applied := rn.Status().Applied; applied >= disk.first() {
				if err := disk.Compact(applied, &pb.ConfState{Nodes: upTo(3)}, nil); err != nil {
					t.Fatalf("cannot compact up to the applied index %d: %v", applied, err)
				}
				disk.Sync()
			}
		}
	}
	start := func() (RawNode, *Disk) {
		disk := NewDisk(upTo(3))
		rn, err := impl.NewRawNode(configOf(1, disk))
		if err != nil {
			t.Fatalf("node 1 does not start: %v", err)
		}
		return rn, disk
	}
	mustStep := func(rn RawNode, m *pb.Message) {
		t.Helper()
		if err := rn.Step(m); err != nil {
			t.Fatalf("node 1 should take %v, but says: %v", m.MsgType, err)
		}
	}

	runCase(t, "leader", func(t *graded.T) {
		rn, disk := start()
		if err := rn.Campaign(); err != nil {
			t.Fatalf("node 1 should campaign, but says: %v", err)
		}
		handle(rn, disk)
		mustStep(rn, grant(2, 1))
		var entries []weak.Pointer[byte]
		for i := range uint64(rounds) {
			data := make([]byte, size)
			entries = append(entries, weak.Make(&data[0]))
			if _, _, err := rn.Propose(data); err != nil {
				t.Fatalf("node 1 leads and should take a proposal, but says: %v", err)
			}
			handle(rn, disk)
			for _, id := range []uint64{2, 3} {
				mustStep(rn, matchUpTo(id, 1, i+2))
			}
			handle(rn, disk)
		}
		check("leader", entries)
		runtime.KeepAlive(rn)
	})
	runCase(t, "follower", func(t *graded.T) {
		rn, disk := start()
		var entries []weak.Pointer[byte]
		prevTerm := uint64(0)
		for i := range uint64(rounds) {
			data := make([]byte, size)
			entries = append(entries, weak.Make(&data[0]))
			mustStep(rn, appendAfter(2, 1, i, prevTerm, i+1, &pb.Entry{Index: i + 1, Term: 1, Data: data}))
			prevTerm = 1
			handle(rn, disk)
		}
		check("follower", entries)
		runtime.KeepAlive(rn)
	})
}
