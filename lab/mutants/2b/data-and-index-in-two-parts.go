//go:build mutant

// The applied index is a part of its own, after the part with the data.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/engine"
)

func (a *applier) cut() {
	a.parts = append(a.parts, a.batch)
	a.batch = engine.Batch{}
	put(&a.batch, cfMeta, stateKey(a.state.Region.Id), a.state)
	a.parts = append(a.parts, a.batch)
	a.batch = engine.Batch{}
}
