//go:build mutant

// A request is first compared with the region. A client that has reached the
// wrong store learns of a version of the region, and not that its address is
// wrong.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/raft"
)

func (p *peer) check(rc *kvrpcpb.Context, keys ...[]byte) error {
	if p.node.BasicStatus().RaftState == raft.StateLeader {
		if err := region.Check(p.region(), rc.RegionEpoch, keys...); err != nil {
			return err
		}
	}
	return p.check_original(rc, keys...)
}
