//go:build mutant

// A snapshot that was made is sent again as long as the log continues it. A peer
// that was added since is no member in it, and drops it each time; and after a
// split its range is in the way of the right half.
//
//lab:mutant 3B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/metapb"
)

func isOf(snapshot *eraftpb.Snapshot, r *metapb.Region) bool { return true }
