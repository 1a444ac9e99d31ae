package raftstore_test

import (
	"fmt"
	"maps"
	"testing"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/raftstore"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/metapb"
)

// agrees requires that a store, between two passes, says of itself what its
// disks say. Only the hard state may be newer, while the store is busy.
func (s *server) agrees(when string) {
	s.t.Helper()
	st := s.status()
	log, err := raftstore.LoadRaftState(s.raft, s.region.Id)
	if err != nil {
		s.t.Fatalf("%s, the raft engine cannot be read: %v", when, err)
	}
	data, err := raftstore.LoadRegionState(s.kv, s.region.Id)
	if err != nil {
		s.t.Fatalf("%s, the kv engine cannot be read: %v", when, err)
	}
	switch {
	case st.Applied != data.AppliedIndex:
		s.t.Fatalf("%s, the store says that it has applied up to %d, but its kv engine says up to %d", when, st.Applied, data.AppliedIndex)
	case st.LastIndex != log.LastIndex:
		s.t.Fatalf("%s, the store says that its log ends at %d, but its raft engine says at %d", when, st.LastIndex, log.LastIndex)
	case st.FirstIndex != log.TruncatedIndex+1:
		s.t.Fatalf("%s, the store says that its log begins at %d, but its raft engine says at %d", when, st.FirstIndex, log.TruncatedIndex+1)
	case !st.Busy && (st.Term != log.HardState.Term || st.Vote != log.HardState.Vote):
		s.t.Fatalf("%s, the store is in term %d with a vote for %d, but its raft engine says term %d and %d", when, st.Term, st.Vote, log.HardState.Term, log.HardState.Vote)
	}
	if st.Applied == 0 {
		return
	}
	if e, err := raftstore.LoadEntry(s.raft, s.region.Id, st.Applied); err != nil || e == nil || e.Term != data.AppliedTerm {
		s.t.Fatalf("%s, the kv engine says that entry %d/%d was applied last, but the raft engine has %v there (error %v)", when, st.Applied, data.AppliedTerm, e, err)
	}
}

// A followerStory is what two leaders, stores 2 and 3, say to a follower. Some
// entries are empty, some have commands, one has a command that is refused. The
// second leader replaces a part of what the first one has sent.
type followerStory struct {
	region *metapb.Region
	steps  []*eraftpb.Message
	// states are the data after each index.
	states []content
	// terms are the terms of the log in the end.
	terms []uint64
	// records is the number of records in the raft engine in the end, as the
	// first run of the story has left them.
	records int
}

func newFollowerStory(t *graded.T) *followerStory {
	region := regionOf(3, "a", "n")
	put := func(index, term uint64, key string) *eraftpb.Entry {
		value := fmt.Sprintf("%d/%d", index, term)
		return &eraftpb.Entry{Index: index, Term: term, Data: command(t, region.RegionEpoch, set(engine.CFDefault, key, value), set(engine.CFLock, "all", value))}
	}
	empty := func(index, term uint64) *eraftpb.Entry { return &eraftpb.Entry{Index: index, Term: term} }
	commit := func(from, term, index uint64) *eraftpb.Message {
		return &eraftpb.Message{MsgType: eraftpb.MessageType_MsgHeartbeat, From: from, Term: term, Commit: index}
	}
	outside := put(7, 2, "outside")
	s := &followerStory{
		region: region,
		steps: []*eraftpb.Message{
			appendOf(2, 1, 0, 0, empty(1, 1)),
			commit(2, 1, 1), // nothing but an empty entry
			appendOf(2, 1, 1, 1, put(2, 1, "a"), put(3, 1, "b"), put(4, 1, "lost"), put(5, 1, "lost"), put(6, 1, "lost")),
			commit(2, 1, 2),
			commit(2, 1, 3),
			voteOf(3, 2, 6, 1),
			appendOf(3, 2, 3, 1, empty(4, 2), put(5, 2, "a")), // 6/1 is gone
			commit(3, 2, 4),
			commit(3, 2, 5),
			appendOf(3, 2, 5, 2, put(6, 2, "c"), outside),
			commit(3, 2, 6),
			commit(3, 2, 7), // nothing but a refused command
		},
		terms: []uint64{1, 1, 1, 2, 2, 2, 2},
	}
	now := content{}
	s.states = []content{{}}
	for _, e := range []struct{ key, value string }{{}, {"a", "2/1"}, {"b", "3/1"}, {}, {"a", "5/2"}, {"c", "6/2"}, {}} {
		now = maps.Clone(now)
		if e.key != "" {
			now["default/"+e.key], now["lock/all"] = e.value, e.value
		}
		s.states = append(s.states, now)
	}
	return s
}

// check requires that the follower's promises are durable, that what it says
// agrees with its disks, and that its data are the data of its applied index.
func (s *followerStory) check(f *member, when string) {
	f.t.Helper()
	f.agrees(when)
	log, err := raftstore.LoadRaftState(f.raft, f.region.Id)
	if err != nil {
		f.t.Fatal(err)
	}
	for _, sent := range f.sent {
		switch {
		case sent.Term > log.HardState.Term:
			f.t.Fatalf("%s, the store sends a %v of term %d, but on its disk it is in term %d", when, sent.MsgType, sent.Term, log.HardState.Term)
		case sent.MsgType == eraftpb.MessageType_MsgAppendResponse && !sent.Reject && sent.Index > log.LastIndex:
			f.t.Fatalf("%s, the store acknowledges entry %d, but on its disk the log ends at %d", when, sent.Index, log.LastIndex)
		}
	}
	applied := f.status().Applied
	if different := s.states[applied].differs(f.content()); different != "" {
		f.t.Fatalf("%s, the store has applied up to %d, but its data are not the data of that index: there is %s", when, applied, different)
	}
}

// ends requires that the follower has everything.
func (s *followerStory) ends(f *member, when string) {
	f.t.Helper()
	s.check(f, when)
	if st := f.status(); st.Applied != uint64(len(s.terms)) {
		f.t.Fatalf("%s, everything up to index %d is committed, but the store has applied only up to %d", when, len(s.terms), st.Applied)
	}
	for i, term := range s.terms {
		if e, err := raftstore.LoadEntry(f.raft, f.region.Id, uint64(i)+1); err != nil || e.GetTerm() != term {
			f.t.Fatalf("%s, the log should have entry %d/%d, but has %v (error %v)", when, i+1, term, e, err)
		}
	}
	n, _ := f.logRecords()
	if s.records == 0 {
		s.records = n
	}
	if n != s.records {
		f.t.Fatalf("%s, the raft engine has %d records, but it has %d if nothing goes wrong", when, n, s.records)
	}
}

// TestEveryWriteFindsDiskFull2B tells a follower a short story, once for each
// of its writes: that write finds the disk full, once or a few times. All the
// time the store must be what its disks are, and it must do later what it could
// not do at once. Then the same with a power cut while the disk is full.
func TestEveryWriteFindsDiskFull2B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "until a write has succeeded, a store is what its disks say, and then it is what it has written",
		Source: "doc.go: What a store costs; doc.go: What is durable when; the contract of peerStorage",
	}, func(t *graded.T) {
		story := newFollowerStory(t)
		writes := story.run(t, &refusal{})
		for _, times := range []int{1, 3, endless} {
			for at := 1; at <= writes; at++ {
				story.run(t, &refusal{at: at, times: times})
			}
		}
	})
}

// endless is the number of attempts of a refusal that only a power cut ends.
const endless = 1000

// run tells the story to a follower whose disks refuse some writes, and returns
// the number of its writes.
func (s *followerStory) run(t *graded.T, r *refusal) (writes int) {
	f := newMemberOf(t, s.region, 1, unlimited)
	f.cutAt(nil)
	if r.times > 0 {
		f.refusal, f.full = r, true
	}
	what := fmt.Sprintf("where %v", r)
	for i, step := range s.steps {
		when := fmt.Sprintf("%s, after message %d of %d", what, i+1, len(s.steps))
		f.receive(step)
		s.check(f, when)
		for tries := 0; f.status().Busy && f.refusal != nil; tries++ {
			switch {
			case tries == 20:
				t.Fatalf("%s, the store is still busy after %d ticks, and has tried no more than %d writes", when, tries, f.writes)
			case r.times == endless && f.writes > r.at+2:
				when += ", and a power cut while the disk was full"
				f.refusal, f.full = nil, false
				f.powerCut()
				s.check(f, when)
				for _, again := range s.steps[:i+1] {
					f.receive(again)
				}
			default:
				f.sent = nil
				f.tick()
				s.check(f, when)
			}
		}
	}
	writes = f.writes
	f.refusal, f.full = nil, false
	f.tick()
	s.ends(f, what+", in the end")
	f.powerCut()
	f.receive(s.steps[len(s.steps)-1])
	s.ends(f, what+", after a power cut in the end")
	f.Close()
	return writes
}

// TestLeaderFindsDiskFull2B is the same with a leader, whose clients wait. Each
// is answered once, and with success only when what it has written is in the
// data.
func TestLeaderFindsDiskFull2B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a write that is answered as done was written, also if the disk was full before",
		Source: "the contract of Write; invariant 8 of the guide",
	}, func(t *graded.T) {
		const puts = 4
		run := func(r *refusal) (writes int) {
			m := newMember(t, 1, unlimited)
			m.follower = 3
			m.lead(1)
			m.cutAt(nil)
			if r.times > 0 {
				m.refusal, m.full = r, true
			}
			var asked []*answer
			want := content{}
			for i := range puts {
				key := fmt.Sprintf("k%d", i)
				want["default/"+key] = "1"
				a := m.submit(fmt.Sprintf("put %d of %d, where %v,", i+1, puts, r), set(engine.CFDefault, key, "1"))
				asked = append(asked, a)
				read := m.submit(fmt.Sprintf("a read after put %d of %d, where %v,", i+1, puts, r))
				for n := 0; n < 2 || len(a.results) == 0 || len(read.results) == 0; n++ {
					if n == 20 {
						break
					}
					m.work()
					m.agrees(fmt.Sprintf("where %v, while put %d waits", r, i+1))
					if _, there := m.content()["default/"+key]; len(a.results) > 0 && a.results[0].err == nil && !there {
						t.Fatalf("%s is done, but its value is not in the kv engine", a.request)
					}
					m.tick()
				}
				read.reads()
			}
			m.refusal, m.full = nil, false
			for _, a := range asked {
				a.isDone()
			}
			if different := want.differs(m.content()); different != "" {
				t.Fatalf("where %v, there is in the end %s", r, different)
			}
			writes = m.writes
			m.Close()
			return writes
		}
		writes := run(&refusal{})
		for _, times := range []int{1, 3} {
			for at := 1; at <= writes; at++ {
				run(&refusal{at: at, times: times})
			}
		}
	})
}
