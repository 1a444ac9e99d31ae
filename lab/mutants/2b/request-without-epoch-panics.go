//go:build mutant

// The epoch of a request is compared without looking whether there is one. The
// first request of a client that knows only the region's id ends the store.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (p *peer) check(rc *kvrpcpb.Context, keys ...[]byte) error {
	if rc.RegionEpoch.Version != p.region().RegionEpoch.Version {
		return region.EpochNotMatch(p.region())
	}
	return p.check_original(rc, keys...)
}
