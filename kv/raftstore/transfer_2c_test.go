package raftstore_test

import (
	"fmt"
	"maps"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/raftstore"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/eraftpb"
)

// A background is what the store that gets a snapshot has before it.
type background int

const (
	hasNothing  background = iota // it is new
	hasBeenAway                   // it has the beginning of the log
	hasLed                        // the same, and then it led, alone: its log is longer than the snapshot, and has other entries
	wasFollowed                   // the same, but its entries were committed by the next leader
	backgrounds
)

// A transfer is a snapshot on its way from store 2 to store 1, with the history
// before it and after it. receiver brings a new store 1 to that point, again
// and again.
type transfer struct {
	history

	before background
	maxLog uint64
	// hold makes all slow work of store 1 wait until the snapshot comes.
	hold bool
	// common is the index up to which both logs agree when the snapshot is
	// sent.
	common uint64
	// voted is whether store 1 has voted for store 2 in its term.
	voted bool
	// past are the steps that bring store 1 to that point.
	past []func(r *member, waiting *[]*answer)

	// snapshot is the message, and file its file.
	snapshot *eraftpb.Message
	file     []byte
}

// String describes what happens until the snapshot comes.
func (x *transfer) String() string {
	had := map[background]string{
		hasNothing:  "store 1 is new",
		hasBeenAway: fmt.Sprintf("store 1 has entries 1 to %d", x.common),
		hasLed:      fmt.Sprintf("store 1 has entries 1 to %d, and then led term %d; no other store got its 151 entries of that term", x.common, term-1),
		wasFollowed: fmt.Sprintf("store 1 has entries 1 to %d, the last ones from when it led term %d", x.common, term-1),
	}[x.before]
	meta := x.snapshot.Snapshot.Metadata
	return fmt.Sprintf("%s; it gets a snapshot at index %d, term %d, from store 2, which leads term %d", had, meta.Index, meta.Term, term)
}

// term is the term of the leader that sends the snapshot.
const term = 3

func newTransfer(t *graded.T, seed uint64) *transfer {
	x := &transfer{history: newHistory(t, seed), before: background(seed) % backgrounds}
	x.maxLog = []uint64{5, 1000}[x.rng.IntN(2)]
	leader := newMember(t, 2, 5)
	leader.follower = 3
	leader.lead(1)
	x.writes(leader, 6+x.rng.IntN(40))
	receiver := newMember(t, 1, x.maxLog)
	x.prepare(leader, receiver)
	x.send(leader, receiver)
	return x
}

// does does a step to store 1, now and each time that receiver makes another
// store 1.
func (x *transfer) does(r *member, do func(r *member, waiting *[]*answer)) {
	x.past = append(x.past, do)
	do(r, new([]*answer))
}

// prepare gives store 1 its background, and makes store 2 the leader.
func (x *transfer) prepare(leader, r *member) {
	if x.before != hasNothing {
		x.common = leader.status().LastIndex
		if x.before == hasBeenAway {
			x.common -= uint64(x.rng.IntN(4))
		}
		commit := x.common - uint64(x.rng.IntN(3))
		beginning := entriesOf(leader.entries, 1, x.common)
		x.does(r, func(r *member, _ *[]*answer) {
			r.append(2, 1, 0, 0, beginning, commit)
			r.tick() // so that it may compact its log
		})
	}
	switch x.before {
	case hasLed:
		x.does(r, func(r *member, waiting *[]*answer) {
			r.lead(term - 1)
			*waiting = ownWrites(r, 150)
		})
	case wasFollowed:
		x.does(r, func(r *member, waiting *[]*answer) {
			r.lead(term - 1)
			r.receive(&eraftpb.Message{
				MsgType: eraftpb.MessageType_MsgAppendResponse, From: 3, Term: term - 1, Index: r.status().LastIndex,
			})
			*waiting = ownWrites(r, 3)
		})
		// Store 2 gets all these entries. Store 1 never learns of it.
		leader.append(1, term-1, x.common, leader.entries[x.common].Term, entriesOf(r.entries, x.common+1, r.status().LastIndex), 0)
		x.common = r.status().LastIndex
		maps.Copy(leader.entries, r.entries)
	}
	request := leader.lead(term)
	x.does(r, func(r *member, _ *[]*answer) {
		r.receive(request)
		answer := r.lastTo(2, eraftpb.MessageType_MsgRequestVoteResponse)
		x.voted = answer != nil && !answer.Reject
	})
	x.note(leader)
}

// ownWrites gives store 1, which leads, n writes.
func ownWrites(r *member, n int) (answers []*answer) {
	for i := range n {
		w := set(engine.CFDefault, fmt.Sprintf("%02d", i%40), fmt.Sprintf("own %-100d", i))
		answers = append(answers, r.submit("a write that waited when a snapshot replaced the log at its index,", w))
	}
	r.work()
	return answers
}

// send lets the leader write until its log is compacted, and keeps the snapshot
// that the leader then sends to store 1, which needs entries that are gone.
func (x *transfer) send(leader, r *member) {
	x.writes(leader, 60)
	leader.compact(x.common + 1)
	x.snapshot = leader.snapshotFor(1, x.common, func() { x.writes(leader, 5) })
	x.file = leader.files.now[raftstore.SnapshotName(1, x.snapshot.Snapshot.Metadata)]
	leader.ReportSnapshot(1, 1, true)
	x.writes(leader, x.rng.IntN(8))
	x.end(leader)
	r.Close()
}

// receiver returns store 1 as it is before the snapshot comes, and the writes
// that wait for it.
func (x *transfer) receiver() (r *member, waiting []*answer) {
	r = newMember(x.t, 1, x.maxLog)
	r.hold = x.hold
	for _, happens := range x.past {
		happens(r, &waiting)
	}
	r.sent = nil
	return r, waiting
}

// deliver delivers the snapshot.
func (x *transfer) deliver(r *member) {
	r.files.receive(raftstore.SnapshotName(1, x.snapshot.Snapshot.Metadata), x.file)
	r.receive(x.snapshot)
}

// acknowledged reports whether store 1 has acknowledged the snapshot.
func (x *transfer) acknowledged(r *member) bool {
	for _, m := range r.sent {
		if m.MsgType == eraftpb.MessageType_MsgAppendResponse && !m.Reject && m.Index >= x.snapshot.Snapshot.Metadata.Index {
			return true
		}
	}
	return false
}

// catchUp brings store 1 to the end of the log: with store 2 as leader, and the
// snapshot if store 1 needs it, or with store 3 as leader, which has all
// entries.
func (x *transfer) catchUp(r *member, withSnapshot, promised bool) {
	meta := x.snapshot.Snapshot.Metadata
	from, of, prev := uint64(2), uint64(term), meta.Index
	if !withSnapshot {
		from, of, prev = 3, term+1, x.common
	}
	for n := 0; ; n++ {
		if n > 5 {
			x.t.Fatal("the store does not take the entries that it lacks")
		}
		prevTerm := uint64(0)
		if prev > 0 {
			prevTerm = x.entries[prev].Term
		}
		a := r.append(from, of, prev, prevTerm, entriesOf(x.entries, prev+1, x.last), x.last)
		switch {
		case !a.Reject && a.Index >= x.last:
			if a.Index > x.last {
				x.t.Fatalf("the store says that its log agrees with the leader's up to %d, but the leader's log ends at %d", a.Index, x.last)
			}
			return
		case !a.Reject:
			prev = a.Index
		case withSnapshot:
			if promised {
				x.t.Fatalf("the store has acknowledged the snapshot at %d, but then it rejects the entries after it", meta.Index)
			}
			x.deliver(r)
			x.mustAcknowledge(r)
			promised = true
		default:
			x.t.Fatalf("the store rejects entries after %d, but it had entry %d, which was committed", prev, prev)
		}
	}
}

// mustAcknowledge requires that store 1 has just acknowledged the snapshot, and
// that its log is empty after it: no entry that it had before continues the
// snapshot.
func (x *transfer) mustAcknowledge(r *member) {
	index, s := x.snapshot.Snapshot.Metadata.Index, r.status()
	if !x.acknowledged(r) {
		x.t.Fatalf("the store does not acknowledge the snapshot at %d, which is whole, and newer than what it has", index)
	}
	if s.FirstIndex != index+1 || s.LastIndex != index {
		x.t.Fatalf("after the snapshot at %d the log is empty, so it begins at %d and ends at %d; but the store's begins at %d and ends at %d",
			index, index+1, index, s.FirstIndex, s.LastIndex)
	}
}

// conclude requires that store 1, which has caught up, has the whole history,
// and no snapshot file.
func (x *transfer) conclude(r *member) {
	x.complete(r)
	for range 3 {
		r.tick()
	}
	for name := range r.files.now {
		x.t.Fatalf("snapshot file %s is left, although it is no longer needed", name)
	}
}
