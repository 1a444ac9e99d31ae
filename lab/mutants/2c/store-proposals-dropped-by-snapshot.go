//go:build mutant

// A snapshot jumps over the places of proposals that wait, and they are
// dropped: the clients never get an answer.
//
//lab:mutant 2C kv/raftstore
package raftstore

import "github.com/labkv/labkv/proto/raftserverpb"

func (p *peer) installed(state *raftserverpb.RegionState, err error) {
	p.proposals.queue = nil
	p.installed_original(state, err)
}
