package rafttest

import (
	"fmt"
	"strings"
	"time"

	pb "github.com/labkv/labkv/proto/eraftpb"
)

// A story is what is worth telling about a run once it has failed: the turns it
// took, and its last messages. It is kept while the run goes on, as cheaply as
// can be, because it is not known yet how it ends.
type story struct {
	turns []turn

	// messages is a ring of the last ones that were sent or arrived.
	messages [64]passing
	passed   int
}

// A turn is something that changed the course of a run.
type turn struct {
	at     time.Duration
	node   uint64 // 0: concerns every node
	format string
	args   []any
}

// A passing is a message seen on its way.
type passing struct {
	at   time.Duration
	m    *pb.Message
	what string
}

// tell adds a turn. args must not change afterwards.
func (s *story) tell(at time.Duration, node uint64, format string, args ...any) {
	s.turns = append(s.turns, turn{at, node, format, args})
}

func (s *story) sent(at time.Duration, m *pb.Message, arrives bool) {
	if !arrives {
		s.pass(passing{at, m, "lost"})
	}
}

func (s *story) arrived(at time.Duration, m *pb.Message) { s.pass(passing{at, m, "arrives"}) }

func (s *story) pass(p passing) {
	s.messages[s.passed%len(s.messages)] = p
	s.passed++
}

// String returns the last turns, and the last messages from and to node, or
// between any two nodes if node is 0.
func (s *story) describe(node uint64) string {
	const lastTurns, lastMessages = 16, 8
	var b strings.Builder
	turns := s.turns
	if len(turns) > lastTurns {
		fmt.Fprintf(&b, "(%d earlier turns left out)\n", len(turns)-lastTurns)
		turns = turns[len(turns)-lastTurns:]
	}
	for _, t := range turns {
		fmt.Fprintf(&b, "%s  %s\n", seconds(t.at), fmt.Sprintf(t.format, t.args...))
	}
	var lines []string
	for i := s.passed - 1; i >= 0 && i >= s.passed-len(s.messages) && len(lines) < lastMessages; i-- {
		p := s.messages[i%len(s.messages)]
		if node == 0 || p.m.From == node || p.m.To == node {
			lines = append(lines, fmt.Sprintf("%s  %s: %s", seconds(p.at), p.what, describe(p.m)))
		}
	}
	b.WriteString("the last messages:\n")
	for i := len(lines) - 1; i >= 0; i-- {
		b.WriteString(lines[i] + "\n")
	}
	return strings.TrimRight(b.String(), "\n")
}
