//go:build mutant

// The view of the data that a snapshot is made of is never closed. An engine
// keeps everything that a view shows, whatever is deleted or replaced later.
//
//lab:mutant 2C kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/eraftpb"
)

type lentEngine struct{ engine.Engine }

type lentSnapshot struct{ engine.Snapshot }

func (e lentEngine) Snapshot() (engine.Snapshot, error) {
	s, err := e.Engine.Snapshot()
	return lentSnapshot{s}, err
}

func (lentSnapshot) Close() error { return nil }

func makeSnapshot(kv engine.Engine, files Files, regionID uint64) (*eraftpb.Snapshot, error) {
	return makeSnapshot_original(lentEngine{kv}, files, regionID)
}
