//go:build mutant

// The record with the end of the log is written only if the hard state has
// changed. Entries that come alone are on disk, but after a crash the log ends
// before them, although they were acknowledged.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/raftserverpb"
	"github.com/labkv/labkv/raft"

	"google.golang.org/protobuf/proto"
)

func (s *peerStorage) save(b *engine.Batch, rd *raft.Ready) *raftserverpb.RaftState {
	state := proto.CloneOf(s.state)
	if n := len(rd.Entries); n > 0 {
		for _, e := range rd.Entries {
			put(b, cfRaft, logKey(s.regionID, e.Index), e)
		}
		last := rd.Entries[n-1].Index
		for i := last + 1; i <= s.state.LastIndex; i++ {
			b.Delete(cfRaft, logKey(s.regionID, i))
		}
		state.LastIndex = last
	}
	if rd.HardState != nil {
		state.HardState = rd.HardState
		put(b, cfRaft, stateKey(s.regionID), state)
	}
	return state
}
