// Package rafttest is a conformance suite for Raft: it holds any implementation
// to the claims of the Raft paper (Ongaro and Ousterhout, "In Search of an
// Understandable Consensus Algorithm", extended version) and of the thesis
// (Ongaro, "Consensus: Bridging Theory and Practice"), through the small
// interface in this file.
//
// The suite has three parts:
//
//   - one test per claim, message by message, each citing the section it comes
//     from;
//   - the Ready contract, with an application that is as awkward as the
//     contract allows;
//   - seeded random schedules of whole groups, with loss, duplication,
//     reordering, crashes that lose what was not synced, partitions, membership
//     changes, transfers and snapshots, where every invariant is checked after
//     every step.
//
// The suite demands Raft, and not any one program's Raft: where the paper leaves
// a choice, each choice passes. An adapter in test code runs it on another
// implementation to keep it honest.
package rafttest

import (
	pb "github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/raft"
)

// An Implementation makes nodes of the Raft under test.
type Implementation interface {
	// Name is the implementation's name in reports.
	Name() string

	// NewNode starts a node from what c.Storage holds. The suite never writes
	// to that storage while the node runs: it stands for a disk that was
	// there before.
	NewNode(c *raft.Config) (Node, error)

	// NewRawNode starts a node from what c.Storage holds. The suite saves to
	// that storage what each Ready asks for.
	NewRawNode(c *raft.Config) (RawNode, error)
}

// A Node is a node whose disk never fails and never lags: whatever it has in its
// log counts as durable. Tests of elections and replication drive it message by
// message, before there is a RawNode.
type Node interface {
	// Tick advances the node's clock by one tick.
	Tick()
	// Step hands it a message, from another node or of a local type (MsgHup,
	// MsgBeat, MsgPropose). It returns an error for a proposal that it refuses,
	// and may return one for any message that it drops.
	Step(m *pb.Message) error
	// Messages returns the messages to be sent, and forgets them.
	Messages() []*pb.Message
	// Status returns the node's state.
	Status() raft.Status
	// Entries returns the log after the snapshot.
	Entries() []*pb.Entry
}

// A RawNode hands over its work in Readys. *raft.RawNode is one.
type RawNode interface {
	Tick()
	Campaign() error
	// Propose and ProposeConfChange return the place of the first entry, or
	// raft.ErrNotLeader, raft.ErrLeaderTransfer or raft.ErrConfChangePending. An
	// implementation may also take a change that it refuses, and append an entry
	// without effect in its place.
	Propose(data ...[]byte) (index, term uint64, err error)
	ProposeConfChange(cc *pb.ConfChange) (index, term uint64, err error)
	ApplyConfChange(cc *pb.ConfChange) *pb.ConfState
	Step(m *pb.Message) error
	TransferLeader(transferee uint64)
	ReportUnreachable(id uint64)
	ReportSnapshot(id uint64, arrived bool)
	HasReady() bool
	Ready() raft.Ready
	Advance(rd raft.Ready)
	Status() raft.Status
}

// A Checked is a RawNode that knows what must always be true of its own fields.
// The random schedules ask it after every step.
type Checked interface {
	CheckInvariants() error
}
