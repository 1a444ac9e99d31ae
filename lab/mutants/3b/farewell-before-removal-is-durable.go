//go:build mutant

// The leader says goodbye to a removed peer at once. If it then loses its power,
// it may not know of the removal any more, and need the vote of a peer that is
// gone.
//
//lab:mutant 3B kv/raftstore
package raftstore

import "github.com/labkv/labkv/proto/metapb"

func (p *peer) farewell(removed ...*metapb.Peer) {
	p.durableMembers = p.region().RegionEpoch.ConfVer
	p.farewell_original(removed...)
}
