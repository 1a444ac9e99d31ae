package raftstore_test

import (
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/raftserverpb"
	"github.com/labkv/labkv/raft"
)

// A member is one store with a peer of a region that has three, on stores 1 to
// 3. The test plays the other stores: it writes their messages by hand, and
// reads what the store sends.
type member struct {
	*server
	// follower is a store that acknowledges every entry that it is sent. It
	// is 0 if there is none.
	follower uint64
	// sent are the messages that left since the last reset.
	sent []*eraftpb.Message
	// entries are all entries that were ever sent, by index.
	entries map[uint64]*eraftpb.Entry
}

func newMember(t *graded.T, id, maxLog uint64) *member {
	return newMemberOf(t, regionOf(3, "", ""), id, maxLog)
}

func newMemberOf(t *graded.T, region *metapb.Region, id, maxLog uint64) *member {
	return newMemberWith(t, serverConfig{id: id, region: region, maxLog: maxLog})
}

// newMemberWith returns a member with the configuration c, except for its
// transport.
func newMemberWith(t *graded.T, c serverConfig) *member {
	m := &member{entries: map[uint64]*eraftpb.Entry{}}
	c.transport = m
	m.server = newServer(t, c)
	return m
}

// Send implements raftstore.Transport. What neighbours of the region send is
// lost, and so is what is not a message of Raft.
func (m *member) Send(r *raftserverpb.RaftMessage) {
	if r.RegionId != m.region.Id || r.Message == nil {
		return
	}
	m.sent = append(m.sent, r.Message)
	for _, e := range r.Message.Entries {
		m.entries[e.Index] = e
	}
	if r.Message.To == m.follower {
		m.answerFor(r.Message)
	}
}

// answerFor answers a message to the follower.
func (m *member) answerFor(sent *eraftpb.Message) {
	answer := &eraftpb.Message{From: m.follower, Term: sent.Term}
	switch sent.MsgType {
	case eraftpb.MessageType_MsgAppend:
		answer.MsgType, answer.Index = eraftpb.MessageType_MsgAppendResponse, sent.Index+uint64(len(sent.Entries))
	case eraftpb.MessageType_MsgHeartbeat:
		answer.MsgType, answer.Context = eraftpb.MessageType_MsgHeartbeatResponse, sent.Context
	default:
		return
	}
	m.step(m.id, answer)
}

// step puts a message to a peer into the store's inbox.
func (m *member) step(to uint64, message *eraftpb.Message) {
	message = proto.CloneOf(message)
	message.To = to
	m.Step(&raftserverpb.RaftMessage{
		RegionId: m.region.Id, RegionEpoch: m.region.RegionEpoch,
		FromPeer: m.region.Peers[message.From-1], ToPeer: &metapb.Peer{Id: to, StoreId: m.id}, Message: message,
	})
}

// receive delivers a message and lets the store work. sent then holds what the
// store has sent since.
func (m *member) receive(message *eraftpb.Message) {
	m.sent = nil
	m.step(m.id, message)
	m.work()
}

// ask delivers a message, and returns the answer of type want, which must come.
func (m *member) ask(message *eraftpb.Message, want eraftpb.MessageType) *eraftpb.Message {
	m.t.Helper()
	m.receive(message)
	answer := m.lastTo(message.From, want)
	if answer == nil {
		m.t.Fatalf("a %v of term %d, about index %d, was not answered with a %v", message.MsgType, message.Term, message.Index, want)
	}
	return answer
}

// lastTo returns the last message of type want to a store, or nil.
func (m *member) lastTo(to uint64, want eraftpb.MessageType) *eraftpb.Message {
	for _, sent := range slices.Backward(m.sent) {
		if sent.To == to && sent.MsgType == want {
			return sent
		}
	}
	return nil
}

// appendOf returns a leader's append of entries after (prev, prevTerm).
func appendOf(from, term, prev, prevTerm uint64, entries ...*eraftpb.Entry) *eraftpb.Message {
	return &eraftpb.Message{MsgType: eraftpb.MessageType_MsgAppend, From: from, Term: term, Index: prev, LogTerm: prevTerm, Entries: entries}
}

// emptyEntries returns the entries [first, last] of a term, without data.
func emptyEntries(term, first, last uint64) (entries []*eraftpb.Entry) {
	for i := first; i <= last; i++ {
		entries = append(entries, &eraftpb.Entry{Index: i, Term: term})
	}
	return entries
}

// append delivers an append, and returns the answer.
func (m *member) append(from, term, prev, prevTerm uint64, entries []*eraftpb.Entry, commit uint64) *eraftpb.Message {
	m.t.Helper()
	message := appendOf(from, term, prev, prevTerm, entries...)
	message.Commit = commit
	return m.ask(message, eraftpb.MessageType_MsgAppendResponse)
}

// appendAll sends the entries after prev, up to last, from a leader of their
// term, and requires that they are acknowledged.
func (m *member) appendAll(from, term, prev, prevTerm, last uint64) {
	m.t.Helper()
	if m.append(from, term, prev, prevTerm, emptyEntries(term, prev+1, last), 0).Reject {
		m.t.Fatalf("an append that fits, of entries %d to %d, was rejected", prev+1, last)
	}
}

// appendLong sends more than n entries after prev, without data, from a leader
// of their term, and requires that they are acknowledged. They are committed if
// commits is true. It returns the index of the last.
func (m *member) appendLong(from, term, prev, prevTerm uint64, n int, commits bool) uint64 {
	m.t.Helper()
	const most = 27000 // in one message
	for end := prev + uint64(n); prev <= end; prevTerm = term {
		last, commit := prev+most, uint64(0)
		if commits {
			commit = last
		}
		if m.append(from, term, prev, prevTerm, emptyEntries(term, prev+1, last), commit).Reject {
			m.t.Fatalf("an append that fits, of entries %d to %d, was rejected", prev+1, last)
		}
		prev = last
	}
	return prev
}

// voteOf returns the request of a candidate whose log ends with the entry
// (index, logTerm).
func voteOf(from, term, index, logTerm uint64) *eraftpb.Message {
	return &eraftpb.Message{MsgType: eraftpb.MessageType_MsgRequestVote, From: from, Term: term, Index: index, LogTerm: logTerm}
}

// vote asks for a vote and reports whether it was granted.
func (m *member) vote(from, term, index, logTerm uint64) bool {
	m.t.Helper()
	return !m.ask(voteOf(from, term, index, logTerm), eraftpb.MessageType_MsgRequestVoteResponse).Reject
}

// lead makes the store the leader of a term, with the vote of store 3. It
// returns the store's request for that vote.
func (m *member) lead(term uint64) (request *eraftpb.Message) {
	if m.status().Term < term-1 {
		// A candidate whose messages reach no other store.
		m.receive(voteOf(3, term-1, 0, 0))
	}
	m.sent = nil
	for n := 0; m.lastTo(3, eraftpb.MessageType_MsgRequestVote) == nil; n++ {
		if n > 100 {
			m.t.Fatal("the store hears from no other store for 100 ticks, and does not campaign")
		}
		m.tick()
	}
	request = m.lastTo(3, eraftpb.MessageType_MsgRequestVote)
	if request.Term != term {
		m.t.Fatalf("the store campaigns for term %d, not for term %d", request.Term, term)
	}
	m.receive(&eraftpb.Message{MsgType: eraftpb.MessageType_MsgRequestVoteResponse, From: 3, Term: term})
	if m.status().RaftState != raft.StateLeader {
		m.t.Fatalf("the store has two votes of three in term %d, but it does not lead", term)
	}
	return request
}

// sends makes the store the leader of a term, and requires that it sends the
// entries after last to store 3, whose log ends there.
func (m *member) sends(term, last uint64) {
	m.t.Helper()
	m.lead(term)
	for range 20 {
		a := m.lastTo(3, eraftpb.MessageType_MsgAppend)
		switch {
		case a == nil:
			m.receive(&eraftpb.Message{MsgType: eraftpb.MessageType_MsgHeartbeatResponse, From: 3, Term: term})
		case a.Index == last && len(a.Entries) > 0 && a.Entries[0].Index == last+1:
			return
		default:
			m.receive(&eraftpb.Message{
				MsgType: eraftpb.MessageType_MsgAppendResponse, From: 3, Term: term, Reject: true, Index: a.Index, RejectHint: last,
			})
		}
	}
	m.t.Fatalf("the store leads, and its log has entries %d to %d, but it does not send the entries after %d to a follower that needs them",
		m.status().FirstIndex, m.status().LastIndex, last)
}

// compact lets time pass until the log begins after index.
func (m *member) compact(index uint64) {
	for n := 0; m.status().FirstIndex <= index; n++ {
		if s := m.status(); n > 100 {
			m.t.Fatalf("with at most %d applied entries kept, the log still begins at %d after 100 ticks, although it ends at %d and everything is applied",
				m.maxLog, s.FirstIndex, s.LastIndex)
		}
		m.tick()
	}
}

// snapshotFor answers for a follower whose log ends at last, so that it rejects
// all that the store, which leads, sends to it: the entries that it needs are
// compacted. It returns the snapshot that the store sends in the end. Slow work
// begins only after two more rounds; meanwhile is called just before it begins.
func (m *member) snapshotFor(follower, last uint64, meanwhile func()) *eraftpb.Message {
	m.hold = true
	defer func() { m.hold = false }()
	for n := range 100 {
		m.receive(&eraftpb.Message{MsgType: eraftpb.MessageType_MsgHeartbeatResponse, From: follower, Term: m.status().Term})
		if a := m.lastTo(follower, eraftpb.MessageType_MsgAppend); a != nil && m.lastTo(follower, eraftpb.MessageType_MsgSnapshot) == nil {
			m.receive(&eraftpb.Message{
				MsgType: eraftpb.MessageType_MsgAppendResponse, From: follower, Term: a.Term, Reject: true, Index: a.Index, RejectHint: last,
			})
		}
		if sent := m.lastTo(follower, eraftpb.MessageType_MsgSnapshot); sent != nil {
			m.checkSnapshot(sent)
			return sent
		}
		if n == 2 {
			meanwhile()
			m.hold = false
			m.work()
		}
	}
	m.t.Fatalf("the log of store %d ends at %d, and the log of the leader begins at %d, but the leader sends no snapshot, although store %d answers again and again",
		follower, last, m.status().FirstIndex, follower)
	return nil
}

// refuses answers for a follower whose log ends at last, so that it rejects all
// that the store, which leads, sends to it, again and again.
func (m *member) refuses(follower, last uint64, rounds int) {
	for range rounds {
		m.receive(&eraftpb.Message{MsgType: eraftpb.MessageType_MsgHeartbeatResponse, From: follower, Term: m.status().Term})
		if a := m.lastTo(follower, eraftpb.MessageType_MsgAppend); a != nil && m.lastTo(follower, eraftpb.MessageType_MsgSnapshot) == nil {
			m.receive(&eraftpb.Message{
				MsgType: eraftpb.MessageType_MsgAppendResponse, From: follower, Term: a.Term, Reject: true, Index: a.Index, RejectHint: last,
			})
		}
	}
}

// checkSnapshot requires that the metadata of a snapshot are true.
func (m *member) checkSnapshot(sent *eraftpb.Message) {
	meta, s := sent.Snapshot.Metadata, m.status()
	switch e := m.entries[meta.Index]; {
	case meta.Index > s.Applied:
		m.t.Fatalf("the store sends a snapshot at %d, but has applied only up to %d", meta.Index, s.Applied)
	case meta.Index+1 < s.FirstIndex:
		m.t.Fatalf("the store sends a snapshot at %d, but its log begins at %d: neither has the entries in between", meta.Index, s.FirstIndex)
	case e != nil && e.Term != meta.Term:
		m.t.Fatalf("the snapshot says that entry %d, which it ends with, is of term %d, but it is of term %d", meta.Index, meta.Term, e.Term)
	case !slices.Equal(meta.ConfState.GetNodes(), []uint64{1, 2, 3}):
		m.t.Fatalf("the snapshot says that the members are %v, but they are 1, 2 and 3", meta.ConfState.GetNodes())
	}
}
