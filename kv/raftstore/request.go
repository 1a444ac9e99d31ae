package raftstore

import (
	"bytes"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

// Three things can be asked of a region. A Write changes its keys and goes
// through the log. A Read gets a view of its keys. An Admin changes the region
// itself. Each is answered exactly once, on the goroutine of a pass, so its callback must not block. An error
// means that the request had no effect and never will, with one exception:
// storage.ErrOutcomeUnknown. A *region.Error says where the client should go
// instead; storage.ErrNotRunning answers requests that come after the store has
// stopped.

// A Write is a request to apply operations in order, all of them or none. A
// write that is answered without an error is durable on a majority, and applied
// here.
type Write struct {
	context *kvrpcpb.Context

	// data is the entry that proposes the write: a raftserverpb.Command,
	// with the epoch of the client's context. It is immutable.
	data []byte

	// low and high are the least and the greatest key of the operations. A
	// region that has both has all of them, because its keys are a range.
	low, high []byte

	done func(error)
}

const (
	// maxCommandSize is the largest command, encoded, in bytes: as an entry
	// it must fit into one value of the raft engine, together with its
	// place in the log.
	maxCommandSize = engine.MaxValueSize - 1<<10

	// maxOps is the largest number of operations in a command. They must
	// fit into one batch of the kv engine, together with the applied index.
	maxOps = engine.MaxBatchLen - 1
)

// NewWrite returns a request to apply ops, of which there must be at least one,
// in the context rc. The write keeps rc, but neither ops nor their slices.
// NewWrite returns an error if no engine would accept ops: such a write must
// not get into a log, where it could be neither applied nor refused.
func NewWrite(rc *kvrpcpb.Context, ops []engine.Op, done func(error)) (*Write, error) {
	if len(ops) > maxOps {
		return nil, &engine.TooLargeError{What: "number of operations in a write", Size: len(ops), Limit: maxOps}
	}
	if err := engine.CheckOps(ops, engine.Families); err != nil {
		return nil, err
	}
	c := &raftserverpb.Command{Epoch: rc.RegionEpoch, Writes: make([]*raftserverpb.Write, len(ops))}
	low, high := ops[0].Key, ops[0].Key
	for i, op := range ops {
		c.Writes[i] = &raftserverpb.Write{Cf: op.CF, Key: op.Key, Value: op.Value, Delete: op.Delete}
		if bytes.Compare(op.Key, low) < 0 {
			low = op.Key
		}
		if bytes.Compare(op.Key, high) > 0 {
			high = op.Key
		}
	}
	data, err := proto.Marshal(c)
	if err != nil {
		return nil, err
	}
	if len(data) > maxCommandSize {
		return nil, &engine.TooLargeError{What: "write", Size: len(data), Limit: maxCommandSize}
	}
	return &Write{context: rc, data: data, low: slices.Clone(low), high: slices.Clone(high), done: done}, nil
}

// opsOf returns the operations of a command.
func opsOf(c *raftserverpb.Command) []engine.Op {
	ops := make([]engine.Op, len(c.Writes))
	for i, w := range c.Writes {
		ops[i] = engine.Op{CF: w.Cf, Key: w.Key, Value: w.Value, Delete: w.Delete}
	}
	return ops
}

// A Read is a request for a view of a region. The view sees every write that
// was acknowledged anywhere before the read was submitted.
type Read struct {
	// Context says which region the client means, and what the client knows
	// about it.
	Context *kvrpcpb.Context

	// Done takes the answer. Without an error, view shows the keys of the
	// region and no others; the receiver must close it.
	Done func(view engine.Snapshot, err error)

	term uint64 // of the peer when the read came to it
}

// An Admin is a request to change a region itself: exactly one of Split, ChangePeer and
// TransferLeader is set. A request with none of them, or with several, is refused (check).
//
// A split and a change of the members go through the log. A split demands that both
// parts of the epoch are the present ones, a change of the members demands it of
// conf_ver, both at the proposal and at the apply. A transfer is no entry of the log: it
// is answered once Raft has been asked for it, and whether it succeeds shows in who
// leads.
type Admin struct {
	// Context says which region is meant, and what is known about it.
	Context *kvrpcpb.Context

	// Split cuts the region in two. Its left half keeps the region's id.
	Split *raftserverpb.Split
	// ChangePeer adds a peer that was never a member, on a store that has none, or
	// removes one. A leader that is to be removed may hand over first: it refuses with
	// region.Busy, and whoever asked asks again, at the next leader.
	ChangePeer *raftserverpb.ChangePeer
	// TransferLeader makes this member the leader.
	TransferLeader *metapb.Peer

	// Done takes the answer. Without an error, regions are what has become of the
	// region: the region itself, or its two halves. The receiver may keep them and must
	// not change them.
	Done func(regions []*metapb.Region, err error)
}

// check returns an error unless a asks for exactly one thing.
func (a *Admin) check() error {
	asked := 0
	for _, set := range []bool{a.Split != nil, a.ChangePeer != nil, a.TransferLeader != nil} {
		if set {
			asked++
		}
	}
	if asked != 1 {
		return region.Invalid(fmt.Sprintf("a request to change region %d asks for %d changes, and should ask for one", a.Context.RegionId, asked))
	}
	return nil
}
