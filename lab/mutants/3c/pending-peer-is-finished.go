//go:build mutant

// A new peer counts as soon as it is a member: the old one is removed before the
// new one has any data.
//
//lab:mutant 3C scheduler
package scheduler

import "github.com/labkv/labkv/kv/region"

func (s *addPeer) finished(r *regionInfo) bool {
	return samePeer(region.Peer(r.meta, s.peer.Id), s.peer)
}
