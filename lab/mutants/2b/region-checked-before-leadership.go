//go:build mutant

// A request is compared with the region before it is asked whether this peer
// leads. A follower that is behind tells clients of a version of the region
// that is long gone.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (p *peer) check(rc *kvrpcpb.Context, keys ...[]byte) error {
	if store := rc.Peer.GetStoreId(); store == 0 || store == p.store.cfg.StoreID {
		if err := region.Check(p.region(), rc.RegionEpoch, keys...); err != nil {
			return err
		}
	}
	return p.check_original(rc, keys...)
}
