package raft

import (
	"sync"

	"github.com/pingcap/errors"

	pb "github.com/labkv/labkv/proto/eraftpb"
)

// MemoryStorage is a Storage that is lost with the process: for tests,
// examples, and groups that can afford it. Its methods may be called from
// several goroutines.
type MemoryStorage struct {
	mu        sync.Mutex
	hardState *pb.HardState
	confState *pb.ConfState
	// snapshot is never nil; its index is 0 if there is none.
	snapshot *pb.Snapshot
	// entries[i] has index snapshot index + 1 + i. A slice that was handed
	// out is never written to again: appending goes after its end.
	entries []*pb.Entry
}

// NewMemoryStorage returns an empty storage. nodes are the members of the
// group that starts with it.
func NewMemoryStorage(nodes ...uint64) *MemoryStorage {
	return &MemoryStorage{
		hardState: &pb.HardState{},
		confState: &pb.ConfState{Nodes: nodes},
		snapshot:  &pb.Snapshot{Metadata: &pb.SnapshotMetadata{ConfState: &pb.ConfState{}}},
	}
}

// InitialState implements Storage.
func (s *MemoryStorage) InitialState() (*pb.HardState, *pb.ConfState, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hardState, s.confState, nil
}

// SetHardState saves hs. The storage keeps it.
func (s *MemoryStorage) SetHardState(hs *pb.HardState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hardState = hs
}

// SetConfState saves the membership that InitialState returns. The storage
// keeps it.
func (s *MemoryStorage) SetConfState(cs *pb.ConfState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.confState = cs
}

// Entries implements Storage.
func (s *MemoryStorage) Entries(lo, hi, maxSize uint64) ([]*pb.Entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	first := s.first()
	if lo < first {
		return nil, ErrCompacted
	}
	if hi > s.last()+1 {
		return nil, ErrUnavailable
	}
	return limitSize(s.entries[lo-first:hi-first:hi-first], maxSize), nil
}

// Term implements Storage.
func (s *MemoryStorage) Term(i uint64) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.term(i)
}

func (s *MemoryStorage) term(i uint64) (uint64, error) {
	first := s.first()
	switch {
	case i+1 < first:
		return 0, ErrCompacted
	case i+1 == first:
		return s.snapshot.Metadata.Term, nil
	case i > s.last():
		return 0, ErrUnavailable
	}
	return s.entries[i-first].Term, nil
}

// LastIndex implements Storage.
func (s *MemoryStorage) LastIndex() (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last(), nil
}

// FirstIndex implements Storage.
func (s *MemoryStorage) FirstIndex() (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.first(), nil
}

// Snapshot implements Storage. It returns the last snapshot that was created
// or received.
func (s *MemoryStorage) Snapshot() (*pb.Snapshot, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.snapshot, nil
}

func (s *MemoryStorage) first() uint64 { return s.snapshot.Metadata.Index + 1 }
func (s *MemoryStorage) last() uint64  { return s.snapshot.Metadata.Index + uint64(len(s.entries)) }

// Append saves the entries of a Ready: they replace whatever was at their
// indexes and after them. The storage keeps them.
func (s *MemoryStorage) Append(entries []*pb.Entry) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	first, last := s.first(), s.last()
	if n := len(entries); n == 0 || entries[n-1].Index < first {
		return nil
	}
	if entries[0].Index < first {
		entries = entries[first-entries[0].Index:]
	}
	at := entries[0].Index
	if at > last+1 {
		return errors.Errorf("raft: entries start at %d, but the log ends at %d", at, last)
	}
	if at <= last {
		s.entries = s.entries[: at-first : at-first]
	}
	s.entries = append(s.entries, entries...)
	return nil
}

// ApplySnapshot replaces everything by snap, which came with a Ready. The
// storage keeps it. It returns ErrSnapOutOfDate if snap is older than the
// snapshot that is there.
func (s *MemoryStorage) ApplySnapshot(snap *pb.Snapshot) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if snap.GetMetadata().GetIndex() < s.snapshot.Metadata.Index {
		return ErrSnapOutOfDate
	}
	s.snapshot = snap
	s.confState = snap.Metadata.ConfState
	s.entries = nil
	return nil
}

// Compact replaces the entries up to and including index by a snapshot that
// holds the application's state as of index. The caller must have applied
// index; data and cs are that state and the membership at that point, and the
// storage keeps them. It returns ErrSnapOutOfDate if a snapshot at or past
// index is there, ErrUnavailable if the log does not reach index.
func (s *MemoryStorage) Compact(index uint64, cs *pb.ConfState, data []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if index <= s.snapshot.Metadata.Index {
		return ErrSnapOutOfDate
	}
	term, err := s.term(index)
	if err != nil {
		return err
	}
	// A fresh slice lets go of the memory of the compacted entries.
	s.entries = append([]*pb.Entry(nil), s.entries[index+1-s.first():]...)
	s.snapshot = &pb.Snapshot{
		Data:     data,
		Metadata: &pb.SnapshotMetadata{ConfState: cs, Index: index, Term: term},
	}
	return nil
}
