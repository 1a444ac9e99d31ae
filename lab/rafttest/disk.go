package rafttest

import (
	"slices"

	"github.com/pingcap/errors"

	pb "github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/raft"
)

// A Disk is the storage of one node: a raft.Storage that outlives the node, and
// that loses in a crash what was not synced. It is written by the suite alone,
// and owes nothing to the storage of the implementation under test.
type Disk struct {
	now    image
	synced image

	// unsynced are the images after each write since the last sync, the
	// oldest first. The last of them is now.
	unsynced []image

	// held makes Snapshot say that none is ready, fresh makes it return one of
	// what is applied and not the last that was taken.
	held, fresh bool
}

// An image is what a disk holds. Its parts are replaced, never changed, so that
// copying an image keeps it.
type image struct {
	hard *pb.HardState
	conf *pb.ConfState

	// snapshot is never nil. Its index is at least before, and 0 if there is
	// no snapshot.
	snapshot *pb.Snapshot

	// before is the index of the last entry that is gone, beforeTerm its term.
	// entries[i] has index before + 1 + i.
	before, beforeTerm uint64
	entries            []*pb.Entry

	// applied is the index up to which the application has saved what it
	// applied, and state is what became of that.
	applied uint64
	state   []byte
}

// NewDisk returns the synced disk of a node in a group of the given members. Its
// log holds an entry for each of terms, from index 1 on.
func NewDisk(members []uint64, terms ...uint64) *Disk {
	im := image{
		hard:     &pb.HardState{},
		conf:     &pb.ConfState{Nodes: slices.Clone(members)},
		snapshot: &pb.Snapshot{Metadata: &pb.SnapshotMetadata{ConfState: &pb.ConfState{Nodes: slices.Clone(members)}}},
	}
	for i, term := range terms {
		im.entries = append(im.entries, &pb.Entry{Term: term, Index: uint64(i) + 1})
		im.hard = &pb.HardState{Term: term}
	}
	return &Disk{now: im, synced: im}
}

// SetHardState puts a hard state on the disk, synced.
func (d *Disk) SetHardState(term, vote, commit uint64) {
	d.now.hard = &pb.HardState{Term: term, Vote: vote, Commit: commit}
	d.Sync()
}

// Save writes what rd asks for, as one batch. A snapshot also replaces what the
// application has saved.
func (d *Disk) Save(rd raft.Ready) error {
	im := d.now
	if rd.HardState != nil {
		im.hard = rd.HardState
	}
	if s := rd.Snapshot; s != nil {
		im.snapshot = s
		im.conf = s.Metadata.ConfState
		im.before, im.beforeTerm = s.Metadata.Index, s.Metadata.Term
		im.entries = nil
		im.applied, im.state = s.Metadata.Index, s.Data
	}
	if len(rd.Entries) > 0 {
		at, first, last := rd.Entries[0].Index, im.before+1, im.last()
		if at < first || at > last+1 {
			return errors.Errorf("entries to be saved start at %d, but the log holds [%d, %d]", at, first, last)
		}
		for i, e := range rd.Entries {
			if e.Index != at+uint64(i) {
				return errors.Errorf("entries to be saved do not follow one another: %d comes after %d", e.Index, at+uint64(i)-1)
			}
		}
		kept := im.entries
		if at <= last {
			// Cutting the capacity makes append copy: earlier images keep theirs.
			kept = kept[: at-first : at-first]
		}
		im.entries = append(kept, rd.Entries...)
	}
	d.write(im)
	return nil
}

// SetConfState writes the membership as of the applied index.
func (d *Disk) SetConfState(cs *pb.ConfState) {
	im := d.now
	im.conf = cs
	d.write(im)
}

// SaveApplied writes what the application keeps: that it applied everything up
// to index, with what result, and the membership as of index.
func (d *Disk) SaveApplied(index uint64, conf *pb.ConfState, state []byte) {
	im := d.now
	im.applied, im.conf, im.state = index, conf, state
	d.write(im)
}

// ForgetApplied takes the application's state back to the snapshot, synced, as
// if the application had never saved anything else.
func (d *Disk) ForgetApplied() {
	s := d.now.snapshot
	d.now.applied, d.now.conf, d.now.state = s.Metadata.Index, s.Metadata.ConfState, s.Data
	d.Sync()
}

// TakeSnapshot writes a snapshot of the application's state as of index. The log
// stays as it is.
func (d *Disk) TakeSnapshot(index uint64, conf *pb.ConfState, data []byte) error {
	term, err := d.Term(index)
	if err != nil {
		return err
	}
	im := d.now
	im.snapshot = &pb.Snapshot{
		Data:     data,
		Metadata: &pb.SnapshotMetadata{ConfState: conf, Index: index, Term: term},
	}
	d.write(im)
	return nil
}

// Discard drops the log up to index, which must not be past the snapshot.
func (d *Disk) Discard(index uint64) error {
	term, err := d.Term(index)
	if err != nil {
		return err
	}
	if s := d.now.snapshot.Metadata.Index; index > s {
		return errors.Errorf("the log is to be dropped up to %d, but the snapshot ends at %d", index, s)
	}
	im := d.now
	im.entries = slices.Clone(im.entries[index-im.before:])
	im.before, im.beforeTerm = index, term
	d.write(im)
	return nil
}

// Compact replaces the log up to index by a snapshot with that data.
func (d *Disk) Compact(index uint64, conf *pb.ConfState, data []byte) error {
	if err := d.TakeSnapshot(index, conf, data); err != nil {
		return err
	}
	return d.Discard(index)
}

// HoldSnapshot makes Snapshot say, or no longer say, that the snapshot is not
// ready yet.
func (d *Disk) HoldSnapshot(hold bool) { d.held = hold }

// FreshSnapshots makes Snapshot return what the application has saved last,
// instead of the last snapshot that was taken.
func (d *Disk) FreshSnapshots() { d.fresh = true }

func (d *Disk) write(im image) {
	d.now = im
	d.unsynced = append(d.unsynced, im)
}

// Sync makes everything written so far survive a crash.
func (d *Disk) Sync() {
	d.synced = d.now
	d.unsynced = d.unsynced[:0]
}

// Crash loses what was not synced.
func (d *Disk) Crash() { d.CrashKeeping(0) }

// CrashKeeping loses what was not synced, but for the first n writes: a disk
// may have got that far. It returns how many writes were lost.
func (d *Disk) CrashKeeping(n int) int {
	lost := max(0, len(d.unsynced)-n)
	d.now = d.synced
	if n = min(n, len(d.unsynced)); n > 0 {
		d.now = d.unsynced[n-1]
	}
	// Entries that were lost may still be held by a reader.
	d.now.entries = slices.Clip(d.now.entries)
	d.Sync()
	return lost
}

// Applied returns what SaveApplied, or the last snapshot that was saved, says.
func (d *Disk) Applied() (index uint64, state []byte) { return d.now.applied, d.now.state }

func (im *image) last() uint64 { return im.before + uint64(len(im.entries)) }

func (d *Disk) first() uint64 { return d.now.before + 1 }
func (d *Disk) last() uint64  { return d.now.last() }

// entry returns the entry at index, which must be in the log.
func (d *Disk) entry(index uint64) *pb.Entry { return d.now.entries[index-d.first()] }

// InitialState implements raft.Storage.
func (d *Disk) InitialState() (*pb.HardState, *pb.ConfState, error) {
	return d.now.hard, d.now.conf, nil
}

// Entries implements raft.Storage.
func (d *Disk) Entries(lo, hi, maxSize uint64) ([]*pb.Entry, error) {
	if lo < d.first() {
		return nil, raft.ErrCompacted
	}
	if hi > d.last()+1 {
		return nil, raft.ErrUnavailable
	}
	entries := d.now.entries[lo-d.first() : hi-d.first() : hi-d.first()]
	size := uint64(0)
	for i, e := range entries {
		size += uint64(len(e.Data)) + 16
		if i > 0 && size > maxSize {
			return entries[:i:i], nil
		}
	}
	return entries, nil
}

// Term implements raft.Storage.
func (d *Disk) Term(i uint64) (uint64, error) {
	switch first := d.first(); {
	case i+1 < first:
		return 0, raft.ErrCompacted
	case i+1 == first:
		return d.now.beforeTerm, nil
	case i > d.last():
		return 0, raft.ErrUnavailable
	default:
		return d.now.entries[i-first].Term, nil
	}
}

// LastIndex implements raft.Storage.
func (d *Disk) LastIndex() (uint64, error) { return d.last(), nil }

// FirstIndex implements raft.Storage.
func (d *Disk) FirstIndex() (uint64, error) { return d.first(), nil }

// Snapshot implements raft.Storage.
func (d *Disk) Snapshot() (*pb.Snapshot, error) {
	if d.held {
		return nil, raft.ErrSnapshotTemporarilyUnavailable
	}
	if d.fresh && d.now.applied > d.now.snapshot.Metadata.Index {
		term, err := d.Term(d.now.applied)
		if err != nil {
			return nil, err
		}
		return &pb.Snapshot{
			Data:     d.now.state,
			Metadata: &pb.SnapshotMetadata{ConfState: d.now.conf, Index: d.now.applied, Term: term},
		}, nil
	}
	return d.now.snapshot, nil
}
