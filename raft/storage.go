package raft

import (
	"github.com/pingcap/errors"

	pb "github.com/labkv/labkv/proto/eraftpb"
)

var (
	// ErrCompacted is returned by Storage for an index that a snapshot has
	// replaced.
	ErrCompacted = errors.New("raft: entry was compacted")
	// ErrUnavailable is returned by Storage for an index past its last.
	ErrUnavailable = errors.New("raft: entry is not there yet")
	// ErrSnapshotTemporarilyUnavailable is returned by Storage.Snapshot while
	// a snapshot is being made. The node asks again later.
	ErrSnapshotTemporarilyUnavailable = errors.New("raft: snapshot is not ready yet")
	// ErrSnapOutOfDate is returned for a snapshot older than what is there.
	ErrSnapOutOfDate = errors.New("raft: snapshot is older than the one in storage")
)

// Storage is what the application has made durable, as the node reads it. The
// application writes it, from the Entries, HardState and Snapshot of each Ready.
//
// The log holds the entries [FirstIndex, LastIndex]; everything before is in
// the snapshot. The term of the entry at FirstIndex-1 must still be known, as
// an append message names the entry before its own. The node may keep what it
// is given and never changes it.
//
// An error other than those documented makes the node panic: without its log
// it must not go on.
type Storage interface {
	// InitialState returns what was saved: the hard state, and the membership
	// as of the last applied entry. It is called once, when the node starts.
	// The commit index may be behind the snapshot, as it need not be synced.
	InitialState() (*pb.HardState, *pb.ConfState, error)

	// Entries returns the entries [lo, hi), as many as fit into maxSize bytes,
	// and at least the first. It returns ErrCompacted if lo is before
	// FirstIndex, ErrUnavailable if hi is past LastIndex+1.
	Entries(lo, hi, maxSize uint64) ([]*pb.Entry, error)

	// Term returns the term of entry i, which must be in
	// [FirstIndex-1, LastIndex]: otherwise ErrCompacted or ErrUnavailable.
	Term(i uint64) (uint64, error)

	// LastIndex returns the index of the last entry, or that of the snapshot
	// if there are no entries.
	LastIndex() (uint64, error)

	// FirstIndex returns the index of the first entry that Entries can return.
	// It is one after the snapshot's, and LastIndex+1 if there are no entries.
	FirstIndex() (uint64, error)

	// Snapshot returns a snapshot whose index is at least FirstIndex-1, and
	// whose membership has every member that the node was told of with
	// ApplyConfChange: a member can do nothing with one that leaves it out.
	// While it is not ready, it returns ErrSnapshotTemporarilyUnavailable.
	Snapshot() (*pb.Snapshot, error)
}

// IsEmptySnap reports whether s holds no snapshot.
func IsEmptySnap(s *pb.Snapshot) bool {
	return s.GetMetadata().GetIndex() == 0
}

// entrySize returns the bytes that e counts for in size limits. It estimates
// the encoded size without encoding.
func entrySize(e *pb.Entry) uint64 {
	const header = 16 // type, term, index and length
	return uint64(len(e.Data)) + header
}

// sizeOf returns the bytes that entries count for.
func sizeOf(entries []*pb.Entry) uint64 {
	size := uint64(0)
	for _, e := range entries {
		size += entrySize(e)
	}
	return size
}

// limitSize returns the longest prefix of entries that fits into maxSize
// bytes, and at least the first entry: progress must never stop at a large one.
func limitSize(entries []*pb.Entry, maxSize uint64) []*pb.Entry {
	if maxSize == NoLimit || len(entries) <= 1 {
		return entries
	}
	size := entrySize(entries[0])
	for i, e := range entries[1:] {
		size += entrySize(e)
		if size > maxSize {
			return entries[: i+1 : i+1]
		}
	}
	return entries
}
