//go:build mutant

// Any peer that comes is taken for the one that was ordered, whichever it is.
//
//lab:mutant 3C scheduler
package scheduler

import "github.com/labkv/labkv/proto/metapb"

func (s *addPeer) explains(before, after *metapb.Region) bool {
	return oneConfChange(before, after) && len(after.Peers) == len(before.Peers)+1 &&
		includes(after, before)
}
