//go:build mutant

// Entries compares with the index before the first entry as if that were an
// entry, and reports a broken disk instead of a compacted entry.
//
//lab:mutant 2C kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/raft"
	"github.com/pingcap/errors"
	"google.golang.org/protobuf/proto"
)

func (s *peerStorage) Entries(lo, hi, maxSize uint64) ([]*eraftpb.Entry, error) {
	if lo < s.state.TruncatedIndex {
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
