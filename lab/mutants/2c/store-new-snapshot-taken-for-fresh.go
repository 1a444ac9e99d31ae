//go:build mutant

// A snapshot that was just made is sent without a look at the log, which may
// have been compacted beyond it while the snapshot was being made.
//
//lab:mutant 2C kv/raftstore
package raftstore

import "github.com/labkv/labkv/proto/eraftpb"

var untouched = map[*peerStorage]*eraftpb.Snapshot{}

func (s *peerStorage) Snapshot() (*eraftpb.Snapshot, error) {
	if m := &s.maker; m.made != nil && untouched[s] != m.made {
		untouched[s] = m.made
		return m.made, nil
	}
	return s.Snapshot_original()
}
