package raftstore

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

// A Command is what a client wants of a region: Writes, which take effect
// together, or without any, a Snapshot to read from.
//
// Done is called exactly once, on the goroutine of a pass: it must not block. A
// write whose result has no error is durable on a majority and applied here, and
// a read sees every write that was acknowledged anywhere before the read was
// submitted. An error says that the command had no effect and never will have,
// except for storage.ErrOutcomeUnknown. A
// *storage.RegionError says where the client should go instead.
type Command struct {
	// Context says which region the client means, and what it knows about it.
	Context *kvrpcpb.Context

	// Writes belong to the command from Submit on.
	Writes []*raftserverpb.Write

	Done func(Result)
}

// A Result answers a Command.
type Result struct {
	// Snapshot is what a read reads from. The receiver must close it.
	Snapshot engine.Snapshot
	Err      error
}
