package rafttest

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"

	pb "github.com/labkv/labkv/proto/eraftpb"
)

// Everything the suite prints about entries uses one notation: "6/3" is the entry
// at index 6, created in term 3, and 6/3"x" is the same with its data.

// describe returns m on one line, with the fields that count for its type:
//
//	MsgAppend 1->2 in term 3: after 5/2 come [6/3"x" 7/3], commit 5
func describe(m *pb.Message) string {
	if m == nil {
		return "no message"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%v %d->%d", m.MsgType, m.From, m.To)
	if m.Term != 0 {
		fmt.Fprintf(&b, " in term %d", m.Term)
	}
	switch m.MsgType {
	case pb.MessageType_MsgPropose:
		fmt.Fprintf(&b, ": %s", describeEntries(m.Entries))
	case pb.MessageType_MsgAppend:
		fmt.Fprintf(&b, ": after %s come %s, commit %d", position(m.Index, m.LogTerm), describeEntries(m.Entries), m.Commit)
	case pb.MessageType_MsgAppendResponse:
		if m.Reject {
			fmt.Fprintf(&b, ": rejects the append after index %d, hint %s", m.Index, position(m.RejectHint, m.LogTerm))
		} else {
			fmt.Fprintf(&b, ": matches up to index %d", m.Index)
		}
	case pb.MessageType_MsgRequestVote:
		fmt.Fprintf(&b, ": log ends at %s", position(m.Index, m.LogTerm))
	case pb.MessageType_MsgRequestVoteResponse:
		if m.Reject {
			b.WriteString(": refused")
		} else {
			b.WriteString(": granted")
		}
	case pb.MessageType_MsgSnapshot:
		fmt.Fprintf(&b, ": %s", describeSnapshot(m.Snapshot))
	case pb.MessageType_MsgHeartbeat:
		fmt.Fprintf(&b, ": commit %d", m.Commit)
	case pb.MessageType_MsgSnapStatus:
		if m.Reject {
			b.WriteString(": failed")
		} else {
			b.WriteString(": arrived")
		}
	}
	return b.String()
}

// describeMessages returns ms separated by semicolons.
func describeMessages(ms []*pb.Message) string {
	if len(ms) == 0 {
		return "nothing"
	}
	lines := make([]string, len(ms))
	for i, m := range ms {
		lines[i] = describe(m)
	}
	return strings.Join(lines, "; ")
}

// describeEntries returns entries as [5/2"x" 6/3], a long list with its middle
// left out.
func describeEntries(entries []*pb.Entry) string {
	const ends = 6
	var parts []string
	for i, e := range entries {
		if len(entries) > 2*ends+1 && i >= ends && i < len(entries)-ends {
			if i == ends {
				parts = append(parts, "...")
			}
			continue
		}
		parts = append(parts, describeEntry(e))
	}
	return "[" + strings.Join(parts, " ") + "]"
}

func describeEntry(e *pb.Entry) string {
	if e == nil {
		return "nil"
	}
	where := position(e.Index, e.Term)
	if e.Index == 0 && e.Term == 0 {
		where = "" // a proposal has neither yet
	}
	switch {
	case e.EntryType == pb.EntryType_EntryConfChange:
		return where + "(" + describeConfChange(e.Data) + ")"
	case len(e.Data) > 20:
		return fmt.Sprintf("%s(%d bytes)", where, len(e.Data))
	case len(e.Data) > 0:
		return fmt.Sprintf("%s%q", where, e.Data)
	}
	return where
}

func describeConfChange(data []byte) string {
	cc := &pb.ConfChange{}
	if err := proto.Unmarshal(data, cc); err != nil {
		return "unreadable membership change"
	}
	if cc.ChangeType == pb.ConfChangeType_RemoveNode {
		return fmt.Sprintf("remove %d", cc.NodeId)
	}
	return fmt.Sprintf("add %d", cc.NodeId)
}

func describeSnapshot(s *pb.Snapshot) string {
	meta := s.GetMetadata()
	return fmt.Sprintf("snapshot up to %s of nodes %v", position(meta.GetIndex(), meta.GetTerm()), meta.GetConfState().GetNodes())
}

func position(index, term uint64) string { return fmt.Sprintf("%d/%d", index, term) }
