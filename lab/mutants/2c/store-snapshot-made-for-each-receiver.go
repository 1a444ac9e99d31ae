//go:build mutant

// A snapshot is made for each follower that needs one, although the last one
// would do.
//
//lab:mutant 2C kv/raftstore
package raftstore

import "github.com/labkv/labkv/proto/eraftpb"

var givenOut = map[*peerStorage]*eraftpb.Snapshot{}

func (s *peerStorage) Snapshot() (*eraftpb.Snapshot, error) {
	m := &s.maker
	made := m.made
	if made != nil && givenOut[s] == made {
		m.made = nil
		defer func() {
			if m.made == nil {
				m.made = made
			}
		}()
	}
	snapshot, err := s.Snapshot_original()
	if err == nil {
		givenOut[s] = snapshot
	}
	return snapshot, err
}
