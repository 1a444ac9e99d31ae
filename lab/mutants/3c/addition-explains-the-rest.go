//go:build mutant

// An addition explains whatever else has happened to the members.
//
//lab:mutant 3C scheduler
package scheduler

import (
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/metapb"
)

func (s *addPeer) explains(before, after *metapb.Region) bool {
	return after.RegionEpoch.Version == before.RegionEpoch.Version && samePeer(region.Peer(after, s.peer.Id), s.peer)
}
