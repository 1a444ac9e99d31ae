//go:build mutant

// Entries reads all entries from lo on, and then keeps those before hi and
// within the size. Each message to a follower that is behind reads the whole
// rest of the log.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"math"

	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/proto/eraftpb"
)

func (s *peerStorage) Entries(lo, hi, maxSize uint64) ([]*eraftpb.Entry, error) {
	it, err := s.engine.Iterate(cfRaft, logRange(s.regionID, lo, math.MaxUint64))
	if err != nil {
		return nil, err
	}
	var all []*eraftpb.Entry
	for it.Seek(nil); it.Valid(); it.Next() {
		e := &eraftpb.Entry{}
		if proto.Unmarshal(it.Value(), e) == nil {
			all = append(all, e)
		}
	}
	if err := it.Close(); err != nil {
		return nil, err
	}
	return s.Entries_original(lo, hi, maxSize)
}
