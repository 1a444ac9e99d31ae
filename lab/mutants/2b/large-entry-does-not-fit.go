//go:build mutant

// Entries returns nothing if the first entry alone is larger than the limit.
// Such an entry never reaches a follower, and neither does anything after it.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/proto/eraftpb"
)

func (s *peerStorage) Entries(lo, hi, maxSize uint64) ([]*eraftpb.Entry, error) {
	entries, err := s.Entries_original(lo, hi, maxSize)
	if len(entries) == 1 && uint64(proto.Size(entries[0])) > maxSize {
		return nil, err
	}
	return entries, err
}
