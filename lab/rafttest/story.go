package rafttest

import (
	"fmt"
	"strings"
	"time"

	"github.com/labkv/labkv/lab/dice"
	pb "github.com/labkv/labkv/proto/eraftpb"
)

// A story is what is worth telling about a run once it has failed: the turns it
// took, and its last messages. It is kept while the run goes on, as cheaply as
// can be, because it is not known yet how it ends.
type story struct {
	turns []turn

	// messages is a ring of the last ones that were sent or arrived.
	messages [256]passing
	passed   int

	// exchanges are the messages that came from each node to each other node.
	exchanges [maxNodes + 1][maxNodes + 1]exchange
}

// An exchange is what one node sends to another, as far as it repeats itself.
type exchange struct {
	last  [4]uint64 // hashes of the last messages that were not equal
	next  int       // the place in last for another one
	times int       // how many messages in a row were in last already
	since time.Duration
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

func (s *story) arrived(at time.Duration, m *pb.Message) {
	s.pass(passing{at, m, "arrives"})
	if m.MsgType == pb.MessageType_MsgHeartbeat || m.MsgType == pb.MessageType_MsgHeartbeatResponse {
		return // these repeat for good reason
	}
	x := &s.exchanges[m.From][m.To]
	h := gist(m)
	for _, before := range x.last {
		if before == h {
			x.times++
			return
		}
	}
	x.last[x.next] = h
	x.next = (x.next + 1) % len(x.last)
	x.times, x.since = 0, at
}

// maxRepeats is how many messages in a row may say nothing new to the same node. One that
// tries again with every tick comes to a third of it from the beginning of a run until it
// must have recovered.
const maxRepeats = 10_000

// gist is a hash of what a message says.
func gist(m *pb.Message) uint64 {
	h := dice.Mix(uint64(m.MsgType) ^ m.Term<<8 ^ m.Index<<32)
	h = dice.Mix(h ^ m.LogTerm ^ m.Commit<<32)
	h ^= m.RejectHint<<1 ^ uint64(len(m.Entries))<<32
	if m.Reject {
		h++
	}
	return dice.Mix(h ^ m.Snapshot.GetMetadata().GetIndex()<<48)
}

// endless names the exchange between two nodes that has gone on for longest without
// anything new, and tells one round of it. It is "" if there is none.
func (s *story) endless() (found, round string) {
	const worthTelling = 50
	var from, to int
	most := worthTelling
	for a := range s.exchanges {
		for b := range s.exchanges[a] {
			if n := s.exchanges[a][b].times; n > most {
				most, from, to = n, a, b
			}
		}
	}
	if from == 0 {
		return "", ""
	}
	x := &s.exchanges[from][to]
	lines := s.lines(func(m *pb.Message) bool {
		return m.MsgType != pb.MessageType_MsgHeartbeat && m.MsgType != pb.MessageType_MsgHeartbeatResponse &&
			(m.From == uint64(from) && m.To == uint64(to) || m.From == uint64(to) && m.To == uint64(from))
	})
	again, _ := cycle(lines)
	if again == nil {
		again = counted(lines)
	}
	return fmt.Sprintf("since %s nodes %d and %d have said nothing new to each other, in %d messages from %d to %d",
		seconds(x.since), min(from, to), max(from, to), most, from, to), strings.Join(again, "\n")
}

// lines returns the last messages for which is says yes, oldest first.
func (s *story) lines(is func(m *pb.Message) bool) []line {
	var lines []line
	for i := max(0, s.passed-len(s.messages)); i < s.passed; i++ {
		p := s.messages[i%len(s.messages)]
		if is(p.m) {
			lines = append(lines, line{seconds(p.at) + "  ", p.what + ": " + describe(p.m), p.m.MsgType})
		}
	}
	return lines
}

func (s *story) pass(p passing) {
	s.messages[s.passed%len(s.messages)] = p
	s.passed++
}

// describe returns the last turns, and the last messages from and to node, or
// between any two nodes if node is 0.
func (s *story) describe(node uint64) string {
	const lastTurns, lastMessages = 16, 10
	var b strings.Builder
	turns := s.turns
	if len(turns) > lastTurns {
		fmt.Fprintf(&b, "(%d earlier turns left out)\n", len(turns)-lastTurns)
		turns = turns[len(turns)-lastTurns:]
	}
	for _, t := range turns {
		fmt.Fprintf(&b, "%s  %s\n", seconds(t.at), fmt.Sprintf(t.format, t.args...))
	}
	last := shown(s.lines(func(m *pb.Message) bool { return node == 0 || m.From == node || m.To == node }), lastMessages)
	if len(last) > 0 {
		b.WriteString("the last messages:\n")
	}
	for _, l := range last {
		b.WriteString(l + "\n")
	}
	return strings.TrimRight(b.String(), "\n")
}
