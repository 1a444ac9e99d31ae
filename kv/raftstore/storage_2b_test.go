package raftstore_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/raftstore"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/raft"
)

// TestEntriesFitTheirLimit2B asks the storage of a store for all ranges of a
// log of ten entries, with limits below, between and above the sizes of those
// entries. What an entry counts for besides its data is left open: the limits
// are far from where that would matter.
func TestEntriesFitTheirLimit2B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "storage returns the entries of a range that fit into the limit, and at least the first",
		Source: "the contract of raft.Storage",
	}, func(t *graded.T) {
		const data, last = 4 << 10, 10 // the size of an entry, and the end of the log
		f := newMember(t, 1, unlimited)
		var log []*eraftpb.Entry
		for i := uint64(1); i <= last; i++ {
			log = append(log, &eraftpb.Entry{Index: i, Term: 1, Data: command(t, f.region.RegionEpoch, set(engine.CFDefault, fmt.Sprint(i), strings.Repeat("x", data)))})
		}
		f.append(2, 1, 0, 0, log, 0)
		f.powerCut()
		storage := f.StorageOf(f.region.Id)
		for lo := uint64(1); lo <= last; lo++ {
			for hi := lo + 1; hi <= last+1; hi++ {
				for fit := uint64(0); fit <= last; fit++ {
					limit := fit*data + data/2
					if fit == last {
						limit = raft.NoLimit
					}
					entries, err := storage.Entries(lo, hi, limit)
					if err != nil {
						t.Fatalf("of a log with entries 1 to %d, Entries(%d, %d, %d) returns the error %v", last, lo, hi, limit, err)
					}
					want := min(max(fit, 1), hi-lo)
					if len(entries) != int(want) {
						t.Fatalf("each entry has about %d bytes, but Entries(%d, %d, %d) returns %d of them, not %d", data, lo, hi, limit, len(entries), want)
					}
					for i, e := range entries {
						if at := lo + uint64(i); e.Index != at || e.Term != 1 || string(e.Data) != string(log[at-1].Data) {
							t.Fatalf("Entries(%d, %d, %d) returns at place %d entry %d/%d with %d bytes of data, not the entry %d/1 that was appended", lo, hi, limit, i, e.Index, e.Term, len(e.Data), at)
						}
					}
				}
			}
		}
		if _, err := storage.Entries(1, last+2, raft.NoLimit); err != raft.ErrUnavailable {
			t.Fatalf("the log ends at %d, but Entries(1, %d) returns the error %v, not ErrUnavailable", last, last+2, err)
		}
		if _, err := storage.Entries(0, 2, raft.NoLimit); err != raft.ErrCompacted {
			t.Fatalf("the log begins at 1, but Entries(0, 2) returns the error %v, not ErrCompacted", err)
		}
		f.Close()
	})
}

// TestLogIsReadInPart2B counts what a store reads of its log on the disk: of a
// long one and of a short one. A start, and each message, read as much of both.
// Entries reads what it returns, and perhaps one entry more, to see that it does
// not fit.
func TestLogIsReadInPart2B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "what a store reads of its log depends on what it is asked for, not on the length of the log",
		Source: "doc.go: What a store costs",
	}, func(t *graded.T) {
		const short, long = 64, 1024
		steps := []string{
			"a start", "the commit of 8 entries", "20 appends of one entry", "an election, and an append for a follower that lacks 4 entries",
		}
		reads := func(length uint64) (counts []int) {
			f := newMember(t, 1, unlimited)
			for prev := uint64(0); prev < length; prev += short {
				f.appendAll(2, 1, prev, min(prev, 1), prev+short)
			}
			f.powerCut()
			// The engine is new since the start.
			before := 0
			count := func() {
				now := f.raftMeter.Reads()
				counts = append(counts, now-before)
				before = now
			}
			count()
			f.append(2, 1, 8, 1, nil, 8)
			if applied := f.status().Applied; applied != 8 {
				t.Fatalf("of %d entries in its log, a leader says that 8 are committed, but the store has applied up to %d", length, applied)
			}
			count()
			for last := length; last < length+20; last++ {
				f.appendAll(2, 1, last, 1, last+1)
			}
			count()
			last := length + 20
			f.sends(2, last-4)
			count()

			storage := f.StorageOf(f.region.Id)
			// Besides the entries that it returns, a call may read a
			// record or two: the state of the log, or an entry that does
			// not fit.
			const few = 2
			read := func(what string, entries int, do func() error) {
				t.Helper()
				before := f.raftMeter.Reads()
				if err := do(); err != nil {
					t.Fatalf("%s returns the error %v", what, err)
				}
				if n := f.raftMeter.Reads() - before; n > entries+few {
					t.Fatalf("of a log with %d entries, %s reads %d records, but %d are enough", last, what, n, entries+few)
				}
			}
			for _, lo := range []uint64{1, last / 2, last - 10} {
				what := fmt.Sprintf("Entries(%d, %d, no limit)", lo, lo+8)
				read(what, 8, func() error { _, err := storage.Entries(lo, lo+8, raft.NoLimit); return err })
				what = fmt.Sprintf("Entries(%d, %d), limited to one entry,", lo, last+1)
				read(what, 1, func() error { _, err := storage.Entries(lo, last+1, 1); return err })
				read(fmt.Sprintf("Term(%d)", lo), 1, func() error { _, err := storage.Term(lo); return err })
			}
			read("FirstIndex", 0, func() error { _, err := storage.FirstIndex(); return err })
			read("LastIndex", 0, func() error { _, err := storage.LastIndex(); return err })
			read("InitialState", 0, func() error { _, _, err := storage.InitialState(); return err })
			f.Close()
			return counts
		}
		// A method that walks the log once reads that many more of the long one.
		const most = (long - short) / 2
		ofShort, ofLong := reads(short), reads(long)
		for i, step := range steps {
			if ofLong[i]-ofShort[i] > most {
				t.Fatalf("%s reads %d records of the raft engine if the log has %d entries, and %d if it has %d", step, ofShort[i], short, ofLong[i], long)
			}
		}
	})
}

// TestMissingEntryIsNoticed2B takes an entry from the log on the disk, as a
// disk does that forgets something. No store may go on as if the log ended
// before that entry, or as if the next one followed: it says which one is
// missing, and ends.
func TestMissingEntryIsNoticed2B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "an entry that is missing from the log on the disk is noticed, and nothing after it is applied or sent",
		Source: "the contract of raft.Storage; doc.go: What is durable when",
	}, func(t *graded.T) {
		const last = 6
		for missing := uint64(1); missing <= last; missing++ {
			f := newMember(t, 1, unlimited)
			var log []*eraftpb.Entry
			for i := uint64(1); i <= last; i++ {
				log = append(log, &eraftpb.Entry{Index: i, Term: 1, Data: command(t, f.region.RegionEpoch, set(engine.CFDefault, "k", fmt.Sprint(i)))})
			}
			f.append(2, 1, 0, 0, log, 0)
			f.loseEntry(missing)
			f.broken = true
			f.restart()
			for _, m := range []*eraftpb.Message{
				voteOf(3, 2, last-1, 1), // lacks the last entry, which was acknowledged
				appendOf(2, 2, last, 1),
				{MsgType: eraftpb.MessageType_MsgHeartbeat, From: 2, Term: 2, Commit: last},
			} {
				if f.ended != "" {
					break
				}
				f.receive(m)
				if vote := f.lastTo(3, eraftpb.MessageType_MsgRequestVoteResponse); vote != nil && !vote.Reject {
					t.Fatalf("entry %d of %d is missing on the disk, and after a restart the store votes for a log that ends with entry %d", missing, last, last-1)
				}
			}
			state, err := raftstore.LoadRegionState(f.kv, f.region.Id)
			switch {
			case err == nil && state.AppliedIndex >= missing:
				t.Fatalf("entry %d of %d is missing on the disk, but after a restart the store applies up to %d", missing, last, state.AppliedIndex)
			case f.ended == "":
				t.Fatalf("entry %d of %d is missing on the disk, and all are committed. After a restart the store runs as if nothing were wrong", missing, last)
			case !slices.Contains(strings.FieldsFunc(f.ended, func(r rune) bool { return r < '0' || r > '9' }), fmt.Sprint(missing)):
				t.Fatalf("entry %d of %d is missing on the disk. The store ends with %q, which does not say so", missing, last, f.ended)
			}
		}
	})
}

// loseEntry removes the record of an entry from the raft engine.
func (s *server) loseEntry(index uint64) {
	seen := &lastKey{raftstore.Getter(s.raft), nil}
	if e, err := raftstore.LoadEntry(seen, s.region.Id, index); e == nil {
		s.t.Fatalf("entry %d was acknowledged, but is not in the raft engine (error %v)", index, err)
	}
	var b engine.Batch
	b.Delete(raftstore.RaftFamilies[0], seen.key)
	if err := s.raft.Write(&b, true); err != nil {
		s.t.Fatal(err)
	}
}

// A lastKey remembers the last key that was asked for.
type lastKey struct {
	raftstore.Getter
	key []byte
}

func (g *lastKey) Get(cf engine.CF, key []byte) ([]byte, bool, error) {
	g.key = key
	return g.Getter.Get(cf, key)
}
