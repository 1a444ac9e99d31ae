//go:build mutant

// A peer asks for the ids of a split that was ordered whether or not the order
// is for it.
//
//lab:mutant 3B kv/raftstore
package raftstore

import "github.com/labkv/labkv/proto/schedulerpb"

func (p *peer) obey(o *schedulerpb.RegionHeartbeatResponse) {
	if o.SplitRegion != nil && p.isInitialized() {
		p.askSplit(o.SplitRegion.Key)
		return
	}
	p.obey_original(o)
}
