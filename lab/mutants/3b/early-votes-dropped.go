//go:build mutant

// A request for a vote that comes before its peer can be created is dropped.
// After nearly every split, the right half waits for an election timeout.
//
//lab:mutant 3B kv/raftstore
package raftstore

import "github.com/labkv/labkv/proto/raftserverpb"

func (l *lobby) keep(m *raftserverpb.RaftMessage) {}
