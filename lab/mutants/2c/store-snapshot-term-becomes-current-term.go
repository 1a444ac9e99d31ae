//go:build mutant

// With the log, the hard state is replaced by one made of the snapshot. Its
// term is that of the last entry in it, which is often earlier than the peer's
// own, and the vote is gone. If a crash comes before the next hard state is
// saved, the peer restarts with that one.
//
//lab:mutant 2C kv/raftstore
package raftstore

import "github.com/labkv/labkv/proto/eraftpb"

func (s *peerStorage) resetLog(index, term uint64) {
	s.resetLog_original(index, term)
	s.state.HardState = &eraftpb.HardState{Term: term, Commit: index}
}
