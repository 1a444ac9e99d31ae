//go:build mutant

// A snapshot does not say who the members are. A follower has no use for a
// snapshot that leaves it out.
//
//lab:mutant 2C kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/eraftpb"
)

func makeSnapshot(kv engine.Engine, files Files, regionID uint64) (*eraftpb.Snapshot, error) {
	snapshot, err := makeSnapshot_original(kv, files, regionID)
	if err == nil {
		snapshot.Metadata.ConfState = nil
	}
	return snapshot, err
}
