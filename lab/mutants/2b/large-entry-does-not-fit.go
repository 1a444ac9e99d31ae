//go:build mutant

// Entries returns nothing if already the first entry is larger than the limit.
// Such an entry reaches no follower, ever, and neither does what comes after it.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/proto/eraftpb"

	"google.golang.org/protobuf/proto"
)

func (s *peerStorage) Entries(lo, hi, maxSize uint64) ([]*eraftpb.Entry, error) {
	entries, err := s.Entries_original(lo, hi, maxSize)
	if len(entries) == 1 && uint64(proto.Size(entries[0])) > maxSize {
		return nil, err
	}
	return entries, err
}
