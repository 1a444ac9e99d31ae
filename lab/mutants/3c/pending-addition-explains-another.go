//go:build mutant

// An addition looks whether its peer is there now, and not whether it was there before:
// while that peer catches up, the coming of any other peer is taken for the step.
//
//lab:mutant 3C scheduler
package scheduler

import (
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/metapb"
)

func (s *addPeer) explains(before, after *metapb.Region) bool {
	return oneConfChange(before, after) && len(after.Peers) == len(before.Peers)+1 &&
		samePeer(region.Peer(after, s.peer.Id), s.peer) && includes(after, before)
}
