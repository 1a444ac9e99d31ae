package raft

import (
	"cmp"
	"log/slog"
	"slices"

	"github.com/pingcap/errors"

	pb "github.com/labkv/labkv/proto/eraftpb"
)

// StateType is the role of a node (§5.1).
type StateType int

// The roles. A node starts as a follower.
const (
	StateFollower StateType = iota
	StateCandidate
	StateLeader
)

func (s StateType) String() string {
	return [...]string{"follower", "candidate", "leader"}[s]
}

var (
	// ErrNotLeader refuses a proposal because the node is not the leader.
	// Propose to the leader, which Status names if the node knows it.
	ErrNotLeader = errors.New("raft: not the leader")

	// ErrLeaderTransfer refuses a proposal because the leader is handing over
	// its leadership (thesis §3.10). The transfer takes an election timeout at
	// most: propose again, here or to the next leader.
	ErrLeaderTransfer = errors.New("raft: the leader is handing over")

	// ErrConfChangePending refuses a membership change because an earlier one
	// may not have been applied yet (thesis §4.1). Propose again once the
	// leader has applied its log: a refused change leaves no trace.
	ErrConfChangePending = errors.New("raft: another membership change is pending")
)

// Raft is the state machine of one node of one group. It moves with Tick and
// Step only: it does no I/O, starts no goroutine, reads no clock. It leaves
// what is to be done in its outbox and its log, and RawNode hands that over. It
// must not be used from several goroutines at once.
type Raft struct {
	id uint64

	// term is the latest term seen, vote the candidate voted for in it, or
	// None. They are durable before any message of that term leaves.
	term uint64
	vote uint64

	log *Log

	state StateType

	// lead is the leader of this term, or None while it is not known. (A
	// candidate may keep the one that it had: lead is for routing only.)
	lead uint64

	// members are the members of the group, in ascending order of their ids.
	// The order decides in which order messages leave.
	members []*Progress

	// votes are the answers of this term's election, while a candidate.
	votes map[uint64]bool

	// msgs are the messages to be sent, oldest first.
	msgs []*pb.Message

	// heartbeatElapsed counts the ticks since a leader last sent heartbeats.
	heartbeatElapsed int

	// electionElapsed counts the ticks since a follower last heard from its
	// leader or granted a vote, since a candidate began its election, and
	// since a leader began to hand over.
	electionElapsed int

	// randomizedElectionTimeout is the number of ticks after which the node
	// campaigns. It is in [electionTimeout, 2*electionTimeout), drawn anew
	// with every change of term or role (§5.2).
	randomizedElectionTimeout int

	heartbeatTimeout int
	electionTimeout  int
	randIntN         func(n int) int

	// leadTransferee is the member to which this leader is handing over its
	// leadership, or None (thesis §3.10).
	leadTransferee uint64

	// pendingConfIndex bounds the index of the only membership change that
	// may be in the log and not applied. Another one may be proposed once
	// that index is applied (thesis §4.1).
	pendingConfIndex uint64

	// removed has, for each member that a leader removed in its own term, the
	// last index of the leader's log at that moment. If the id is added again
	// in this term, acknowledgements up to there may be late ones of a node
	// that is gone (see Membership in the package comment): they must not
	// count. In a later term they are dropped as stale. A late confirmation of
	// reads may count: that its sender followed this leader after a read was
	// asked for stays true.
	removed map[uint64]uint64 //lab:private

	// termStart is the index of the first entry of a leader's own term.
	termStart uint64 //lab:private
	reads     reads  //lab:private

	maxSizePerMsg            uint64 //lab:private
	maxCommittedSizePerReady uint64 //lab:private
	maxInflight              int    //lab:private

	logger *slog.Logger
}

// New returns a node in the state that c.Storage holds: a follower that knows
// no leader. It returns an error if c is invalid, if the state cannot be read, or
// if what is said to be there contradicts itself: more is committed than the log
// has, or c.Applied is more than is committed. A node that started from that would
// do harm later, and no one would know why.
//
//lab:implement 2AA
func New(c *Config) (*Raft, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	hardState, confState, err := c.Storage.InitialState()
	if err != nil {
		return nil, errors.Annotate(err, "raft: cannot read the initial state")
	}
	r := &Raft{
		id:               c.ID,
		term:             hardState.GetTerm(),
		vote:             hardState.GetVote(),
		log:              newLog(c.Storage),
		heartbeatTimeout: c.HeartbeatTick,
		electionTimeout:  c.ElectionTick,
		randIntN:         c.RandIntN,

		maxSizePerMsg:            orDefault(c.MaxSizePerMsg, NoLimit),
		maxCommittedSizePerReady: orDefault(c.MaxCommittedSizePerReady, NoLimit),
		maxInflight:              orDefault(c.MaxInflightMsgs, 256),

		logger: c.logger(),
	}
	first, last := r.log.applied, r.log.LastIndex()
	if commit := hardState.GetCommit(); commit > last {
		return nil, errors.Errorf("raft: storage says that %d is committed, but its log ends at %d", commit, last)
	}
	r.log.committed = max(r.log.committed, hardState.GetCommit())
	if c.Applied > r.log.committed {
		return nil, errors.Errorf("raft: Config.Applied is %d, but only %d is committed", c.Applied, r.log.committed)
	}
	r.log.applied = max(first, c.Applied)
	r.setMembers(confState.GetNodes())
	r.becomeFollower(r.term, None)
	return r, nil
}

// setMembers makes ids the members of the group.
//
//lab:private
func (r *Raft) setMembers(ids []uint64) {
	last := r.log.LastIndex()
	r.members = make([]*Progress, 0, len(ids))
	for _, id := range ids {
		r.members = append(r.members, newProgress(id, last))
	}
	slices.SortFunc(r.members, func(a, b *Progress) int { return cmp.Compare(a.ID, b.ID) })
}

// newProgress returns what a leader whose log ends at last knows about a
// member that it has not heard from (§5.3).
//
//lab:private
func newProgress(id, last uint64) *Progress {
	return &Progress{ID: id, Next: last + 1, nudge: true}
}

// progress returns what is known about the member id, or nil if there is no
// such member.
func (r *Raft) progress(id uint64) *Progress {
	for _, p := range r.members {
		if p.ID == id {
			return p
		}
	}
	return nil
}

// quorum returns the number of members that form a majority.
func (r *Raft) quorum() int { return len(r.members)/2 + 1 }

// send puts m into the outbox. It fills in the sender and, where the message
// does not say otherwise, the term.
func (r *Raft) send(m *pb.Message) {
	m.From = r.id
	if m.Term == 0 {
		m.Term = r.term
	}
	r.msgs = append(r.msgs, m)
}

// Messages empties the outbox. Before anything leaves, a leader adds the
// appends that its followers lack: proposals and acknowledgements that arrived
// since the last call share a message. RawNode calls it for each Ready; the
// messages may be sent once the state they promise is durable.
func (r *Raft) Messages() []*pb.Message {
	r.replicate()
	msgs := r.msgs
	r.msgs = nil
	return msgs
}

// Log returns the log of the node, for reading.
func (r *Raft) Log() *Log { return r.log }

// Tick advances the node's clock by one tick. A leader sends heartbeats every
// heartbeatTimeout ticks. Any other node starts an election when it has heard
// from no leader for randomizedElectionTimeout ticks (§5.2).
//
//lab:implement 2AA
func (r *Raft) Tick() {
	r.electionElapsed++
	if r.state != StateLeader {
		if r.electionElapsed >= r.randomizedElectionTimeout {
			r.electionElapsed = 0
			r.campaign()
		}
		return
	}
	if r.electionElapsed >= r.electionTimeout {
		// A transfer that takes longer than an election is given up, so
		// that the group can work again (thesis §3.10).
		r.electionElapsed = 0
		r.leadTransferee = None
	}
	r.heartbeatElapsed++
	if r.heartbeatElapsed >= r.heartbeatTimeout {
		r.heartbeatElapsed = 0
		r.broadcastHeartbeat()
	}
}

// Step hands the node a message: one from another member, or one of the local
// types, which carry no term. It returns the error of a refused proposal (see
// propose), and nil for everything else.
//
//lab:implement 2AA
func (r *Raft) Step(m *pb.Message) error {
	switch {
	case m.Term == 0:
		// A local message has no term.
	case m.Term > r.term:
		// A node that sees a higher term adopts it and follows (§5.1).
		r.becomeFollower(m.Term, None)
	case m.Term < r.term:
		r.rejectStale(m)
		return nil
	}

	if isFromLeader(m.MsgType) && !r.hearFromLeader(m.From) {
		return nil
	}
	switch m.MsgType {
	case pb.MessageType_MsgHup:
		r.campaign()
	case pb.MessageType_MsgRequestVote:
		r.handleVoteRequest(m)
	case pb.MessageType_MsgRequestVoteResponse:
		r.handleVoteResponse(m)
	case pb.MessageType_MsgAppend:
		r.handleAppend(m)
	case pb.MessageType_MsgHeartbeat:
		r.handleHeartbeat(m)
	case pb.MessageType_MsgSnapshot:
		r.handleSnapshot(m)
	case pb.MessageType_MsgTimeoutNow:
		r.handleTimeoutNow(m)
	case pb.MessageType_MsgTransferLeader:
		r.handleTransferLeader(m)
	case pb.MessageType_MsgPropose:
		return r.propose(m.Entries)
	}
	if r.state == StateLeader {
		r.stepLeader(m)
	}
	return nil
}

// stepLeader handles the messages that only a leader acts on.
//
//lab:private
func (r *Raft) stepLeader(m *pb.Message) {
	if m.MsgType == pb.MessageType_MsgBeat {
		r.broadcastHeartbeat()
		return
	}
	p := r.progress(m.From)
	if p == nil {
		return // was removed, or never was a member
	}
	switch m.MsgType {
	case pb.MessageType_MsgAppendResponse:
		r.handleAppendResponse(p, m)
	case pb.MessageType_MsgHeartbeatResponse:
		r.handleReadContext(p, m)
		r.handleHeartbeatResponse(p)
	case pb.MessageType_MsgUnreachable:
		r.handleUnreachable(p)
	case pb.MessageType_MsgSnapStatus:
		r.handleSnapStatus(p, m)
	}
}

// rejectStale answers a request of an earlier term with the current one, so
// that its sender steps down (§5.1). Stale answers are dropped.
//
//lab:private
func (r *Raft) rejectStale(m *pb.Message) {
	switch m.MsgType {
	case pb.MessageType_MsgRequestVote:
		r.send(&pb.Message{MsgType: pb.MessageType_MsgRequestVoteResponse, To: m.From, Reject: true})
	case pb.MessageType_MsgAppend, pb.MessageType_MsgHeartbeat, pb.MessageType_MsgSnapshot:
		r.send(&pb.Message{MsgType: pb.MessageType_MsgAppendResponse, To: m.From, Index: m.Index, Reject: true})
	}
}

// isFromLeader reports whether only the leader of a term sends such messages.
//
//lab:private
func isFromLeader(t pb.MessageType) bool {
	switch t {
	case pb.MessageType_MsgAppend, pb.MessageType_MsgHeartbeat, pb.MessageType_MsgSnapshot:
		return true
	}
	return false
}

// hearFromLeader notes that the leader of this term is alive: a candidate has
// lost (§5.2), and the election clock starts anew. It reports whether the message
// may be obeyed: a leader knows that its term has no other.
//
//lab:private
func (r *Raft) hearFromLeader(from uint64) bool {
	switch r.state {
	case StateLeader:
		r.logger.Error("ignored a message of a second leader in the same term", "term", r.term, "from", from)
		return false
	case StateCandidate:
		r.becomeFollower(r.term, from)
	case StateFollower:
		r.lead = from
		r.electionElapsed = 0
	}
	return true
}

// becomeFollower makes the node a follower in term, which is not before its
// own. lead is the leader of that term, or None if it is not known.
//
//lab:implement 2AA
func (r *Raft) becomeFollower(term, lead uint64) {
	r.reset(term)
	r.state = StateFollower
	r.lead = lead
	r.logger.Debug("became follower", "term", term, "lead", lead)
}

// becomeCandidate starts a new term, in which the node votes for itself (§5.2).
// It must not be the leader.
//
//lab:implement 2AA
func (r *Raft) becomeCandidate() {
	if r.state == StateLeader {
		panic("raft: a leader cannot become candidate")
	}
	r.reset(r.term + 1)
	r.state = StateCandidate
	r.vote = r.id
	r.votes = map[uint64]bool{}
	r.logger.Debug("became candidate", "term", r.term)
}

// becomeLeader makes the candidate the leader of its term. It appends an entry
// without data: only an entry of its own term lets it commit earlier ones
// (§5.4.2, §8).
//
//lab:implement 2AA
func (r *Raft) becomeLeader() {
	if r.state == StateFollower {
		panic("raft: a follower cannot become leader")
	}
	r.reset(r.term)
	r.state = StateLeader
	r.lead = r.id
	last := r.log.LastIndex()
	for _, p := range r.members {
		*p = *newProgress(p.ID, last)
	}
	// Any entry of an earlier leader may be a membership change, and only the
	// entry that is appended here settles which of them are committed.
	r.pendingConfIndex = last + 1
	r.termStart = last + 1
	r.appendEntries(&pb.Entry{})
	r.logger.Info("became leader", "term", r.term, "last", last)
}

// reset forgets what belongs to a role or to an earlier term.
//
//lab:private
func (r *Raft) reset(term uint64) {
	if r.term != term {
		r.term = term
		r.vote = None
	}
	r.lead = None
	r.votes = nil
	r.leadTransferee = None
	r.pendingConfIndex = 0
	r.removed = nil
	r.reads.asked = nil
	r.heartbeatElapsed = 0
	r.electionElapsed = 0
	r.randomizedElectionTimeout = r.electionTimeout + r.randIntN(r.electionTimeout)
}
