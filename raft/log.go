package raft

import (
	"fmt"

	"github.com/pingcap/errors"

	pb "github.com/labkv/labkv/proto/eraftpb"
)

// Log is the replicated log of one node (§5.3). Its head is in Storage and its
// tail in memory:
//
//	snapshot | first ......... applied ..... committed ..... last
//	         |------ Storage ----------- stable|
//	                     offset|---- entries --------------------|
//
// At all times:
//
//   - applied <= committed <= last, and committed never decreases;
//   - entries hold [offset, last], and offset-1 <= stable <= last;
//   - memory wins: from offset on, Storage may hold other entries, which the
//     application is about to replace.
//
// An entry that is in the log is never changed, and a slice that was handed out
// is never written to. The receiver may keep it, and must not change it either.
type Log struct {
	storage Storage

	// committed is the highest index known to be on a majority.
	committed uint64

	// applied is the highest index that the application has applied.
	applied uint64

	// stable is the highest index known to be in Storage. Entries after it are
	// handed to the application with the next Ready.
	stable uint64

	// offset is the index of entries[0], or of the entry that will be there.
	offset uint64

	entries []*pb.Entry

	// bytes is the size of entries.
	bytes uint64 //lab:private

	// snapshot was received from a leader and is not in Storage yet. While
	// there is one, offset is one past it and nothing before exists.
	snapshot *pb.Snapshot //lab:private
}

// newLog returns the log that storage holds. Of it, only the snapshot is known to
// be committed.
//
//lab:implement 2AA
func newLog(storage Storage) *Log {
	first, err := storage.FirstIndex()
	if err != nil {
		panic(errors.Annotate(err, "raft: cannot read the first index"))
	}
	last, err := storage.LastIndex()
	if err != nil {
		panic(errors.Annotate(err, "raft: cannot read the last index"))
	}
	return &Log{
		storage:   storage,
		committed: first - 1,
		applied:   first - 1,
		stable:    last,
		offset:    last + 1,
	}
}

// FirstIndex returns the index of the first entry after the snapshot. It is
// LastIndex+1 if there is none.
//
//lab:implement 2AB
func (l *Log) FirstIndex() uint64 {
	if l.snapshot != nil {
		return l.offset
	}
	first, err := l.storage.FirstIndex()
	if err != nil {
		panic(errors.Annotate(err, "raft: cannot read the first index"))
	}
	return first
}

// LastIndex returns the index of the last entry, or that of the snapshot if
// there is none.
//
//lab:implement 2AA
func (l *Log) LastIndex() uint64 {
	return l.offset + uint64(len(l.entries)) - 1
}

// Term returns the term of entry i. It returns ErrCompacted if the snapshot
// has replaced i (the snapshot's own index still has a term), ErrUnavailable
// if the log does not reach i.
//
//lab:implement 2AA
func (l *Log) Term(i uint64) (uint64, error) {
	switch {
	case i > l.LastIndex():
		return 0, ErrUnavailable
	case i >= l.offset:
		return l.entries[i-l.offset].Term, nil
	case l.snapshot == nil:
		return l.storage.Term(i)
	case i == l.snapshot.Metadata.Index:
		return l.snapshot.Metadata.Term, nil
	default:
		return 0, ErrCompacted
	}
}

// Entries returns the entries [lo, hi), as many as fit into maxSize bytes and
// at least one. hi must not be past LastIndex+1. It returns ErrCompacted if a
// snapshot has replaced entry lo.
//
//lab:implement 2AB
func (l *Log) Entries(lo, hi, maxSize uint64) ([]*pb.Entry, error) {
	if hi > l.LastIndex()+1 {
		panic(fmt.Sprintf("raft: entries [%d, %d) asked of a log that ends at %d", lo, hi, l.LastIndex()))
	}
	if lo >= hi {
		return nil, nil
	}
	if lo < l.offset {
		if l.snapshot != nil {
			return nil, ErrCompacted
		}
		// A caller that wants more asks again: joining what is in Storage
		// with what is in memory is seldom needed.
		return l.storage.Entries(lo, min(hi, l.offset), maxSize)
	}
	return limitSize(l.entries[lo-l.offset:hi-l.offset:hi-l.offset], maxSize), nil
}

// lastTerm returns the term of the last entry.
//
//lab:private
func (l *Log) lastTerm() uint64 {
	term, err := l.Term(l.LastIndex())
	if err != nil {
		panic(errors.Annotate(err, "raft: the last entry has no term"))
	}
	return term
}

// isUpToDate reports whether a log that ends at (index, term) is at least as
// up-to-date as this one (§5.4.1): the later last term wins, then the greater
// length.
//
//lab:implement 2AA
func (l *Log) isUpToDate(index, term uint64) bool {
	last := l.lastTerm()
	return term > last || term == last && index >= l.LastIndex()
}

// matches reports whether the log has an entry of that term at index.
//
//lab:private
func (l *Log) matches(index, term uint64) bool {
	t, err := l.Term(index)
	return err == nil && t == term
}

// append adds entries, which must follow one another. Where they start inside
// the log, the rest of it is dropped first (§5.3): the caller has found that
// the first of them conflicts with what is there.
//
//lab:implement 2AB
func (l *Log) append(entries ...*pb.Entry) {
	if len(entries) == 0 {
		return
	}
	at := entries[0].Index
	switch {
	case at <= l.committed:
		panic(fmt.Sprintf("raft: entry %d would replace a committed one, commit index is %d", at, l.committed))
	case at > l.LastIndex()+1:
		panic(fmt.Sprintf("raft: entry %d would leave a gap, the log ends at %d", at, l.LastIndex()))
	case at < l.offset:
		l.entries, l.offset, l.bytes = nil, at, 0
	case at <= l.LastIndex():
		l.bytes -= sizeOf(l.entries[at-l.offset:])
		// Cutting the capacity makes append copy: a caller may still hold
		// the entries that are dropped.
		l.entries = l.entries[: at-l.offset : at-l.offset]
	}
	l.stable = min(l.stable, at-1)
	l.entries = append(l.entries, entries...)
	l.bytes += sizeOf(entries)
}

// findConflict returns the index of the first of entries that the log lacks or
// holds with another term, or 0 if it holds them all. The log may go on after
// them: a delayed message must not shorten it.
//
//lab:private
func (l *Log) findConflict(entries []*pb.Entry) uint64 {
	for _, e := range entries {
		if !l.matches(e.Index, e.Term) {
			return e.Index
		}
	}
	return 0
}

// lastIndexOfTerm returns the greatest index up to i whose term is at most
// term, and its term. Where two logs part, one side skips with it every entry
// that the other side cannot have (the end of §5.3). An index whose entry was
// compacted comes back with term 0.
//
//lab:private
func (l *Log) lastIndexOfTerm(i, term uint64) (uint64, uint64) {
	for ; i > 0; i-- {
		t, err := l.Term(i)
		if err != nil {
			return i, 0
		}
		if t <= term {
			return i, t
		}
	}
	return 0, 0
}

// commitTo raises the commit index to i, never past the last entry, and never
// lowers it. It reports whether it changed.
//
//lab:implement 2AB quiet
func (l *Log) commitTo(i uint64) bool {
	i = min(i, l.LastIndex())
	if i <= l.committed {
		return false
	}
	l.committed = i
	return true
}

// unstable returns the entries that are not in Storage yet.
//
//lab:implement 2AC
func (l *Log) unstable() []*pb.Entry {
	return l.entries[l.stable+1-l.offset:]
}

// nextCommitted returns the entries that are committed and not applied, as
// many as fit into maxSize bytes and at least one. They wait while a snapshot
// has to be applied first.
//
//lab:implement 2AC
func (l *Log) nextCommitted(maxSize uint64) []*pb.Entry {
	if !l.hasNextCommitted() {
		return nil
	}
	entries, err := l.Entries(l.applied+1, l.committed+1, maxSize)
	if err != nil {
		panic(errors.Annotatef(err, "raft: committed entries from %d on cannot be read", l.applied+1))
	}
	return entries
}

//lab:private
func (l *Log) hasNextCommitted() bool {
	return l.committed > l.applied && l.snapshot == nil
}

// stableTo notes that the entries up to (index, term) are in Storage. Those
// that were replaced since they were handed out stay unstable.
//
//lab:implement 2AC
func (l *Log) stableTo(index, term uint64) {
	if index > l.stable && l.matches(index, term) {
		l.stable = index
	}
}

// appliedTo notes that the application has applied everything up to index.
//
//lab:implement 2AC
func (l *Log) appliedTo(index uint64) {
	if index > l.committed {
		panic(fmt.Sprintf("raft: applied up to %d, but only %d is committed", index, l.committed))
	}
	l.applied = max(l.applied, index)
}

// forget drops from memory the entries before index, and the oldest of those
// that remain until they fit into maxBytes. What Storage does not have, or the
// application has not applied, stays in any case.
//
//lab:private
func (l *Log) forget(index, maxBytes uint64) {
	needed := min(l.stable, l.applied) + 1
	for l.offset < needed && (l.offset < index || l.bytes > maxBytes) {
		l.bytes -= entrySize(l.entries[0])
		l.entries = l.entries[1:]
		l.offset++
	}
	if len(l.entries) == 0 {
		l.entries = nil
	}
}

// restore replaces the whole log by snapshot s.
//
//lab:private
func (l *Log) restore(s *pb.Snapshot) {
	index := s.Metadata.Index
	l.snapshot = s
	l.entries, l.bytes = nil, 0
	l.offset = index + 1
	l.stable = index
	l.committed = index
}

// restored notes that the application has saved and applied the snapshot
// with that index.
//
//lab:private
func (l *Log) restored(index uint64) {
	if l.snapshot.GetMetadata().GetIndex() == index {
		l.snapshot = nil
	}
	l.appliedTo(index)
}
