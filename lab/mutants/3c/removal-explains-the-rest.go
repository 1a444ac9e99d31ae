//go:build mutant

// A removal explains whatever else has happened to the members.
//
//lab:mutant 3C scheduler
package scheduler

import (
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/metapb"
)

func (s *removePeer) explains(before, after *metapb.Region) bool {
	return after.RegionEpoch.Version == before.RegionEpoch.Version && region.Peer(after, s.peer.Id) == nil
}
