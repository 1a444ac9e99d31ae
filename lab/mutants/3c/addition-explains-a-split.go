//go:build mutant

// An addition explains also a split that has come with it.
//
//lab:mutant 3C scheduler
package scheduler

import (
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/metapb"
)

func (s *addPeer) explains(before, after *metapb.Region) bool {
	return after.RegionEpoch.ConfVer == before.RegionEpoch.ConfVer+1 && len(after.Peers) == len(before.Peers)+1 && region.Peer(before, s.peer.Id) == nil &&
		samePeer(region.Peer(after, s.peer.Id), s.peer) && includes(after, before)
}
