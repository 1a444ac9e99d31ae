//go:build mutant

// A split is answered with the region as it is then, which is the left half.
// Whoever asked does not learn of the right one.
//
//lab:mutant 3B kv/raftstore
package raftstore

import "github.com/labkv/labkv/proto/metapb"

func (p *peer) administer(a *Admin) {
	done := a.Done
	a.Done = func(regions []*metapb.Region, err error) {
		if len(regions) > 1 {
			regions = regions[:1]
		}
		done(regions, err)
	}
	p.administer_original(a)
}
