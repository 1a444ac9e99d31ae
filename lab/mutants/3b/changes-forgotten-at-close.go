//go:build mutant

// A store that is closed answers writes and reads that wait, and forgets the
// changes.
//
//lab:mutant 3B kv/raftstore
package raftstore

import (
	"github.com/pingcap/errors"

	"github.com/labkv/labkv/kv/storage"
	"github.com/labkv/labkv/proto/metapb"
)

func (p *peer) administer(a *Admin) {
	done := a.Done
	a.Done = func(regions []*metapb.Region, err error) {
		if errors.Cause(err) != storage.ErrOutcomeUnknown {
			done(regions, err)
		}
	}
	p.administer_original(a)
}
