//go:build mutant

// The state of the log that a compaction writes is taken when the compaction
// begins. What was appended and voted for while the data were being synced is
// undone.
//
//lab:mutant 2C kv/raftstore
package raftstore

import (
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/proto/raftserverpb"
)

var stateAtCompaction = map[*peer]*raftserverpb.RaftState{}

func (p *peer) compactLog() {
	if !p.compaction.running {
		stateAtCompaction[p] = proto.CloneOf(p.storage.state)
	}
	p.compactLog_original()
}

func (p *peer) dropLog(index uint64) {
	if index <= p.storage.state.TruncatedIndex {
		return
	}
	p.storage.state = stateAtCompaction[p]
	p.dropLog_original(index)
}
