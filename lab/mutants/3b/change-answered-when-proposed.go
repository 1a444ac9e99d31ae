//go:build mutant

// A change is answered once it is in the log of the leader. It may never be
// committed.
//
//lab:mutant 3B kv/raftstore
package raftstore

import "github.com/labkv/labkv/proto/metapb"

func (p *peer) administer(a *Admin) {
	done, answered := a.Done, false
	a.Done = func(regions []*metapb.Region, err error) {
		if !answered {
			done(regions, err)
		}
		answered = true
	}
	p.administer_original(a)
	if !answered {
		answered = true
		done([]*metapb.Region{p.region()}, nil)
	}
}
