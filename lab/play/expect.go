package play

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/lab/rafttest"
)

const expectUsage = `one of
	expect leader NODE [term TERM]
	expect no leader
	expect role NODE follower|candidate|leader|down
	expect term NODE|all TERM
	expect commit NODE|all INDEX
	expect log NODE|all: TERM ...   (a last word ... stands for any more)
	expect committed NODE|all: TEXT ...
	expect members NODE|all: NODE ...
	expect in flight COUNT [KIND] [FROM->TO]
	expect refused
	expect invariants hold
	expect broken GUARANTEE`

// checkExpectation checks the form of what follows "expect".
func checkExpectation(args []string) error {
	bad := errors.Errorf("it is %q", strings.Join(append([]string{"expect"}, args...), " "))
	ok := func(err error) error {
		if err != nil {
			return bad
		}
		return nil
	}
	text := strings.Join(args, " ")
	switch {
	case text == "no leader", text == "refused", text == "invariants hold":
		return nil
	case len(args) < 2:
		return bad
	}
	switch args[0] {
	case "leader":
		if len(args) == 4 && args[2] == "term" {
			return ok(numbers(2, 2)([]string{args[1], args[3]}))
		}
		return ok(numbers(1, 1)(args[1:]))
	case "role":
		if len(args) == 3 && slices.Contains([]string{"follower", "candidate", "leader", "down"}, args[2]) {
			return ok(numbers(1, 1)(args[1:2]))
		}
	case "term", "commit":
		if args[1] == "all" {
			return ok(numbers(1, 1)(args[2:]))
		}
		return ok(numbers(2, 2)(args[1:]))
	case "log", "members", "committed":
		who, rest, colon := strings.Cut(strings.Join(args[1:], " "), ":")
		if _, err := number(who); !colon || err != nil && who != "all" {
			return bad
		}
		if args[0] == "committed" {
			return nil
		}
		terms := strings.Fields(rest)
		if n := len(terms); args[0] == "log" && n > 0 && terms[n-1] == "..." {
			terms = terms[:n-1]
		}
		_, err := nodes(terms)
		return ok(err)
	case "in":
		if len(args) < 3 || args[1] != "flight" {
			return bad
		}
		if len(args) > 3 {
			if _, err := parsePattern(args[3:]); err != nil {
				return err
			}
		}
		return ok(numbers(1, 1)(args[2:3]))
	case "broken":
		if len(args) == 2 {
			return checkKey(args[1])
		}
	}
	return bad
}

func checkKey(key string) error {
	var keys []string
	for _, g := range rafttest.Guarantees() {
		keys = append(keys, g.Key)
	}
	if !slices.Contains(keys, key) {
		return errors.Errorf("it is about %q, which is no guarantee; there is %s", key, strings.Join(keys, ", "))
	}
	return nil
}

// expect checks an expectation of a checked form.
func (s *Session) expect(args []string) error {
	switch args[0] {
	case "refused":
		if s.refused == nil {
			return errors.New("expected that the action before is refused, and it was not")
		}
		s.refused = nil
		return nil
	case "invariants":
		if b := s.hand.Broken(); len(b) > 0 {
			return errors.Errorf("expected that all invariants hold, and %s is broken: %s", b[0].Key, b[0].Found)
		}
		return nil
	case "broken":
		s.expected = append(s.expected, args[1])
		if !slices.ContainsFunc(s.hand.Broken(), func(b rafttest.Broken) bool { return b.Key == args[1] }) {
			return errors.Errorf("expected that %s is broken, and it holds", args[1])
		}
		return nil
	case "no", "leader":
		return s.expectLeader(args)
	case "in":
		count, _ := number(args[2])
		p := pattern{}
		if len(args) > 3 {
			p, _ = parsePattern(args[3:])
		}
		n := uint64(0)
		for _, f := range s.hand.InFlight() {
			if p.matches(f) {
				n++
			}
		}
		if n != count {
			return errors.Errorf("expected %d such messages in flight, and there are %d: %s", count, n, describeFlight(s.hand.InFlight()))
		}
		return nil
	}
	return s.expectNodes(args)
}

// leader returns the leader of the latest term that has one, or nil.
func leader(nodes []rafttest.NodeState) *rafttest.NodeState {
	var l *rafttest.NodeState
	for i := range nodes {
		if n := &nodes[i]; n.Role == "leader" && (l == nil || n.Term > l.Term) {
			l = n
		}
	}
	return l
}

func (s *Session) expectLeader(args []string) error {
	want, is := "no leader", "there is none"
	l := leader(s.hand.Nodes())
	if l != nil {
		is = fmt.Sprintf("node %d leads term %d", l.ID, l.Term)
	}
	if args[0] == "no" {
		if l == nil {
			return nil
		}
		return errors.Errorf("expected %s, and %s", want, is)
	}
	want = "node " + args[1] + " to lead"
	id, _ := number(args[1])
	fits := l != nil && l.ID == id
	if len(args) == 4 {
		term, _ := number(args[3])
		want += " term " + args[3]
		fits = fits && l.Term == term
	}
	if !fits {
		return errors.Errorf("expected %s, and %s", want, is)
	}
	return nil
}

// expectNodes checks an expectation about one node, or all of them.
func (s *Session) expectNodes(args []string) error {
	who, rest := args[1], args[2:]
	if args[0] == "log" || args[0] == "members" || args[0] == "committed" {
		var text string
		who, text, _ = strings.Cut(strings.Join(args[1:], " "), ":")
		rest = strings.Fields(text)
	}
	want := strings.Join(rest, " ")
	id, _ := number(who)
	found := false
	for _, n := range s.hand.Nodes() {
		if who == "all" && !n.Up || who != "all" && n.ID != id {
			continue
		}
		found = true
		is := fact(args[0], &n)
		fits := is == want
		if start, open := strings.CutSuffix(want, "..."); open && args[0] == "log" {
			fits = strings.HasPrefix(is+" ", start)
		}
		if !fits {
			return errors.Errorf("expected %s %q of node %d, and it is %q", args[0], want, n.ID, is)
		}
	}
	if !found {
		return errors.Errorf("there is no node %s", who)
	}
	return nil
}

// fact returns what is so about a node, in the words of an expectation.
func fact(what string, n *rafttest.NodeState) string {
	switch what {
	case "role":
		if !n.Up {
			return "down"
		}
		return n.Role
	case "term":
		return fmt.Sprint(n.Term)
	case "commit":
		return fmt.Sprint(n.Commit)
	case "members":
		return strings.Trim(fmt.Sprint(n.Members), "[]")
	case "committed":
		var texts []string
		for _, e := range n.Log {
			if e.Index <= n.Commit && e.Text != "" && !e.Change {
				texts = append(texts, strings.Fields(e.Text)...)
			}
		}
		return strings.Join(texts, " ")
	case "log":
		var terms []string
		for _, e := range n.Log {
			terms = append(terms, fmt.Sprint(e.Term))
		}
		return strings.Join(terms, " ")
	}
	panic("play: no fact " + what)
}
