//go:build mutant

// Entries walks the log from its first entry, and passes over those before lo.
// The longer the log, the longer each message takes.
//
//lab:mutant 2B kv/raftstore
package raftstore

import "github.com/labkv/labkv/proto/eraftpb"

func (s *peerStorage) Entries(lo, hi, maxSize uint64) ([]*eraftpb.Entry, error) {
	it, err := s.engine.Iterate(cfRaft, logRange(s.regionID, 0, hi))
	if err != nil {
		return nil, err
	}
	start := string(logKey(s.regionID, lo))
	for it.Seek(nil); it.Valid() && string(it.Key()) < start; {
		it.Next()
	}
	if err := it.Close(); err != nil {
		return nil, err
	}
	return s.Entries_original(lo, hi, maxSize)
}
