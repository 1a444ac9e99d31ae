//go:build mutant

// A snapshot jumps over the places of proposals that wait. The next entry that
// is applied finds them too old, and they are answered as if they had been
// replaced. They may well be in the snapshot.
//
//lab:mutant 2C kv/raftstore
package raftstore

import "github.com/labkv/labkv/proto/raftserverpb"

func (p *peer) installed(state *raftserverpb.RegionState, err error) {
	waiting := p.proposals.queue
	p.proposals.queue = nil
	p.installed_original(state, err)
	p.proposals.queue = waiting
}
