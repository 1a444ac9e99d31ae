//go:build mutant

// A request has to name the peer that it is for. A client that does not know which
// store has an address cannot, and is never served.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (p *peer) check(rc *kvrpcpb.Context, keys ...[]byte) error {
	if store := rc.Peer.GetStoreId(); store != p.store.cfg.StoreID {
		return region.StoreNotMatch(store, p.store.cfg.StoreID)
	}
	return p.check_original(rc, keys...)
}
