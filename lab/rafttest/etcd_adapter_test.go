package rafttest_test

import (
	"crypto/rand"
	"fmt"
	"io"
	"log"
	"slices"

	"github.com/pingcap/errors"
	etcd "go.etcd.io/raft/v3"
	etcdpb "go.etcd.io/raft/v3/raftpb"
	"go.etcd.io/raft/v3/tracker"
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/lab/rafttest"
	pb "github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/raft"
)

// etcdRaft lets the suite drive go.etcd.io/raft: a Raft that was written
// elsewhere. The adapter translates between its messages and ours, and makes up
// for these differences of the surface:
//
//   - it panics where our constructor returns an error;
//   - its application must not give it a commit index or an applied index that is
//     behind its snapshot;
//   - its MustSync says nothing of snapshots;
//   - it draws election timeouts from crypto/rand, not from its configuration.
//
// With checkQuorum, a leader that is heard by no majority steps down, and nodes that
// hear from a leader ignore candidates (thesis §4.2.3, §6.2). With preVote, a campaign
// begins with a question that changes no term (thesis §9.6). The suite has no message
// for that question: on the network of a group it travels as a stranger, and where a
// test plays the other nodes (unasked), the node takes it for granted at once.
type etcdRaft struct{ checkQuorum, preVote, unasked bool }

func (e etcdRaft) Name() string {
	name := "etcd"
	if e.checkQuorum {
		name += ", CheckQuorum"
	}
	if e.preVote {
		name += ", PreVote"
	}
	return name
}

func (e etcdRaft) NewRawNode(c *raft.Config) (rafttest.RawNode, error) { return newEtcdRawNode(e, c) }

// NewNode returns a RawNode that saves, applies and advances by itself.
func (e etcdRaft) NewNode(c *raft.Config) (rafttest.Node, error) {
	hard, conf, err := c.Storage.InitialState()
	if err != nil {
		return nil, err
	}
	snapshot, err := c.Storage.Snapshot()
	if err != nil {
		return nil, err
	}
	last, err := c.Storage.LastIndex()
	if err != nil {
		return nil, err
	}
	entries, err := c.Storage.Entries(snapshot.Metadata.Index+1, last+1, raft.NoLimit)
	if err != nil {
		return nil, err
	}
	// The suite's storage stays as it is, so the node gets a copy.
	disk := rafttest.NewDisk(conf.Nodes)
	saved := raft.Ready{HardState: hard, Entries: entries}
	if snapshot.Metadata.Index > 0 {
		saved.Snapshot = snapshot
	}
	if err := disk.Save(saved); err != nil {
		return nil, err
	}
	disk.SetConfState(conf)
	disk.Sync()
	own := *c
	own.Storage = disk
	raw, err := newEtcdRawNode(e, &own)
	if err != nil {
		return nil, err
	}
	n := &etcdNode{raw: raw, disk: disk}
	return n, n.settle()
}

type etcdNode struct {
	raw  *etcdRawNode
	disk *rafttest.Disk
	msgs []*pb.Message
}

// settle handles Readys until there are none.
func (n *etcdNode) settle() error {
	for n.raw.HasReady() {
		rd := n.raw.Ready()
		if err := n.disk.Save(rd); err != nil {
			return err
		}
		n.disk.Sync()
		n.msgs = append(n.msgs, rd.Messages...)
		for _, e := range rd.CommittedEntries {
			if e.EntryType == pb.EntryType_EntryConfChange {
				cc := &pb.ConfChange{}
				if err := proto.Unmarshal(e.Data, cc); err != nil {
					return err
				}
				n.disk.SetConfState(n.raw.ApplyConfChange(cc))
			}
		}
		n.raw.Advance(rd)
	}
	return nil
}

func (n *etcdNode) Tick() {
	n.raw.Tick()
	if err := n.settle(); err != nil {
		panic(err)
	}
}

func (n *etcdNode) Step(m *pb.Message) error {
	err := n.raw.stepAny(m)
	if failed := n.settle(); failed != nil {
		return failed
	}
	return err
}

func (n *etcdNode) Messages() []*pb.Message {
	msgs := n.msgs
	n.msgs = nil
	return msgs
}

func (n *etcdNode) Status() raft.Status { return n.raw.Status() }

func (n *etcdNode) Entries() []*pb.Entry {
	first, _ := n.disk.FirstIndex()
	last, _ := n.disk.LastIndex()
	entries, err := n.disk.Entries(first, last+1, raft.NoLimit)
	if err != nil {
		panic(err)
	}
	return entries
}

type etcdRawNode struct {
	node     *etcd.RawNode
	timeouts io.Reader
	unasked  bool

	// led is the last term in which the node became the leader, last the index
	// of the last entry that it has appended in it.
	led, last uint64
}

func newEtcdRawNode(e etcdRaft, c *raft.Config) (n *etcdRawNode, err error) {
	if c.RandIntN == nil {
		return nil, errors.New("no source of randomness")
	}
	n = &etcdRawNode{timeouts: timeouts{c}, unasked: e.unasked}
	var storage etcd.Storage
	applied := c.Applied
	if c.Storage != nil {
		first, err := c.Storage.FirstIndex()
		if err != nil {
			return nil, err
		}
		storage = etcdStorage{c.Storage}
		applied = max(applied, first-1)
	}
	defer func() {
		if v := recover(); v != nil {
			n, err = nil, errors.Errorf("etcd: %v", v)
		}
	}()
	n.draw()
	n.node, err = etcd.NewRawNode(&etcd.Config{
		ID:                        c.ID,
		ElectionTick:              c.ElectionTick,
		HeartbeatTick:             c.HeartbeatTick,
		Storage:                   storage,
		Applied:                   applied,
		MaxSizePerMsg:             raft.NoLimit,
		MaxInflightMsgs:           256,
		DisableProposalForwarding: true,
		StepDownOnRemoval:         true,
		CheckQuorum:               e.checkQuorum,
		PreVote:                   e.preVote,
		Logger:                    quiet,
	})
	return n, err
}

// quiet panics when it is told to, and says nothing.
var quiet = &etcd.DefaultLogger{Logger: log.New(io.Discard, "", 0)}

// timeouts is a source of random bytes from which rand.Int reads what
// Config.RandIntN says: the only number that the library draws is below
// ElectionTick.
type timeouts struct{ c *raft.Config }

func (r timeouts) Read(p []byte) (int, error) {
	n := r.c.RandIntN(r.c.ElectionTick)
	for i := range p {
		p[len(p)-1-i] = byte(n >> (8 * i))
	}
	return len(p), nil
}

// draw makes the library draw from this node's source of randomness. Everything
// that may draw calls it first.
func (n *etcdRawNode) draw() { rand.Reader = n.timeouts }

func (n *etcdRawNode) Tick() {
	n.draw()
	n.node.Tick()
	n.grantQuestions()
	n.noteElection()
}

// grantQuestions makes all other members answer the question that begins a campaign,
// if the node has just asked it, and no other node will.
func (n *etcdRawNode) grantQuestions() {
	st := n.node.BasicStatus()
	if !n.unasked || st.RaftState != etcd.StatePreCandidate {
		return
	}
	var others []uint64
	n.node.WithProgress(func(id uint64, _ etcd.ProgressType, _ tracker.Progress) {
		if id != st.ID {
			others = append(others, id)
		}
	})
	for _, id := range others {
		t, term := etcdpb.MsgPreVoteResp, st.HardState.GetTerm()+1
		if err := n.node.Step(&etcdpb.Message{Type: &t, From: &id, To: &st.ID, Term: &term}); err != nil {
			panic(err)
		}
	}
}

func (n *etcdRawNode) Campaign() error {
	n.draw()
	defer n.noteElection()
	err := fromEtcdError(n.node.Campaign())
	n.grantQuestions()
	return err
}

func (n *etcdRawNode) Propose(data ...[]byte) (index, term uint64, err error) {
	entries := make([]*etcdpb.Entry, len(data))
	for i, d := range data {
		entries[i] = &etcdpb.Entry{Data: d}
	}
	return n.propose(entries)
}

func (n *etcdRawNode) ProposeConfChange(cc *pb.ConfChange) (index, term uint64, err error) {
	t := etcdpb.EntryConfChange
	return n.propose([]*etcdpb.Entry{{Type: &t, Data: encode(toEtcdChange(cc))}})
}

// propose steps a message with entries. The library does not say where it puts
// them, but a leader appends nothing else, except its first entry.
func (n *etcdRawNode) propose(entries []*etcdpb.Entry) (index, term uint64, err error) {
	t, from := etcdpb.MsgProp, n.node.BasicStatus().ID
	err = n.node.Step(&etcdpb.Message{Type: &t, From: &from, Entries: entries})
	if err != nil {
		return 0, 0, n.fromProposalError(err)
	}
	index = n.last + 1
	n.last += uint64(len(entries))
	return index, n.led, nil
}

// noteElection must be called after everything that may make the node the
// leader: at that moment it knows of itself that it matches what is before its
// first entry.
func (n *etcdRawNode) noteElection() {
	st := n.node.BasicStatus()
	if st.RaftState != etcd.StateLeader || st.HardState.GetTerm() == n.led {
		return
	}
	n.led = st.HardState.GetTerm()
	n.node.WithProgress(func(id uint64, _ etcd.ProgressType, p tracker.Progress) {
		if id == st.ID {
			n.last = p.Match + 1
		}
	})
}

// fromProposalError tells by the node's status why it has refused a proposal: the
// library has one error for all reasons.
func (n *etcdRawNode) fromProposalError(err error) error {
	switch status := n.node.BasicStatus(); {
	case err != etcd.ErrProposalDropped:
		return fromEtcdError(err)
	case status.LeadTransferee != raft.None:
		return raft.ErrLeaderTransfer
	default:
		return raft.ErrNotLeader
	}
}

func (n *etcdRawNode) ApplyConfChange(cc *pb.ConfChange) *pb.ConfState {
	n.draw()
	return fromEtcdConfState(n.node.ApplyConfChange(toEtcdChange(cc)))
}

func (n *etcdRawNode) Step(m *pb.Message) error {
	if m.MsgType == pb.MessageType_MsgPropose {
		_, _, err := n.propose(toEtcdEntries(m.Entries))
		return err
	}
	n.draw()
	defer n.noteElection()
	return fromEtcdError(n.node.Step(toEtcdMessage(m)))
}

// stepAny also takes local messages, which RawNode.Step rejects.
func (n *etcdRawNode) stepAny(m *pb.Message) error {
	switch m.MsgType {
	case pb.MessageType_MsgHup:
		return n.Campaign()
	case pb.MessageType_MsgBeat:
		beat := toEtcdMessage(m)
		from := uint64(etcd.LocalAppendThread)
		beat.From = &from
		return fromEtcdError(n.node.Step(beat))
	case pb.MessageType_MsgUnreachable:
		n.ReportUnreachable(m.From)
		return nil
	case pb.MessageType_MsgSnapStatus:
		n.ReportSnapshot(m.From, !m.Reject)
		return nil
	}
	return n.Step(m)
}

func (n *etcdRawNode) TransferLeader(transferee uint64) {
	n.draw()
	n.node.TransferLeader(transferee)
}

func (n *etcdRawNode) ReportUnreachable(id uint64) { n.node.ReportUnreachable(id) }

func (n *etcdRawNode) ReportSnapshot(id uint64, arrived bool) {
	status := etcd.SnapshotFailure
	if arrived {
		status = etcd.SnapshotFinish
	}
	n.node.ReportSnapshot(id, status)
}

func (n *etcdRawNode) HasReady() bool { return n.node.HasReady() }

func (n *etcdRawNode) Ready() raft.Ready {
	from := n.node.Ready()
	rd := raft.Ready{
		Entries:          fromEtcdEntries(from.Entries),
		CommittedEntries: fromEtcdEntries(from.CommittedEntries),
		MustSync:         from.MustSync,
	}
	if from.SoftState != nil {
		soft := fromEtcdSoftState(*from.SoftState)
		rd.SoftState = &soft
	}
	if !etcd.IsEmptyHardState(from.HardState) {
		rd.HardState = &pb.HardState{Term: from.HardState.GetTerm(), Vote: from.HardState.GetVote(), Commit: from.HardState.GetCommit()}
	}
	if !etcd.IsEmptySnap(from.Snapshot) {
		rd.Snapshot = fromEtcdSnapshot(from.Snapshot)
		rd.MustSync = true
	}
	for _, m := range from.Messages {
		if n.unasked && m.GetType() == etcdpb.MsgPreVote {
			continue
		}
		rd.Messages = append(rd.Messages, fromEtcdMessage(m))
	}
	return rd
}

func (n *etcdRawNode) Advance(raft.Ready) {
	n.draw()
	// The library remembers by itself what it has handed out.
	n.node.Advance(etcd.Ready{})
	n.noteElection()
}

func (n *etcdRawNode) Status() raft.Status {
	basic := n.node.BasicStatus()
	s := raft.Status{
		ID:             basic.ID,
		Term:           basic.HardState.GetTerm(),
		Vote:           basic.HardState.GetVote(),
		Commit:         basic.HardState.GetCommit(),
		SoftState:      fromEtcdSoftState(basic.SoftState),
		Applied:        basic.Applied,
		LeadTransferee: basic.LeadTransferee,
	}
	if s.RaftState == raft.StateLeader {
		s.Progress = map[uint64]raft.Progress{}
	}
	// Every node keeps a progress of every member, ascending, but only that of a
	// leader means anything.
	n.node.WithProgress(func(id uint64, _ etcd.ProgressType, p tracker.Progress) {
		s.Nodes = append(s.Nodes, id)
		if s.Progress != nil {
			s.Progress[id] = raft.Progress{ID: id, Match: p.Match, Next: p.Next}
		}
	})
	return s
}

// etcdStorage is a raft.Storage as the library wants it.
type etcdStorage struct{ raft.Storage }

func (s etcdStorage) InitialState() (*etcdpb.HardState, *etcdpb.ConfState, error) {
	hard, conf, err := s.Storage.InitialState()
	if err != nil {
		return nil, nil, toEtcdError(err)
	}
	first, err := s.FirstIndex()
	if err != nil {
		return nil, nil, toEtcdError(err)
	}
	var to *etcdpb.HardState
	if hard.GetTerm() != 0 || hard.GetVote() != 0 || hard.GetCommit() != 0 {
		commit := max(hard.Commit, first-1)
		to = &etcdpb.HardState{Term: &hard.Term, Vote: &hard.Vote, Commit: &commit}
	}
	return to, toEtcdConfState(conf), nil
}

func (s etcdStorage) Entries(lo, hi, maxSize uint64) ([]*etcdpb.Entry, error) {
	entries, err := s.Storage.Entries(lo, hi, maxSize)
	return toEtcdEntries(entries), toEtcdError(err)
}

func (s etcdStorage) Term(i uint64) (uint64, error) {
	term, err := s.Storage.Term(i)
	return term, toEtcdError(err)
}

func (s etcdStorage) Snapshot() (*etcdpb.Snapshot, error) {
	snapshot, err := s.Storage.Snapshot()
	return toEtcdSnapshot(snapshot), toEtcdError(err)
}

var etcdErrors = map[error]error{
	raft.ErrCompacted:                      etcd.ErrCompacted,
	raft.ErrUnavailable:                    etcd.ErrUnavailable,
	raft.ErrSnapshotTemporarilyUnavailable: etcd.ErrSnapshotTemporarilyUnavailable,
	raft.ErrStepLocalMsg:                   etcd.ErrStepLocalMsg,
	raft.ErrStepPeerNotFound:               etcd.ErrStepPeerNotFound,
}

func toEtcdError(err error) error {
	if to, ok := etcdErrors[err]; ok {
		return to
	}
	return err
}

func fromEtcdError(err error) error {
	for ours, theirs := range etcdErrors {
		if err == theirs {
			return ours
		}
	}
	return err
}

var etcdTypes = map[pb.MessageType]etcdpb.MessageType{
	pb.MessageType_MsgHup:                 etcdpb.MsgHup,
	pb.MessageType_MsgBeat:                etcdpb.MsgBeat,
	pb.MessageType_MsgPropose:             etcdpb.MsgProp,
	pb.MessageType_MsgAppend:              etcdpb.MsgApp,
	pb.MessageType_MsgAppendResponse:      etcdpb.MsgAppResp,
	pb.MessageType_MsgRequestVote:         etcdpb.MsgVote,
	pb.MessageType_MsgRequestVoteResponse: etcdpb.MsgVoteResp,
	pb.MessageType_MsgSnapshot:            etcdpb.MsgSnap,
	pb.MessageType_MsgHeartbeat:           etcdpb.MsgHeartbeat,
	pb.MessageType_MsgHeartbeatResponse:   etcdpb.MsgHeartbeatResp,
	pb.MessageType_MsgTransferLeader:      etcdpb.MsgTransferLeader,
	pb.MessageType_MsgTimeoutNow:          etcdpb.MsgTimeoutNow,
	pb.MessageType_MsgUnreachable:         etcdpb.MsgUnreachable,
	pb.MessageType_MsgSnapStatus:          etcdpb.MsgSnapStatus,
	preVote:                               etcdpb.MsgPreVote,
	preVoteResponse:                       etcdpb.MsgPreVoteResp,
}

// The question that begins a campaign, and its answer. Their terms are those of a
// campaign that may never be, which no node is in: they travel as RejectHint.
const (
	preVote         pb.MessageType = 1000
	preVoteResponse pb.MessageType = 1001
)

func isPreVote(t pb.MessageType) bool { return t == preVote || t == preVoteResponse }

var typesOfEtcd = func() map[etcdpb.MessageType]pb.MessageType {
	inverse := map[etcdpb.MessageType]pb.MessageType{}
	for ours, theirs := range etcdTypes {
		inverse[theirs] = ours
	}
	return inverse
}()

func toEtcdMessage(m *pb.Message) *etcdpb.Message {
	t, ok := etcdTypes[m.MsgType]
	if !ok {
		panic(fmt.Sprintf("the library knows no message of type %v", m.MsgType))
	}
	term, hint := m.Term, m.RejectHint
	if isPreVote(m.MsgType) {
		term, hint = hint, 0
	}
	c := &etcdpb.Message{
		Type: &t, To: &m.To, From: &m.From, Term: &term, LogTerm: &m.LogTerm, Index: &m.Index,
		Entries: toEtcdEntries(m.Entries), Commit: &m.Commit,
		Reject: &m.Reject, RejectHint: &hint, Context: m.Context,
	}
	if m.Snapshot != nil {
		c.Snapshot = toEtcdSnapshot(m.Snapshot)
	}
	return c
}

func fromEtcdMessage(m *etcdpb.Message) *pb.Message {
	t, ok := typesOfEtcd[m.GetType()]
	if !ok {
		panic(fmt.Sprintf("unexpected message of type %v", m.GetType()))
	}
	c := &pb.Message{
		MsgType: t, To: m.GetTo(), From: m.GetFrom(), Term: m.GetTerm(), LogTerm: m.GetLogTerm(), Index: m.GetIndex(),
		Entries: fromEtcdEntries(m.Entries), Commit: m.GetCommit(),
		Reject: m.GetReject(), RejectHint: m.GetRejectHint(), Context: m.Context,
	}
	if isPreVote(t) {
		c.Term, c.RejectHint = 0, c.Term
	}
	if !etcd.IsEmptySnap(m.Snapshot) {
		c.Snapshot = fromEtcdSnapshot(m.Snapshot)
	}
	return c
}

func toEtcdEntries(entries []*pb.Entry) []*etcdpb.Entry {
	if entries == nil {
		return nil
	}
	to := make([]*etcdpb.Entry, len(entries))
	for i, e := range entries {
		t, data := etcdpb.EntryNormal, e.Data
		if e.EntryType == pb.EntryType_EntryConfChange {
			cc := &pb.ConfChange{}
			if err := proto.Unmarshal(data, cc); err != nil {
				panic(err)
			}
			t, data = etcdpb.EntryConfChange, encode(toEtcdChange(cc))
		}
		to[i] = &etcdpb.Entry{Type: &t, Term: &e.Term, Index: &e.Index, Data: data}
	}
	return to
}

func fromEtcdEntries(entries []*etcdpb.Entry) []*pb.Entry {
	if entries == nil {
		return nil
	}
	to := make([]*pb.Entry, len(entries))
	for i, e := range entries {
		c := &pb.Entry{Term: e.GetTerm(), Index: e.GetIndex(), Data: e.Data}
		if e.GetType() == etcdpb.EntryConfChange {
			cc := &etcdpb.ConfChange{}
			if err := proto.Unmarshal(e.Data, cc); err != nil {
				panic(err)
			}
			c.EntryType, c.Data = pb.EntryType_EntryConfChange, encode(fromEtcdChange(cc))
		}
		to[i] = c
	}
	return to
}

func encode(m proto.Message) []byte {
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		panic(err)
	}
	return data
}

func toEtcdChange(cc *pb.ConfChange) *etcdpb.ConfChange {
	t := etcdpb.ConfChangeAddNode
	if cc.ChangeType == pb.ConfChangeType_RemoveNode {
		t = etcdpb.ConfChangeRemoveNode
	}
	return &etcdpb.ConfChange{Type: &t, NodeId: &cc.NodeId, Context: cc.Context}
}

func fromEtcdChange(cc *etcdpb.ConfChange) *pb.ConfChange {
	c := &pb.ConfChange{NodeId: cc.GetNodeId(), Context: cc.Context}
	if cc.GetType() == etcdpb.ConfChangeRemoveNode {
		c.ChangeType = pb.ConfChangeType_RemoveNode
	}
	return c
}

func toEtcdConfState(cs *pb.ConfState) *etcdpb.ConfState {
	return etcdpb.EnsureConfState(&etcdpb.ConfState{Voters: cs.GetNodes()})
}

func fromEtcdConfState(cs *etcdpb.ConfState) *pb.ConfState {
	return &pb.ConfState{Nodes: slices.Sorted(slices.Values(cs.GetVoters()))}
}

func toEtcdSnapshot(s *pb.Snapshot) *etcdpb.Snapshot {
	meta := s.GetMetadata()
	index, term := meta.GetIndex(), meta.GetTerm()
	return &etcdpb.Snapshot{Data: s.GetData(), Metadata: &etcdpb.SnapshotMetadata{
		ConfState: toEtcdConfState(meta.GetConfState()), Index: &index, Term: &term,
	}}
}

func fromEtcdSnapshot(s *etcdpb.Snapshot) *pb.Snapshot {
	meta := s.GetMetadata()
	return &pb.Snapshot{Data: s.GetData(), Metadata: &pb.SnapshotMetadata{
		ConfState: fromEtcdConfState(meta.GetConfState()), Index: meta.GetIndex(), Term: meta.GetTerm(),
	}}
}

func fromEtcdSoftState(s etcd.SoftState) raft.SoftState {
	soft := raft.SoftState{Lead: s.Lead}
	switch s.RaftState {
	case etcd.StateFollower, etcd.StatePreCandidate: // it has not begun a term
		soft.RaftState = raft.StateFollower
	case etcd.StateCandidate:
		soft.RaftState = raft.StateCandidate
	case etcd.StateLeader:
		soft.RaftState = raft.StateLeader
	default:
		panic(fmt.Sprintf("unexpected role %v", s.RaftState))
	}
	return soft
}
