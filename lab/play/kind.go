package play

import (
	pb "github.com/labkv/labkv/proto/eraftpb"
)

var kinds = []struct {
	kind string
	of   pb.MessageType
}{
	{"request-vote", pb.MessageType_MsgRequestVote},
	{"vote", pb.MessageType_MsgRequestVoteResponse},
	{"append", pb.MessageType_MsgAppend},
	{"append-reply", pb.MessageType_MsgAppendResponse},
	{"heartbeat", pb.MessageType_MsgHeartbeat},
	{"heartbeat-reply", pb.MessageType_MsgHeartbeatResponse},
	{"snapshot", pb.MessageType_MsgSnapshot},
	{"timeout-now", pb.MessageType_MsgTimeoutNow},
	{"transfer", pb.MessageType_MsgTransferLeader},
	{"proposal", pb.MessageType_MsgPropose},
}

// Kinds returns the words for kinds of messages.
func Kinds() []string {
	var all []string
	for _, k := range kinds {
		all = append(all, k.kind)
	}
	return all
}

// Kind returns the word for the kind of m. It is the name of the type, which no script
// can say, for a message that nodes do not send each other in this course.
func Kind(m *pb.Message) string {
	for _, k := range kinds {
		if k.of == m.MsgType {
			return k.kind
		}
	}
	return m.MsgType.String()
}
