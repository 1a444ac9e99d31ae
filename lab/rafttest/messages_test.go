package rafttest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	pb "github.com/labkv/labkv/proto/eraftpb"
)

// linesOf makes lines of words: h is a heartbeat, r the answer to one.
func linesOf(words string) []line {
	var lines []line
	for _, word := range strings.Fields(words) {
		kind := pb.MessageType_MsgAppend
		switch word {
		case "h":
			kind = pb.MessageType_MsgHeartbeat
		case "r":
			kind = pb.MessageType_MsgHeartbeatResponse
		}
		lines = append(lines, line{text: word, kind: kind})
	}
	return lines
}

func TestMessagesAreShort(t *testing.T) {
	for _, c := range []struct{ messages, want string }{
		{"", ""},
		{"a b c", "a|b|c"},
		{"a h r b", "a|h|r|b"},
		{"a h h r r b", "a|… 4 heartbeats and answers to them|b"},
		{"a r r r b", "a|… 3 answers to heartbeats|b"},
		{"h h h h b", "… 4 heartbeats|b"},
		// The last message may be the one that decided.
		{"a h r h r h", "a|… 4 heartbeats and answers to them|h"},
		{"a b a b a b c", "a|b|… these 2 again, 2 more times|c"},
		{"a a a c", "a|… the same 2 more times|c"},
		{"1 2 3 4 5 6 7 8", "(earlier messages left out)|4|5|6|7|8"},
	} {
		require.Equal(t, c.want, strings.Join(shown(linesOf(c.messages), 5), "|"), c.messages)
	}
}

func TestCycle(t *testing.T) {
	again, times := cycle(linesOf("x a b a b a b"))
	require.Equal(t, []string{"a", "b"}, again)
	require.Equal(t, 3, times)
	again, _ = cycle(linesOf("a b a b c"))
	require.Empty(t, again)
}
