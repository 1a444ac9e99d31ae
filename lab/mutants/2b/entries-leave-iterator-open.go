//go:build mutant

// Entries closes its iterator at the end of the range, and forgets it where it
// returns early, because the size limit is reached. An iterator that stays open
// keeps its part of the engine from ever being freed.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"github.com/pingcap/errors"
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/raft"
)

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
	var entries []*eraftpb.Entry
	size, next := uint64(0), lo
	for it.Seek(r.Start); it.Valid(); it.Next() {
		e := &eraftpb.Entry{}
		if err := proto.Unmarshal(it.Value(), e); err != nil {
			return nil, err
		}
		if e.Index != next {
			break
		}
		if size += uint64(len(it.Value())); len(entries) > 0 && size > maxSize {
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
