package raftstore

import (
	"math"

	"github.com/pingcap/errors"
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/raftserverpb"
	"github.com/labkv/labkv/raft"
)

// peerStorage is the durable state of one peer, as its Raft node reads it.
//
// Its fields equal what the disk holds: they change after a write, and not at
// all if the write fails. Only the commit index on the disk may be older. So its
// methods need not look for the ends of the log on the disk; what else they read
// there is what they return.
type peerStorage struct {
	regionID uint64
	engine   engine.Engine // raft

	// state is what the raft engine holds besides entries. The message and
	// its parts are replaced, never changed.
	state *raftserverpb.RaftState

	// applied is what the kv engine holds.
	applied *raftserverpb.RegionState

	maker snapshotMaker
}

// loadPeerStorage reads the state of applied's region from the raft engine, and
// raises it to what applied proves. A state that cannot be read is an error: it
// holds promises, and the store must not start without them.
//
//lab:implement 2B
func loadPeerStorage(raftEngine engine.Engine, applied *raftserverpb.RegionState) (*peerStorage, error) {
	state, err := LoadRaftState(raftEngine, applied.Region.Id)
	if err != nil {
		return nil, err
	}
	s := &peerStorage{regionID: applied.Region.Id, engine: raftEngine, state: state, applied: applied}
	if held, err := s.holds(applied.AppliedIndex, applied.AppliedTerm); err != nil {
		return nil, err
	} else if !held {
		// A snapshot was installed, and the crash came before the raft
		// engine knew of it. No message has promised anything about it
		// yet. What is left of the old log would stay forever:
		// compaction begins with the new one.
		if err := raftEngine.DeleteRange(cfRaft, logRange(s.regionID, 0, math.MaxUint64)); err != nil {
			return nil, err
		}
		s.resetLog(applied.AppliedIndex, applied.AppliedTerm)
	}
	return s, nil
}

// holds reports whether the log has an entry of that index and term, or begins
// at or after it. The end of the log alone does not tell: the log that a
// snapshot replaces may be longer than the snapshot, and its entries may be
// deleted already.
//
//lab:private
func (s *peerStorage) holds(index, term uint64) (bool, error) {
	if index <= s.state.TruncatedIndex {
		return true, nil
	}
	if index > s.state.LastIndex {
		return false, nil
	}
	e, err := LoadEntry(s.engine, s.regionID, index)
	return e.GetTerm() == term, err
}

// InitialState implements raft.Storage.
//
//lab:implement 2B
func (s *peerStorage) InitialState() (*eraftpb.HardState, *eraftpb.ConfState, error) {
	members := &eraftpb.ConfState{}
	for _, p := range s.applied.Region.Peers {
		members.Nodes = append(members.Nodes, p.Id)
	}
	// The commit index is not saved for its own sake, so the applied index
	// may be higher.
	hs := proto.CloneOf(s.state.HardState)
	hs.Commit = max(hs.Commit, s.applied.AppliedIndex)
	return hs, members, nil
}

// FirstIndex implements raft.Storage.
//
//lab:implement 2B
func (s *peerStorage) FirstIndex() (uint64, error) { return s.state.TruncatedIndex + 1, nil }

// LastIndex implements raft.Storage.
//
//lab:implement 2B
func (s *peerStorage) LastIndex() (uint64, error) { return s.state.LastIndex, nil }

// Term implements raft.Storage.
//
//lab:implement 2B
func (s *peerStorage) Term(i uint64) (uint64, error) {
	switch {
	case i < s.state.TruncatedIndex:
		return 0, raft.ErrCompacted
	case i == s.state.TruncatedIndex:
		return s.state.TruncatedTerm, nil
	case i > s.state.LastIndex:
		return 0, raft.ErrUnavailable
	}
	e, err := LoadEntry(s.engine, s.regionID, i)
	if err == nil && e == nil {
		err = errors.Errorf("region %d: entry %d is missing from the log", s.regionID, i)
	}
	return e.GetTerm(), err
}

// Entries implements raft.Storage.
//
//lab:implement 2B
func (s *peerStorage) Entries(lo, hi, maxSize uint64) ([]*eraftpb.Entry, error) {
	if lo <= s.state.TruncatedIndex {
		return nil, raft.ErrCompacted
	}
	if hi > s.state.LastIndex+1 {
		return nil, raft.ErrUnavailable
	}
	r := logRange(s.regionID, lo, hi)
	it, err := s.engine.Iterate(cfRaft, r)
	if err != nil {
		return nil, err
	}
	defer it.Close()
	var (
		entries []*eraftpb.Entry
		size    uint64
		next    = lo
	)
	for it.Seek(r.Start); it.Valid(); it.Next() {
		e := &eraftpb.Entry{}
		if err := proto.Unmarshal(it.Value(), e); err != nil {
			return nil, errors.Annotatef(err, "region %d: entry %d is corrupt", s.regionID, next)
		}
		if e.Index != next {
			return nil, errors.Errorf("region %d: entry %d is missing from the log", s.regionID, next)
		}
		size += uint64(len(it.Value()))
		if len(entries) > 0 && size > maxSize {
			return entries, nil
		}
		entries = append(entries, e)
		next++
	}
	if err := it.Close(); err != nil {
		return nil, err
	}
	if next != hi {
		return nil, errors.Errorf("region %d: entry %d is missing from the log", s.regionID, next)
	}
	return entries, nil
}

// save adds to w what rd wants saved, except for the snapshot, which has been
// installed before. It returns the state of the log after that write.
//
//lab:implement 2B
func (s *peerStorage) save(w *writer, rd *raft.Ready) *raftserverpb.RaftState {
	state := proto.CloneOf(s.state)
	var part engine.Batch
	if n := len(rd.Entries); n > 0 {
		for _, e := range rd.Entries {
			put(&part, cfRaft, logKey(s.regionID, e.Index), e)
		}
		state.LastIndex = rd.Entries[n-1].Index
	}
	if rd.HardState != nil {
		state.HardState = rd.HardState
	}
	// The commit index alone is not worth a write: it goes with the next
	// one, and a restart that finds an older one learns the rest from the
	// leader.
	if rd.MustSync {
		put(&part, cfRaft, stateKey(s.regionID), state)
	}
	w.add(&part, rd.MustSync)
	// The new entries may have replaced the tail of a longer log. LastIndex
	// ends the log here, so the rest of the old tail is deleted after that,
	// in as many parts as it takes.
	w.deleteEntries(s.regionID, state.LastIndex+1, s.state.LastIndex+1)
	return state
}

// resetLog makes the log empty after (index, term), in memory.
//
//lab:private
func (s *peerStorage) resetLog(index, term uint64) {
	hs := s.state.HardState
	if hs.Term < term {
		hs = &eraftpb.HardState{Term: term}
	}
	s.state = &raftserverpb.RaftState{
		HardState:      &eraftpb.HardState{Term: hs.Term, Vote: hs.Vote, Commit: index},
		LastIndex:      index,
		TruncatedIndex: index,
		TruncatedTerm:  term,
	}
}
