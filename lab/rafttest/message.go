package rafttest

import (
	pb "github.com/labkv/labkv/proto/eraftpb"
)

// The messages that a test sends in the name of a node it plays.

func hup() *pb.Message { return &pb.Message{MsgType: pb.MessageType_MsgHup} }

// requestVote asks for a vote for from, whose log ends at (index, logTerm).
func requestVote(from, term, index, logTerm uint64) *pb.Message {
	return &pb.Message{MsgType: pb.MessageType_MsgRequestVote, From: from, Term: term, Index: index, LogTerm: logTerm}
}

func grant(from, term uint64) *pb.Message {
	return &pb.Message{MsgType: pb.MessageType_MsgRequestVoteResponse, From: from, Term: term}
}

func refuse(from, term uint64) *pb.Message {
	return &pb.Message{MsgType: pb.MessageType_MsgRequestVoteResponse, From: from, Term: term, Reject: true}
}

func heartbeat(from, term, commit uint64) *pb.Message {
	return &pb.Message{MsgType: pb.MessageType_MsgHeartbeat, From: from, Term: term, Commit: commit}
}

func heartbeatAnswer(from, term uint64) *pb.Message {
	return &pb.Message{MsgType: pb.MessageType_MsgHeartbeatResponse, From: from, Term: term}
}

// appendAfter carries entries that follow the entry (index, logTerm).
func appendAfter(from, term, index, logTerm, commit uint64, entries ...*pb.Entry) *pb.Message {
	return &pb.Message{
		MsgType: pb.MessageType_MsgAppend, From: from, Term: term,
		Index: index, LogTerm: logTerm, Commit: commit, Entries: entries,
	}
}

// matchUpTo acknowledges an append: the log of from agrees up to index.
func matchUpTo(from, term, index uint64) *pb.Message {
	return &pb.Message{MsgType: pb.MessageType_MsgAppendResponse, From: from, Term: term, Index: index}
}

// rejectAppend rejects the append after index, and suggests to try after hint.
func rejectAppend(from, term, index, hint, hintTerm uint64) *pb.Message {
	return &pb.Message{
		MsgType: pb.MessageType_MsgAppendResponse, From: from, Term: term,
		Index: index, Reject: true, RejectHint: hint, LogTerm: hintTerm,
	}
}

func propose(data ...string) *pb.Message {
	m := &pb.Message{MsgType: pb.MessageType_MsgPropose}
	for _, d := range data {
		m.Entries = append(m.Entries, &pb.Entry{Data: []byte(d)})
	}
	return m
}

// entriesFrom returns entries without data, one for each of terms, from index
// first on.
func entriesFrom(first uint64, terms ...uint64) []*pb.Entry {
	entries := make([]*pb.Entry, len(terms))
	for i, term := range terms {
		entries[i] = &pb.Entry{Term: term, Index: first + uint64(i)}
	}
	return entries
}

// termsOf returns the terms of entries, in order.
func termsOf(entries []*pb.Entry) []uint64 {
	terms := make([]uint64, len(entries))
	for i, e := range entries {
		terms[i] = e.Term
	}
	return terms
}
