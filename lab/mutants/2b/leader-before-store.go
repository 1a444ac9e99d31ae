//go:build mutant

// Whether the peer leads is checked before whether this is the store that the
// client means: a wrong address looks like a follower.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/raft"
)

func (p *peer) check(rc *kvrpcpb.Context, keys ...[]byte) error {
	status := p.node.BasicStatus()
	switch store := rc.Peer.GetStoreId(); {
	case status.RaftState != raft.StateLeader:
		return p.notLeader()
	case store != 0 && store != p.store.cfg.StoreID:
		return region.StoreNotMatch(store, p.store.cfg.StoreID)
	case rc.Term != 0 && rc.Term < status.Term:
		return region.Stale(p.region().Id)
	}
	return region.Check(p.region(), rc.RegionEpoch, keys...)
}
