//go:build mutant

// Entries returns the first entry of the range, whatever would still fit. It is
// never too much, and a follower that was away for long gets each entry in a
// message of its own.
//
//lab:mutant 2B kv/raftstore
package raftstore

import "github.com/labkv/labkv/proto/eraftpb"

func (s *peerStorage) Entries(lo, hi, maxSize uint64) ([]*eraftpb.Entry, error) {
	entries, err := s.Entries_original(lo, hi, maxSize)
	return entries[:min(len(entries), 1)], err
}
