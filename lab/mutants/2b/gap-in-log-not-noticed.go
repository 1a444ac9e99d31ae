//go:build mutant

// Entries returns what the disk has of the range, and does not look whether the
// entries follow one another. On a disk that has lost one the store applies
// what comes after it, and differs from all others.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
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
	defer it.Close()
	var entries []*eraftpb.Entry
	size := uint64(0)
	for it.Seek(r.Start); it.Valid(); it.Next() {
		e := &eraftpb.Entry{}
		if err := proto.Unmarshal(it.Value(), e); err != nil {
			return nil, err
		}
		if size += uint64(len(it.Value())); len(entries) > 0 && size > maxSize {
			return entries, nil
		}
		entries = append(entries, e)
	}
	return entries, it.Close()
}
