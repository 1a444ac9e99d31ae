//go:build mutant

// The whole epoch of a request has to be the region's. Each change of a member
// makes all clients learn the region again, although its keys are the same.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (p *peer) check(rc *kvrpcpb.Context, keys ...[]byte) error {
	if err := p.check_original(rc, keys...); err != nil {
		return err
	}
	if rc.RegionEpoch.ConfVer != p.region().RegionEpoch.ConfVer {
		return region.EpochNotMatch(p.region())
	}
	return nil
}
