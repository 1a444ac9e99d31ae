//go:build mutant

// A request is first refused for not being at the leader, and only then for
// being at another store than it names. A client that has reached the wrong
// store is sent on, and never learns that its address is wrong.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/raft"
)

func (p *peer) check(rc *kvrpcpb.Context, keys ...[]byte) error {
	if p.node.BasicStatus().RaftState != raft.StateLeader {
		return p.notLeader()
	}
	return p.check_original(rc, keys...)
}
