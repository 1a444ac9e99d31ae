package raftstore_test

import (
	"errors"
	"fmt"
	"sort"
	"strings"
	"testing"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/raftstore"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/eraftpb"
)

// TestLongBacklog2B gives a store that was away all that it has missed: 20 MiB
// of entries, which are committed already. It applies them in passes that are
// bounded, because the other regions of a store wait for each pass. The power
// fails, and it does so again.
func TestLongBacklog2B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "however much is committed and waits, a store applies it, and one pass applies a bounded part of it",
		Source: "doc.go: What a store costs; the contract of (*peer).newNode",
	}, func(t *graded.T) {
		const last = 20
		f := newMember(t, 1, unlimited)
		value := strings.Repeat("large ", 1<<20/6)
		for i := uint64(1); i <= last; i++ {
			e := &eraftpb.Entry{Term: 1, Index: i, Data: command(t, f.region.RegionEpoch, set(engine.CFDefault, "k", fmt.Sprint(i, value)))}
			f.append(2, 1, i-1, min(i-1, 1), []*eraftpb.Entry{e}, 0)
		}
		commit := &eraftpb.Message{MsgType: eraftpb.MessageType_MsgHeartbeat, From: 2, Term: 1, Commit: last}
		for _, when := range []string{"", " after a power cut"} {
			f.mostApplied = 0
			f.append(2, 1, last, 1, nil, 0)
			f.receive(commit)
			if applied := f.status().Applied; applied != last {
				t.Fatalf("%d entries of 1 MiB are committed%s, but only %d are applied", last, when, applied)
			}
			if different := (content{"default/k": fmt.Sprint(last, value)}).differs(f.content()); different != "" {
				t.Fatalf("%d entries of 1 MiB are applied%s, and there is %s", last, when, different)
			}
			if f.mostApplied > engine.MaxBatchSize {
				t.Fatalf("%d entries of 1 MiB are committed%s. One pass applies %d bytes of them, and should apply at most %d", last, when, f.mostApplied, engine.MaxBatchSize)
			}
			f.powerCut() // none of it was synced
		}
		f.Close()
	})
}

// TestLargestCommands2B looks for the largest value that can be put, and for
// the largest number of operations in a command. Whatever is accepted must fit
// everywhere: into the log, together with the place of the entry, and into the
// data, together with the applied index. What is larger is refused with an
// error that names the limit, and the store goes on.
func TestLargestCommands2B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "the largest command that is accepted works, and one that is larger is refused as too large",
		Source: "the contract of NewWrite; engine.MaxValueSize, engine.MaxBatchLen",
	}, func(t *graded.T) {
		g := newGroup(t, 1, "", "")
		g.elect(1)
		s := g.at(1)
		accepts := func(ops []engine.Op) bool {
			_, err := raftstore.NewWrite(s.context(), ops, nil)
			var tooLarge *engine.TooLargeError
			if err != nil && !errors.As(err, &tooLarge) {
				t.Fatalf("a command that is too large is refused with %q, not with a TooLargeError", err)
			}
			return err == nil
		}
		zeros := make([]byte, engine.MaxValueSize+1)
		put := func(size int) []engine.Op {
			return []engine.Op{{CF: engine.CFDefault, Key: []byte("k"), Value: zeros[:size]}}
		}
		const below = engine.MaxValueSize - 16<<10
		largest := below + sort.Search(engine.MaxValueSize+1-below, func(n int) bool { return !accepts(put(below + n + 1)) })
		switch {
		case largest > engine.MaxValueSize:
			t.Fatalf("a put of a value of %d bytes is accepted, but no engine takes more than %d", largest, engine.MaxValueSize)
		case largest == below && !accepts(put(below)):
			t.Fatalf("a put of a value of %d bytes is refused: what goes with it is no more than 16 KiB", below)
		}
		g.do(1, fmt.Sprintf("a put of %d bytes, the largest that is accepted,", largest), put(largest)...).isDone()
		s.powerCut()
		g.elect(1)
		view := g.do(1, "a read").result().view
		if value, _, err := view.Get(engine.CFDefault, []byte("k")); err != nil || len(value) != largest {
			t.Fatalf("a value of %d bytes was put. After a power cut a read finds %d bytes (error %v)", largest, len(value), err)
		}
		if err := view.Close(); err != nil {
			t.Fatal(err)
		}
		ops := make([]engine.Op, engine.MaxBatchLen+1)
		for i := range ops {
			ops[i] = remove(engine.CFLock, "k")
		}
		// The small one may share a Ready with the one after it.
		small := s.submit("a put", set(engine.CFDefault, "k", "0"))
		g.do(1, "a command that fills a batch together with the applied index", ops[:engine.MaxBatchLen-1]...).isDone()
		small.isDone()
		if few := ops[:engine.MaxBatchLen]; accepts(few) {
			g.do(1, fmt.Sprintf("a command of %d operations, which is accepted,", len(few)), few...).isDone()
		}
		if accepts(ops) {
			t.Fatalf("a command of %d operations is accepted, but no engine takes more than %d at once", len(ops), engine.MaxBatchLen)
		}
		g.do(1, "a put after commands that were too large", set(engine.CFDefault, "k", "1")).isDone()
		g.has(1, content{"default/k": "1"})
		g.close()
	})
}
