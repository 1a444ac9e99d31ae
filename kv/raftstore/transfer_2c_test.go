package raftstore_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/raftstore"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

// What the store that gets a snapshot has before it.
type background int

const (
	hasNothing  background = iota // it is new
	hasBeenAway                   // it has the beginning of the log
	hasLed                        // the same, and then it led, alone: its log is longer than the snapshot, and wrong
	wasFollowed                   // the same, but its entries were committed by the next leader
	backgrounds
)

// A transfer is a snapshot on its way from store 2 to store 1, with all that led to
// it and all that follows. Store 1 can be brought to that point again and again.
type transfer struct {
	t   *graded.T
	rng *rand.Rand

	before background
	maxLog uint64
	// common is up to where both logs agree when the snapshot is sent.
	common uint64
	// voted is whether store 1 has voted for store 2 in its term.
	voted bool
	// past is what has happened to store 1.
	past []func(r *member, waiting *[]*answer)

	// snapshot is the message, and file its file.
	snapshot *eraftpb.Message
	file     []byte
	// entries are the whole log of the leader, by index, and last its end.
	entries map[uint64]*eraftpb.Entry
	last    uint64
	// states are the data at each index, as far as they are known.
	states map[uint64]map[string]string
}

// term is that of the leader which sends the snapshot.
const term = 3

func newTransfer(t *graded.T, seed uint64) *transfer {
	x := &transfer{
		t: t, rng: rand.New(rand.NewPCG(seed, 2)), before: background(seed) % backgrounds,
		states: map[uint64]map[string]string{0: {}},
	}
	x.maxLog = []uint64{5, 1000}[x.rng.IntN(2)]
	leader := newMember(t, 2, 5)
	leader.friend = 3
	leader.lead(1)
	x.writes(leader, 6+x.rng.IntN(40))
	receiver := newMember(t, 1, x.maxLog)
	x.prepare(leader, receiver)
	x.send(leader, receiver)
	return x
}

// writes has the leader write, one thing after the other, and notes what its data are
// then.
func (x *transfer) writes(leader *member, n int) {
	for range n {
		key := fmt.Appendf(nil, "%02d", x.rng.IntN(30))
		w := &raftserverpb.Write{Cf: engine.Families[x.rng.IntN(len(engine.Families))], Key: key}
		if w.Delete = x.rng.IntN(3) == 0; !w.Delete {
			w.Value = fmt.Appendf(nil, "%d", x.rng.IntN(1000))
		}
		a := leader.submit(w)[0]
		require.Equal(x.t, answer{times: 1}, *a, "a write on a leader with a majority is answered, once, and without an error")
		x.note(leader)
	}
}

func (x *transfer) note(leader *member) { x.states[leader.status().Applied] = leader.content() }

// does has something happen to store 1, now and each time that it is brought to this
// point.
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
			r.tick() // so that it may collect its log
		})
	}
	switch x.before {
	case hasLed:
		x.does(r, func(r *member, waiting *[]*answer) {
			r.lead(term - 1)
			*waiting = r.submit(ownWrites(150)...)
		})
	case wasFollowed:
		x.does(r, func(r *member, waiting *[]*answer) {
			r.lead(term - 1)
			r.receive(&eraftpb.Message{
				MsgType: eraftpb.MessageType_MsgAppendResponse, From: 3, Term: term - 1, Index: r.status().LastIndex,
			})
			*waiting = r.submit(ownWrites(3)...)
		})
		// Store 2 gets them all. Store 1 never hears of it.
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

// ownWrites are what store 1 has written as a leader.
func ownWrites(n int) []*raftserverpb.Write {
	var writes []*raftserverpb.Write
	for i := range n {
		writes = append(writes, &raftserverpb.Write{
			Cf: engine.CFDefault, Key: fmt.Appendf(nil, "%02d", i%40), Value: fmt.Appendf(nil, "own %0100d", i),
		})
	}
	return writes
}

// send has the leader write until its log is collected, and takes the snapshot that it
// sends to store 1, who needs what is gone.
func (x *transfer) send(leader, r *member) {
	x.writes(leader, 60)
	x.snapshot = x.askForSnapshot(leader, x.common)
	x.file = leader.files.now[raftstore.SnapshotName(1, x.snapshot.Snapshot.Metadata)]
	leader.ReportSnapshot(1, 1, true)
	x.writes(leader, x.rng.IntN(8))
	x.entries = leader.entries
	x.last = leader.status().LastIndex
	require.Equal(x.t, x.last, leader.status().Applied, "what is on a majority is applied")
	leader.Close()
	r.Close()
}

// askForSnapshot has store 1 refuse all that the leader sends, as its log ends at last,
// until that is a snapshot. While it is being made, the leader goes on writing.
func (x *transfer) askForSnapshot(leader *member, last uint64) *eraftpb.Message {
	for n := 0; leader.status().FirstIndex <= last+1; n++ {
		require.Less(x.t, n, 100, "with at most %d applied entries kept, 100 ticks after 60 writes, the log of the leader begins at %d and ends at %d",
			leader.maxLog, leader.status().FirstIndex, leader.status().LastIndex)
		leader.tick()
	}
	leader.hold = true
	defer func() { leader.hold = false }()
	for n := range 100 {
		leader.receive(&eraftpb.Message{MsgType: eraftpb.MessageType_MsgHeartbeatResponse, From: 1, Term: leader.status().Term})
		if m := leader.lastTo(1, eraftpb.MessageType_MsgSnapshot); m != nil {
			return m
		}
		if m := leader.lastTo(1, eraftpb.MessageType_MsgAppend); m != nil {
			leader.receive(&eraftpb.Message{
				MsgType: eraftpb.MessageType_MsgAppendResponse, From: 1, Term: m.Term, Reject: true, Index: m.Index, RejectHint: last,
			})
			if m := leader.lastTo(1, eraftpb.MessageType_MsgSnapshot); m != nil {
				return m
			}
		}
		if n == 2 {
			x.writes(leader, 5)
			leader.hold = false
			leader.settle()
		}
	}
	require.FailNow(x.t, fmt.Sprintf("the log of a follower ends at %d, that of the leader begins at %d, but no snapshot comes", last, leader.status().FirstIndex))
	return nil
}

// entriesOf returns the entries [first, last].
func entriesOf(entries map[uint64]*eraftpb.Entry, first, last uint64) []*eraftpb.Entry {
	var all []*eraftpb.Entry
	for i := first; i <= last; i++ {
		all = append(all, proto.CloneOf(entries[i]))
	}
	return all
}

// receiver returns store 1 as it is before the snapshot comes, and the writes that
// wait for it.
func (x *transfer) receiver() (r *member, waiting []*answer) {
	r = newMember(x.t, 1, x.maxLog)
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

// acknowledged reports whether store 1 has said that it has what is in the snapshot.
func (x *transfer) acknowledged(r *member) bool {
	for _, m := range r.sent {
		if m.MsgType == eraftpb.MessageType_MsgAppendResponse && !m.Reject && m.Index >= x.snapshot.Snapshot.Metadata.Index {
			return true
		}
	}
	return false
}

// data requires that the data of store 1 are those of the index that it says it has
// applied.
func (x *transfer) data(r *member, when string) {
	s := r.status()
	if want := x.states[s.Applied]; want != nil && !s.Restoring {
		require.Empty(x.t, difference(want, r.content()), "%s the store says that it has applied up to index %d, but its data are not those of that index", when, s.Applied)
	}
}

// difference tells how two contents differ, "" if they are equal.
func difference(want, have map[string]string) string {
	for _, key := range slices.Sorted(maps.Keys(want)) {
		switch value, found := have[key]; {
		case !found:
			return fmt.Sprintf("key %q is missing", key)
		case value != want[key]:
			return fmt.Sprintf("key %q has the value %q instead of %q", key, value, want[key])
		}
	}
	for _, key := range slices.Sorted(maps.Keys(have)) {
		if _, found := want[key]; !found {
			return fmt.Sprintf("key %q should not be there", key)
		}
	}
	return ""
}

// catchUp has a leader bring store 1 to the end of the log: with the snapshot if it
// is needed, or without, by a leader who has all entries.
func (x *transfer) catchUp(r *member, withSnapshot, promised bool) {
	meta := x.snapshot.Snapshot.Metadata
	from, of, prev := uint64(2), uint64(term), meta.Index
	if !withSnapshot {
		from, of, prev = 3, term+1, x.common
	}
	for n := 0; ; n++ {
		require.Less(x.t, n, 5, "the store does not take the entries that it lacks")
		prevTerm := uint64(0)
		if prev > 0 {
			prevTerm = x.entries[prev].Term
		}
		a := r.append(from, of, prev, prevTerm, entriesOf(x.entries, prev+1, x.last), x.last)
		switch {
		case !a.Reject && a.Index >= x.last:
			require.Equal(x.t, x.last, a.Index, "how far its log agrees with the leader's")
			return
		case !a.Reject:
			prev = a.Index
		case withSnapshot:
			require.False(x.t, promised, "the store has acknowledged the snapshot at %d, and after that it refuses what follows: its log ends at %d", meta.Index, a.RejectHint)
			x.deliver(r)
			require.True(x.t, x.acknowledged(r), "the store does not acknowledge a snapshot that is whole and newer than what it has")
			promised = true
		default:
			require.FailNow(x.t, fmt.Sprintf("the store refuses entries after %d, which it had and were committed", prev))
		}
	}
}

// conclude requires that store 1, which has caught up, has everything, and nothing
// that it should not have.
func (x *transfer) conclude(r *member) {
	s := r.status()
	require.Equal(x.t, x.last, s.Applied, "how far the store has applied")
	require.Equal(x.t, x.last, s.LastIndex, "the end of its log")
	x.data(r, "having caught up,")
	for range 3 {
		r.tick()
	}
	require.Empty(x.t, r.files.now, "a snapshot file is left that nobody needs")
	n := s.LastIndex + 1 - s.FirstIndex
	require.Less(x.t, r.logSize(), 3000+200*n, "bytes in the raft engine, although its log has only %d entries", n)
}
