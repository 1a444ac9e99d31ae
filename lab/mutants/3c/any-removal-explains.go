//go:build mutant

// Any removal is taken for the one that was ordered.
//
//lab:mutant 3C scheduler
package scheduler

import "github.com/labkv/labkv/proto/metapb"

func (s *removePeer) explains(before, after *metapb.Region) bool {
	return oneConfChange(before, after) && len(after.Peers) == len(before.Peers)-1 &&
		includes(before, after)
}
