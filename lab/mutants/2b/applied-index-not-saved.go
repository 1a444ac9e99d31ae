//go:build mutant

// The applied index is kept in memory only. After a restart all entries of the
// log are applied once more, to data that have them already.
//
//lab:mutant 2B kv/raftstore
package raftstore

import "github.com/labkv/labkv/kv/engine"

func (a *applier) cut() {
	a.parts = append(a.parts, a.batch)
	a.batch = engine.Batch{}
}
