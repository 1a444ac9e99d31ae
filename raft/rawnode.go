package raft

import (
	"github.com/pingcap/errors"

	pb "github.com/labkv/labkv/proto/eraftpb"
)

var (
	// ErrStepLocalMsg is returned for a message of a local type: no other node
	// can have sent it.
	ErrStepLocalMsg = errors.New("raft: message of a local type from the network")

	// ErrStepPeerNotFound is returned for an answer from a node that is not, or
	// no longer, a member.
	ErrStepPeerNotFound = errors.New("raft: answer from a node that is not a member")
)

// SoftState is volatile: it helps to route requests and to log, and is never
// saved.
type SoftState struct {
	Lead      uint64    // the leader of the current term, or None; a candidate may name its former one
	RaftState StateType // the node's own role
}

// Ready is the work that a node has for its application. The package comment
// says in which order to do it. Everything in it is read-only, and may be kept.
type Ready struct {
	// SoftState is nil if it has not changed.
	*SoftState

	// HardState is to be saved before Messages are sent. It is nil if it has
	// not changed.
	HardState *pb.HardState

	// Snapshot is to be saved before Entries, replacing the whole log, and
	// applied before any CommittedEntries. It is nil if there is none.
	Snapshot *pb.Snapshot

	// Entries are to be saved before Messages are sent. They replace whatever
	// the log holds from the first of them on.
	Entries []*pb.Entry

	// CommittedEntries are to be applied. They are in Storage, or among the
	// Entries of this Ready.
	CommittedEntries []*pb.Entry

	// ReadStates answer ReadIndex.
	ReadStates []ReadState //lab:private

	// Messages are to be sent once everything above is durable. The application
	// must report with ReportSnapshot what became of each MsgSnapshot.
	Messages []*pb.Message

	// MustSync is true if HardState, Entries or Snapshot must be on disk
	// before Messages are sent. It is false if only the commit index changed:
	// that may be lost in a crash.
	MustSync bool
}

// RawNode drives a Raft and gathers its work in Readys. It must not be used from
// several goroutines at once; Node may.
type RawNode struct {
	raft *Raft

	// What the last Ready said: the next one says what has changed since.
	soft SoftState
	hard hardState
}

type hardState struct{ term, vote, commit uint64 }

func (r *Raft) softState() SoftState { return SoftState{Lead: r.lead, RaftState: r.state} }
func (r *Raft) hardState() hardState { return hardState{r.term, r.vote, r.log.committed} }

// NewRawNode returns a node in the state that c.Storage holds: empty, or as the
// last incarnation left it, by a crash or not. It returns an error if c is
// invalid or the state cannot be read.
//
//lab:implement 2AC
func NewRawNode(c *Config) (*RawNode, error) {
	r, err := New(c)
	if err != nil {
		return nil, err
	}
	return &RawNode{raft: r, soft: r.softState(), hard: r.hardState()}, nil
}

// Tick advances the node's clock by one tick.
func (rn *RawNode) Tick() { rn.raft.Tick() }

// Campaign starts an election now.
func (rn *RawNode) Campaign() error {
	return rn.raft.Step(&pb.Message{MsgType: pb.MessageType_MsgHup})
}

// Propose appends one entry for each of data to the leader's log, all together
// or, on an error, none: ErrNotLeader if this node is not the leader,
// ErrLeaderTransfer while it hands over its leadership. The node keeps the
// data.
//
// index is that of the first entry, the others follow it; term is that of all.
// Success does not mean that they will be committed: a later leader may replace
// them. The entry that is committed at an index is the proposed one if its term
// is the same (§5.3), and only then.
func (rn *RawNode) Propose(data ...[]byte) (index, term uint64, err error) {
	entries := make([]*pb.Entry, len(data))
	for i, d := range data {
		entries[i] = &pb.Entry{Data: d}
	}
	return rn.propose(entries)
}

// ProposeConfChange is Propose for a change of membership. It also returns
// ErrConfChangePending, while an earlier change may not have been applied. The
// change takes effect with ApplyConfChange, once its entry comes back committed.
func (rn *RawNode) ProposeConfChange(cc *pb.ConfChange) (index, term uint64, err error) {
	e, err := confChangeEntry(cc)
	if err != nil {
		return 0, 0, err
	}
	return rn.propose([]*pb.Entry{e})
}

func (rn *RawNode) propose(entries []*pb.Entry) (index, term uint64, err error) {
	r := rn.raft
	if err := r.propose(entries); err != nil {
		return 0, 0, err
	}
	return r.log.LastIndex() + 1 - uint64(len(entries)), r.term, nil
}

// ApplyConfChange puts a committed change into effect and returns the new
// membership, to be saved with the applied index. The application calls it for
// each EntryConfChange in CommittedEntries, in order. To refuse a change, it
// passes one whose NodeId is None.
//
//lab:implement 3A
func (rn *RawNode) ApplyConfChange(cc *pb.ConfChange) *pb.ConfState {
	if cc.NodeId != None {
		switch cc.ChangeType {
		case pb.ConfChangeType_AddNode:
			rn.raft.addNode(cc.NodeId)
		case pb.ConfChangeType_RemoveNode:
			rn.raft.removeNode(cc.NodeId)
		}
	}
	return rn.raft.confState()
}

// Step hands the node a message from another member. It returns ErrStepLocalMsg
// or ErrStepPeerNotFound for a message that no member can have sent. It also
// takes a MsgPropose, and returns what Propose returns for its entries.
func (rn *RawNode) Step(m *pb.Message) error {
	switch m.MsgType {
	case pb.MessageType_MsgHup, pb.MessageType_MsgBeat,
		pb.MessageType_MsgUnreachable, pb.MessageType_MsgSnapStatus:
		return ErrStepLocalMsg
	case pb.MessageType_MsgAppendResponse, pb.MessageType_MsgRequestVoteResponse,
		pb.MessageType_MsgHeartbeatResponse:
		if rn.raft.progress(m.From) == nil {
			return ErrStepPeerNotFound
		}
	}
	return rn.raft.Step(m)
}

// TransferLeader asks the leader to hand over to the member transferee (thesis
// §3.10). A node that is not the leader forwards the request. It may fail
// without a notice: Status shows a transfer under way, SoftState the next
// leader.
func (rn *RawNode) TransferLeader(transferee uint64) {
	_ = rn.raft.Step(&pb.Message{MsgType: pb.MessageType_MsgTransferLeader, From: transferee})
}

// ReportUnreachable tells the node that its last message to id was not sent.
func (rn *RawNode) ReportUnreachable(id uint64) {
	_ = rn.raft.Step(&pb.Message{MsgType: pb.MessageType_MsgUnreachable, From: id})
}

// ReportSnapshot tells the node whether the snapshot sent to id has arrived. It
// must be called once for every MsgSnapshot: until then, or until id acknowledges
// it, no other snapshot is sent to id. (This node sends it nothing but heartbeats
// meanwhile.)
func (rn *RawNode) ReportSnapshot(id uint64, arrived bool) {
	_ = rn.raft.Step(&pb.Message{MsgType: pb.MessageType_MsgSnapStatus, From: id, Reject: !arrived})
}

// HasReady reports whether there is a Ready to handle: whether any part of it
// would not be empty. It changes nothing, however often it is called: neither
// what Ready and Status return nor any later message. (In one case the Ready is
// empty: when a snapshot is to be sent that Storage does not have yet.)
//
//lab:implement 2AC
func (rn *RawNode) HasReady() bool {
	r := rn.raft
	return len(r.msgs) > 0 || r.lacksAppends() ||
		r.log.stable < r.log.LastIndex() ||
		r.log.hasNextCommitted() ||
		r.log.snapshot != nil ||
		len(r.reads.states) > 0 ||
		r.hardState() != rn.hard ||
		r.softState() != rn.soft
}

// Ready returns what is to be done now. The application does it, and calls
// Advance, before it calls Ready again.
//
//lab:implement 2AC
func (rn *RawNode) Ready() Ready {
	r := rn.raft
	rd := Ready{
		Snapshot:         r.log.snapshot,
		Entries:          r.log.unstable(),
		CommittedEntries: r.log.nextCommitted(r.maxCommittedSizePerReady),
		ReadStates:       r.reads.states,
		Messages:         r.Messages(),
	}
	r.reads.states = nil
	if soft := r.softState(); soft != rn.soft {
		rn.soft = soft
		rd.SoftState = &SoftState{Lead: soft.Lead, RaftState: soft.RaftState}
	}
	before, hard := rn.hard, r.hardState()
	if hard != before {
		rn.hard = hard
		rd.HardState = &pb.HardState{Term: hard.term, Vote: hard.vote, Commit: hard.commit}
	}
	rd.MustSync = hard.term != before.term || hard.vote != before.vote ||
		len(rd.Entries) > 0 || rd.Snapshot != nil
	return rd
}

// Advance tells the node that everything in rd has been done. A second call
// changes nothing, even after a later Ready was advanced. The node may have been stepped since: what it has replaced
// meanwhile comes with the next Ready.
//
//lab:implement 2AC
func (rn *RawNode) Advance(rd Ready) {
	r := rn.raft
	if rd.Snapshot != nil {
		r.log.restored(rd.Snapshot.Metadata.Index)
	}
	if n := len(rd.Entries); n > 0 {
		last := rd.Entries[n-1]
		r.log.stableTo(last.Index, last.Term)
	}
	if n := len(rd.CommittedEntries); n > 0 {
		r.log.appliedTo(rd.CommittedEntries[n-1].Index)
	}
	r.forgetReplicated()
}

// forgetReplicated drops from memory the entries that will not be read soon: a
// leader keeps those that it is still sending, within bounds.
//
//lab:private
func (r *Raft) forgetReplicated() {
	const maxBytes = 4 << 20
	index := r.log.LastIndex() + 1
	if r.state == StateLeader {
		for _, p := range r.members {
			if p.State == StateReplicate {
				index = min(index, p.Match+1)
			}
		}
	}
	r.log.forget(index, maxBytes)
}

// BasicStatus is Status without Nodes and Progress, and allocates nothing.
func (rn *RawNode) BasicStatus() Status { return rn.raft.basicStatus() }

// Status returns a copy of the node's state.
func (rn *RawNode) Status() Status { return rn.raft.Status() }
