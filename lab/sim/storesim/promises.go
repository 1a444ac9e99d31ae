package storesim

import (
	"fmt"

	"github.com/labkv/labkv/kv/raftstore"
	"github.com/labkv/labkv/lab/check"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

// The rules of what must be durable when.
const (
	RulePromises = "a message leaves only when what it promises is durable"
	RuleLogNeeds = "an entry leaves the log only when its effects are durable"
)

// promises compares what stores say to each other with what a power cut at the
// moment they say it would leave them.
type promises struct {
	// terms are the terms of the entries that leaders have sent, by the region, the
	// leader's term and the entry's index. There is one leader to a term.
	terms map[entryOfTerm]uint64
}

type entryOfTerm struct{ region, leader, index uint64 }

func newPromises() promises { return promises{terms: map[entryOfTerm]uint64{}} }

// sent is told that s sends m now. It returns a *check.Violation if m promises what
// is not durable.
func (ps *promises) sent(s *store, rm *raftserverpb.RaftMessage) error {
	m := rm.Message
	if m == nil {
		return nil // it says that a peer was removed
	}
	if err := votes(s, rm); err != nil {
		return err
	}
	if m.MsgType == eraftpb.MessageType_MsgAppend {
		ps.terms[entryOfTerm{rm.RegionId, m.Term, m.Index}] = m.LogTerm
		for _, e := range m.Entries {
			at := entryOfTerm{rm.RegionId, m.Term, e.Index}
			if ps.terms[at] == 0 && e.Term == m.Term {
				s.tellProposed(rm.RegionId, e)
			}
			ps.terms[at] = e.Term
		}
	}
	durable := s.log.Durable()
	state, err := raftstore.LoadRaftState(durable, rm.RegionId)
	if err != nil {
		return nil // the disk is gone: the machine has crashed
	}
	broken := func(promise, has string) error {
		return &check.Violation{Rule: RulePromises, Found: fmt.Sprintf(
			"store %d sends %s of term %d to store %d, which promises %s; but if the power failed now, %s",
			s.id, kindOf(m), m.Term, rm.ToPeer.GetStoreId(), promise, has)}
	}
	hs := state.HardState
	if hs.Term == 0 && state.LastIndex == 0 {
		// A region that a split has made begins with a term that its data show.
		if data, err := raftstore.LoadRegionState(s.data.Durable(), rm.RegionId); err == nil && data.Restoring == nil {
			hs.Term = data.AppliedTerm
		}
	}
	vote := func() string { return "it would be in that term with a vote for " + candidate(hs.Vote) }
	// What a message of an earlier term promises for that term can no longer be
	// broken.
	switch {
	case m.Term > hs.Term:
		return broken("that it is in that term", fmt.Sprintf("it would be in term %d", hs.Term))
	case m.MsgType == eraftpb.MessageType_MsgRequestVote && hs.Term == m.Term && hs.Vote != m.From:
		return broken("that it votes for itself", vote())
	case m.MsgType == eraftpb.MessageType_MsgRequestVoteResponse && !m.Reject && hs.Term == m.Term && hs.Vote != m.To:
		return broken("a vote", vote())
	case m.MsgType != eraftpb.MessageType_MsgAppendResponse || m.Reject || m.Index <= state.TruncatedIndex:
		return nil
	}
	entry, err := raftstore.LoadEntry(durable, rm.RegionId, m.Index)
	term, known := ps.terms[entryOfTerm{rm.RegionId, m.Term, m.Index}]
	if err == nil && entry != nil && state.LastIndex >= m.Index && (!known || entry.Term == term) {
		return nil
	}
	// The data of a snapshot stand for the log up to there, also while the log on the
	// disk is still the one from before: a restart makes them agree.
	data, dataErr := raftstore.LoadRegionState(s.data.Durable(), rm.RegionId)
	promise := fmt.Sprintf("that it has the leader's log up to index %d", m.Index)
	switch {
	case err != nil || dataErr != nil || m.Index <= data.AppliedIndex || lastTerm(durable, rm.RegionId, state) > m.Term:
		return nil
	case entry == nil || state.LastIndex < m.Index:
		return broken(promise, fmt.Sprintf("its log would end at index %d", state.LastIndex))
	}
	return broken(promise, fmt.Sprintf("it would have an entry of term %d there instead of one of term %d", entry.Term, term))
}

// votes returns a *check.Violation if rm is a vote, or asks for one, and its sender may
// not do that.
func votes(s *store, rm *raftserverpb.RaftMessage) error {
	sender := s.replica(rm.RegionId, rm.Message.From)
	switch m := rm.Message; {
	case m.MsgType == eraftpb.MessageType_MsgRequestVote:
		return s.system.members.Acts(sender, "asks for votes")
	case m.MsgType == eraftpb.MessageType_MsgRequestVoteResponse && !m.Reject:
		return s.system.members.Votes(sender)
	}
	return nil
}

// lastTerm returns the term of the last entry of a log, 0 if there is none. If it is
// higher than the term of an acknowledgement, a later leader has replaced what was
// acknowledged, in the same pass. That leader was elected without it, so it never
// was on a majority, and the acknowledgement does no harm.
func lastTerm(durable raftstore.Getter, region uint64, state *raftserverpb.RaftState) uint64 {
	e, err := raftstore.LoadEntry(durable, region, state.LastIndex)
	if err != nil {
		return 0
	}
	return e.GetTerm()
}

func candidate(id uint64) string {
	if id == 0 {
		return "nobody"
	}
	return fmt.Sprint(id)
}

// firstIndex is where the log of a region begins. What it has then comes with the cluster,
// or from the region that was split: the log of that brings it back.
const firstIndex = 1

// watchCompaction checks that what has left the log of a region on s, which is
// idle, is durable in its data.
func watchCompaction(s *store, region uint64, st raftstore.Status) error {
	state, err := raftstore.LoadRegionState(s.data.Durable(), region)
	if err != nil || st.FirstIndex-1 <= max(state.AppliedIndex, firstIndex) {
		return nil // or the disk is gone
	}
	return &check.Violation{Rule: RuleLogNeeds, Found: fmt.Sprintf(
		"the log of store %d begins after index %d; but if the power failed now, its data would be as of index %d, and nothing could bring back what is in between",
		s.id, st.FirstIndex-1, state.AppliedIndex)}
}
