//go:build mutant

// An added peer is known by its id alone, on whichever store it is.
//
//lab:mutant 3C scheduler
package scheduler

import (
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/metapb"
)

func (s *addPeer) explains(before, after *metapb.Region) bool {
	return oneConfChange(before, after) && len(after.Peers) == len(before.Peers)+1 && region.Peer(before, s.peer.Id) == nil &&
		region.Peer(after, s.peer.Id) != nil && includes(after, before)
}
