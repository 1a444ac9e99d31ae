//go:build mutant

// Entries never closes its iterator. Each keeps its part of the engine from
// ever being freed.
//
//lab:mutant 2B kv/raftstore
package raftstore

import "github.com/labkv/labkv/proto/eraftpb"

func (s *peerStorage) Entries(lo, hi, maxSize uint64) ([]*eraftpb.Entry, error) {
	if it, err := s.engine.Iterate(cfRaft, logRange(s.regionID, lo, hi)); err == nil {
		it.Seek(nil)
	}
	return s.Entries_original(lo, hi, maxSize)
}
