// Package play is the playground: a group of nodes of any Raft that is driven by
// hand, an action at a time, by a page in a browser or by a script.
//
// A script is plain text, an action a line; doc/playground.md says what there is. The
// page saves what was done as one, and Test runs one as a Go test, with the same
// result: a run depends on nothing but the implementation and the lines.
package play

import (
	stderrors "errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/lab/rafttest"
)

// A Session is a run of a script, line by line.
type Session struct {
	hand      *rafttest.ByHand
	heartbeat int // ticks between heartbeats

	// refused is why the last action was refused, until an expectation takes note.
	refused error
	// expected are the guarantees that were expected to be broken.
	expected []string
	// effects is what the last action did.
	effects []string
}

// Start begins a session with the group of a script. The error is one of the script:
// a group that cannot be.
func Start(impl rafttest.Implementation, file string, s *Script) (*Session, error) {
	g, err := s.group(file)
	if err != nil {
		return nil, err
	}
	h, err := rafttest.StartByHand(impl, g)
	if err != nil {
		line := 0
		if n := len(s.Header); n > 0 {
			line = s.Header[n-1].Number
		}
		return nil, &Error{file, line, err}
	}
	return &Session{hand: h, heartbeat: g.HeartbeatTick}, nil
}

// Do performs one line. The error says why it cannot happen, which expectation is not
// met, or, as a *rafttest.End, why the run is over. An action that a node refuses is
// not an error of Do, but one of the next action, unless an expectation in between
// takes note.
func (s *Session) Do(l Line) error {
	if l.Expect {
		err := s.expect(l.words[1:])
		if err == nil {
			s.effects = append(s.effects, "as expected: "+strings.Join(l.words[1:], " "))
		}
		return err
	}
	if s.refused != nil {
		return errors.Errorf("the action before was refused: %v; if that is meant, expect refused", s.refused)
	}
	before, broken := s.hand.Nodes(), len(s.hand.Broken())
	err := s.act(l.words[0], l.words[1:], l.Text)
	var refusal *rafttest.Refusal
	if stderrors.As(err, &refusal) {
		s.refused = refusal.Err
		err = nil
	}
	s.effects = changes(before, s.hand.Nodes())
	for _, f := range s.hand.Lost() {
		s.effects = append(s.effects, fmt.Sprintf("lost: %s %d->%d", Kind(f.Message), f.Message.From, f.Message.To))
	}
	if s.refused != nil {
		s.effects = append(s.effects, "refused: "+s.refused.Error())
	}
	for _, b := range s.hand.Broken()[broken:] {
		s.effects = append(s.effects, "broken: "+b.Key)
	}
	return err
}

// act performs an action of a checked form.
func (s *Session) act(verb string, args []string, text string) error {
	h := s.hand
	switch verb {
	case "deliver":
		return s.each(args, h.Deliver, s.isUp)
	case "drop":
		return s.each(args, h.Drop, nil)
	case "duplicate":
		return s.each(args, h.Duplicate, nil)
	case "settle":
		among, _ := nodes(args)
		return s.settle(among)
	case "beat":
		return s.beat(args)
	case "heal":
		return h.Heal()
	case "partition":
		sides, _ := parseSides(args)
		return h.Partition(sides)
	case "tick":
		return s.tick(args)
	case "run":
		return s.run(args)
	case "propose":
		id, _ := number(args[0])
		_, rest, _ := strings.Cut(text, args[0])
		return h.Propose(id, strings.TrimSpace(rest))
	}
	id, _ := number(args[0])
	switch verb {
	case "campaign":
		return h.Campaign(id)
	case "isolate":
		return s.isolate(id)
	case "crash":
		return h.Crash(id)
	case "restart":
		return h.Restart(id)
	case "compact":
		return h.Compact(id)
	}
	other, _ := number(args[2])
	switch verb {
	case "add":
		return h.AddMember(other, id)
	case "remove":
		return h.RemoveMember(other, id)
	case "transfer":
		return h.Transfer(id, other)
	}
	panic("play: no action " + verb)
}

func (s *Session) tick(args []string) error {
	times := uint64(1)
	if len(args) == 2 {
		times, _ = number(args[1])
	}
	if times < 1 || times > most {
		return errors.Errorf("1 to %d times, not %d", most, times)
	}
	for range times {
		if args[0] != "all" {
			id, _ := number(args[0])
			if err := s.hand.Tick(id); err != nil {
				return err
			}
			continue
		}
		for _, n := range s.hand.Nodes() {
			if n.Up {
				if err := s.hand.Tick(n.ID); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// beat lets the clock of a node tick through the time between heartbeats and delivers
// all messages, so many times.
func (s *Session) beat(args []string) error {
	id, _ := number(args[0])
	times := uint64(1)
	if len(args) == 2 {
		times, _ = number(args[1])
	}
	if times < 1 || times > most {
		return errors.Errorf("1 to %d times, not %d", most, times)
	}
	for range times {
		for range s.heartbeat {
			if err := s.hand.Tick(id); err != nil {
				return err
			}
		}
		if err := s.settle(nil); err != nil {
			return err
		}
	}
	return nil
}

func (s *Session) run(args []string) error {
	rounds, _ := number(args[0])
	if rounds < 1 || rounds > most {
		return errors.Errorf("1 to %d rounds, not %d", most, rounds)
	}
	loss := uint64(0)
	if len(args) == 3 {
		loss, _ = number(args[2])
	}
	for range rounds {
		if err := s.hand.Run(int(loss)); err != nil {
			return err
		}
	}
	return nil
}

func (s *Session) isolate(id uint64) error {
	var rest []uint64
	found := false
	for _, n := range s.hand.Nodes() {
		if n.ID == id {
			found = true
		} else {
			rest = append(rest, n.ID)
		}
	}
	if !found || len(rest) == 0 {
		return errors.Errorf("there is no node %d with others beside it", id)
	}
	return s.hand.Partition([][]uint64{{id}, rest})
}

// each does something to the messages that args name. If that is all of some, those
// are left alone whose receiver is not as it should be.
func (s *Session) each(args []string, do func(n int) error, receiver func(id uint64) bool) error {
	p, _ := parsePattern(args)
	flight := s.hand.InFlight()
	var found []int
	for i, f := range flight {
		if p.matches(f) {
			found = append(found, i)
		}
	}
	if !p.all {
		at := max(p.nth, 1) - 1
		if at >= len(found) {
			return errors.Errorf("%d such messages are in flight: %s", len(found), describeFlight(flight))
		}
		return do(found[at])
	}
	for _, i := range found {
		f := flight[i]
		if receiver != nil && !receiver(f.Message.To) {
			continue
		}
		at := slices.IndexFunc(s.hand.InFlight(), func(o rafttest.Flying) bool { return o.Number == f.Number })
		if err := do(at); err != nil {
			return err
		}
	}
	return nil
}

func (s *Session) isUp(id uint64) bool {
	return slices.ContainsFunc(s.hand.Nodes(), func(n rafttest.NodeState) bool { return n.ID == id && n.Up })
}

func describeFlight(flight []rafttest.Flying) string {
	const shown = 12
	var all []string
	for _, f := range flight {
		if len(all) == shown {
			all = append(all, fmt.Sprintf("and %d more", len(flight)-shown))
			break
		}
		all = append(all, fmt.Sprintf("%s %d->%d", Kind(f.Message), f.Message.From, f.Message.To))
	}
	if len(all) == 0 {
		return "none at all"
	}
	return strings.Join(all, ", ")
}

// settle delivers messages, oldest first, until none is left but those for nodes that
// are down, or, if it is among some nodes, those from or to others.
func (s *Session) settle(among []uint64) error {
	for _, id := range among {
		if !slices.ContainsFunc(s.hand.Nodes(), func(n rafttest.NodeState) bool { return n.ID == id }) {
			return errors.Errorf("there is no node %d", id)
		}
	}
	for n := 0; ; n++ {
		at := slices.IndexFunc(s.hand.InFlight(), func(f rafttest.Flying) bool {
			m := f.Message
			return s.isUp(m.To) && (len(among) == 0 || slices.Contains(among, m.From) && slices.Contains(among, m.To))
		})
		if at < 0 {
			return nil
		}
		if n == most {
			return errors.Errorf("after %d messages, the nodes still send each other more", most)
		}
		if err := s.hand.Deliver(at); err != nil {
			return err
		}
	}
}

// unexpected returns the first guarantee that is broken, unless it was expected.
func (s *Session) unexpected() (rafttest.Broken, bool) {
	for _, b := range s.hand.Broken() {
		if !slices.Contains(s.expected, b.Key) {
			return b, true
		}
	}
	return rafttest.Broken{}, false
}

// changes says what is different in nodes since before.
func changes(before, now []rafttest.NodeState) []string {
	var all []string
	for i := range now {
		n := &now[i]
		at := slices.IndexFunc(before, func(o rafttest.NodeState) bool { return o.ID == n.ID })
		if at < 0 {
			all = append(all, fmt.Sprintf("node %d starts", n.ID))
			continue
		}
		all = append(all, change(&before[at], n)...)
	}
	return all
}

func change(o, n *rafttest.NodeState) []string {
	var all []string
	say := func(format string, args ...any) {
		all = append(all, fmt.Sprintf("node %d ", n.ID)+fmt.Sprintf(format, args...))
	}
	switch {
	case o.Up && !n.Up:
		say("goes down")
		if lost := len(o.Log) - len(n.Log); lost > 0 {
			say("loses %d entries that were not on its disk", lost)
		}
		return all
	case !o.Up && n.Up:
		say("is up again, in term %d", n.Term)
		return all
	}
	switch {
	case n.Role == "candidate" && (o.Role != n.Role || o.Term != n.Term):
		say("campaigns in term %d", n.Term)
	case n.Role == "leader" && (o.Role != n.Role || o.Term != n.Term):
		say("leads term %d", n.Term)
	case o.Role != n.Role:
		say("is a follower of term %d", n.Term)
	case o.Term != n.Term:
		say("is in term %d", n.Term)
	}
	if n.Vote != 0 && (n.Vote != o.Vote || n.Term != o.Term) && n.Vote != n.ID {
		say("votes for node %d", n.Vote)
	}
	if n.Before > o.Before {
		if len(n.Log) > 0 && len(o.Log) > 0 && n.Log[len(n.Log)-1].Index == o.Log[len(o.Log)-1].Index || n.Before <= o.Applied {
			say("replaces its log up to %d by a snapshot", n.Before)
		} else {
			say("installs a snapshot up to %d", n.Before)
		}
	} else {
		same := 0
		for same < len(o.Log) && same < len(n.Log) && o.Log[same].Index == n.Log[same].Index && o.Log[same].Term == n.Log[same].Term && o.Log[same].Text == n.Log[same].Text {
			same++
		}
		if gone := len(o.Log) - same; gone > 0 {
			say("deletes %s of its log", entries(o.Log[same:]))
		}
		if more := len(n.Log) - same; more > 0 {
			say("appends %s", entries(n.Log[same:]))
		}
	}
	if n.Commit > o.Commit {
		say("commits up to %d", n.Commit)
	}
	return all
}

// entries names entries by index and term: 5/2, or 5/2 to 8/3.
func entries(log []rafttest.EntryState) string {
	at := func(e rafttest.EntryState) string {
		text := fmt.Sprintf("%d/%d", e.Index, e.Term)
		if e.Text != "" && len(log) == 1 {
			text += " " + fmt.Sprintf("%q", e.Text)
		}
		return text
	}
	if len(log) == 1 {
		return at(log[0])
	}
	return at(log[0]) + " to " + at(log[len(log)-1])
}
