package play

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/lab/course"
	"github.com/labkv/labkv/lab/rafttest"
)

// A Script is a scenario as text: a group, and what happens to it.
type Script struct {
	// Title is the first comment of the file.
	Title string
	// About are the comments between the title and the first line.
	About  string
	Header []Line // about the group
	Lines  []Line // actions and expectations
}

// A Line is one line of a script that says something, with the comment before it.
type Line struct {
	Number int    `json:"number"` // in its file, from 1
	Text   string `json:"text"`
	Note   string `json:"note"`
	Expect bool   `json:"expect"`

	words []string
}

// An Error is a line of a script that is wrong, or whose expectation is not met.
type Error struct {
	File string
	Line int
	Err  error
}

func (e *Error) Error() string { return fmt.Sprintf("%s:%d: %v", e.File, e.Line, e.Err) }

// Unwrap returns what is wrong with the line.
func (e *Error) Unwrap() error { return e.Err }

// most bounds the lines of a script, and how often one action may repeat.
const most = 10_000

// Parse reads a script. It checks the form of every line, not whether its action is
// possible. file is the name for errors, which are of type *Error.
func Parse(file, text string) (*Script, error) {
	s := &Script{}
	var comments []string
	flush := func() string {
		note := strings.Join(comments, " ")
		comments = nil
		return note
	}
	text = strings.TrimPrefix(text, "\ufeff") // some editors begin a file with it
	for i, raw := range strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n") {
		line := strings.TrimSpace(raw)
		if comment, ok := strings.CutPrefix(line, "#"); ok {
			comment = strings.TrimSpace(comment)
			switch {
			case s.Title == "" && len(s.Header)+len(s.Lines) == 0:
				s.Title = comment
			case comment != "":
				comments = append(comments, comment)
			}
			continue
		}
		if line == "" {
			// A blank line ends what introduces a script.
			if len(s.Header)+len(s.Lines) == 0 && len(comments) > 0 {
				s.About = strings.TrimSpace(s.About + " " + flush())
			}
			continue
		}
		l, err := parseLine(line)
		if err == nil && l.isHeader() && len(s.Lines) > 0 {
			err = errors.Errorf("%s is about the group: it comes before everything that happens", l.words[0])
		}
		if err == nil && len(s.Lines) == most {
			err = errors.Errorf("a script has at most %d lines", most)
		}
		if err != nil {
			return nil, &Error{file, i + 1, err}
		}
		l.Number = i + 1
		l.Note = flush()
		if l.isHeader() {
			s.About = strings.TrimSpace(s.About + " " + l.Note)
			l.Note = ""
			s.Header = append(s.Header, l)
		} else {
			s.Lines = append(s.Lines, l)
		}
	}
	if _, err := s.group(file); err != nil {
		return nil, err
	}
	return s, nil
}

func parseLine(text string) (Line, error) {
	l := Line{Text: text, words: strings.Fields(text)}
	verb := l.words[0]
	l.Expect = verb == "expect"
	form, ok := forms[verb]
	if !ok {
		hint := course.DidYouMean(verb, verbs())
		if hint == "" {
			hint = "; a line begins with one of " + strings.Join(verbs(), ", ")
		}
		return l, errors.Errorf("unknown word %q%s", verb, hint)
	}
	if err := form.check(l.words[1:]); err != nil {
		return l, errors.Errorf("%v; expected %s", err, form.usage)
	}
	return l, nil
}

// isAboutLogs reports whether the line expects something that only a log can fulfil.
func (l Line) isAboutLogs() bool {
	return l.Expect && slices.Contains([]string{"log", "commit", "committed"}, l.words[1])
}

func (l Line) isHeader() bool { return forms[l.words[0]].header }

// A form is how a line with some first word goes on.
type form struct {
	usage  string
	header bool
	check  func(args []string) error
}

var forms = map[string]form{
	"nodes":    {"nodes N", true, numbers(1, 1)},
	"clock":    {"clock ELECTION HEARTBEAT, in ticks", true, numbers(2, 2)},
	"seed":     {"seed N", true, numbers(1, 1)},
	"log":      {"log NODE [term TERM]: TERM ..., with the term of each entry", true, func(a []string) error { _, err := parseLog(a); return err }},
	"campaign": {"campaign NODE", false, numbers(1, 1)},
	"tick": {"tick NODE|all [TIMES]", false, func(a []string) error {
		if len(a) > 0 && a[0] == "all" {
			return numbers(0, 1)(a[1:])
		}
		return numbers(1, 2)(a)
	}},
	"deliver":   {"deliver [all] [KIND] [FROM->TO] [#N]", false, func(a []string) error { _, err := parsePattern(a); return err }},
	"drop":      {"drop [all] [KIND] [FROM->TO] [#N]", false, func(a []string) error { _, err := parsePattern(a); return err }},
	"duplicate": {"duplicate [all] [KIND] [FROM->TO] [#N]", false, func(a []string) error { _, err := parsePattern(a); return err }},
	"settle":    {"settle [NODE ...]", false, numbers(0, rafttest.MaxNodes)},
	"beat":      {"beat NODE [TIMES]", false, numbers(1, 2)},
	"partition": {"partition NODE ... | NODE ...", false, func(a []string) error { _, err := parseSides(a); return err }},
	"isolate":   {"isolate NODE", false, numbers(1, 1)},
	"heal":      {"heal, alone", false, numbers(0, 0)},
	"crash":     {"crash NODE", false, numbers(1, 1)},
	"restart":   {"restart NODE", false, numbers(1, 1)},
	"propose": {"propose NODE TEXT", false, func(a []string) error {
		if len(a) < 2 {
			return errors.New("there is no text")
		}
		return numbers(1, 1)(a[:1])
	}},
	"add":      {"add NODE via LEADER", false, joined("via")},
	"remove":   {"remove NODE via LEADER", false, joined("via")},
	"transfer": {"transfer LEADER to NODE", false, joined("to")},
	"compact":  {"compact NODE", false, numbers(1, 1)},
	"run": {"run ROUNDS [loss PERCENT]", false, func(a []string) error {
		if len(a) == 3 && a[1] == "loss" {
			if p, err := number(a[2]); err != nil || p > 100 {
				return errors.Errorf("%q is no percentage", a[2])
			}
			a = a[:1]
		}
		return numbers(1, 1)(a)
	}},
	"expect": {expectUsage, false, checkExpectation},
}

func verbs() []string {
	var all []string
	for verb := range forms {
		all = append(all, verb)
	}
	slices.Sort(all)
	return all
}

func number(s string) (uint64, error) {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil || n > 1_000_000_000 {
		return 0, errors.Errorf("%q is no number", s)
	}
	return n, nil
}

// numbers accepts least to most numbers.
func numbers(least, most int) func(args []string) error {
	return func(args []string) error {
		for _, a := range args {
			if _, err := number(a); err != nil {
				return err
			}
		}
		if n := len(args); n < least || n > most {
			return errors.Errorf("there are %d words too %s", max(least-n, n-most), map[bool]string{true: "few", false: "many"}[n < least])
		}
		return nil
	}
}

// joined accepts two numbers with a word between.
func joined(word string) func(args []string) error {
	return func(args []string) error {
		if len(args) != 3 || args[1] != word {
			return errors.Errorf("it is %q", strings.Join(args, " "))
		}
		return numbers(2, 2)([]string{args[0], args[2]})
	}
}

func nodes(args []string) ([]uint64, error) {
	var ids []uint64
	for _, a := range args {
		id, err := number(a)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// parseSides reads "1 2 | 3 4 5".
func parseSides(args []string) ([][]uint64, error) {
	sides := [][]uint64{nil}
	for _, a := range args {
		if a == "|" {
			sides = append(sides, nil)
			continue
		}
		id, err := number(a)
		if err != nil {
			return nil, err
		}
		sides[len(sides)-1] = append(sides[len(sides)-1], id)
	}
	if len(sides) < 2 || slices.ContainsFunc(sides, func(s []uint64) bool { return len(s) == 0 }) {
		return nil, errors.New("it takes two sides or more, with a | between")
	}
	return sides, nil
}

// A firstLog is a log that a node begins with.
type firstLog struct {
	node, term uint64
	terms      []uint64
}

// parseLog reads "3 term 7: 1 1 4".
func parseLog(args []string) (l firstLog, err error) {
	who, terms, ok := strings.Cut(strings.Join(args, " "), ":")
	if !ok {
		return l, errors.New("there is no colon")
	}
	if l.terms, err = nodes(strings.Fields(terms)); err != nil {
		return l, err
	}
	if len(l.terms) > 0 {
		l.term = l.terms[len(l.terms)-1]
	}
	w := strings.Fields(who)
	if len(w) == 3 && w[1] == "term" {
		term, err := number(w[2])
		if err != nil {
			return l, err
		}
		if term < l.term {
			return l, errors.Errorf("the node is in term %d, and its log ends with term %d", term, l.term)
		}
		l.term = term
		w = w[:1]
	}
	if len(w) != 1 {
		return l, errors.Errorf("%q names no node", who)
	}
	l.node, err = number(w[0])
	return l, err
}

// A pattern names messages in flight.
type pattern struct {
	all      bool
	kind     string // "": any
	from, to uint64 // 0: any
	nth      int    // 0: the oldest, or all
}

// parsePattern reads "all append 1->*" or "vote 2->1 #2".
func parsePattern(args []string) (p pattern, err error) {
	for i, a := range args {
		switch {
		case a == "all" && i == 0:
			p.all = true
		case strings.Contains(a, "->"):
			from, to, _ := strings.Cut(a, "->")
			for _, end := range []struct {
				text string
				id   *uint64
			}{{from, &p.from}, {to, &p.to}} {
				if end.text == "*" {
					continue
				}
				if *end.id, err = number(end.text); err != nil {
					return p, err
				}
			}
		case strings.HasPrefix(a, "#") && i == len(args)-1 && !p.all:
			n, err := number(a[1:])
			if err != nil || n == 0 {
				return p, errors.Errorf("%q says not which", a)
			}
			p.nth = int(n)
		case p.kind == "" && slices.Contains(Kinds(), a):
			p.kind = a
		default:
			return p, errors.Errorf("%q is no kind of message; there is %s", a, strings.Join(Kinds(), ", "))
		}
	}
	if len(args) == 0 {
		return p, errors.New("it says not which")
	}
	return p, nil
}

func (p pattern) matches(f rafttest.Flying) bool {
	m := f.Message
	return (p.kind == "" || p.kind == Kind(m)) && (p.from == 0 || p.from == m.From) && (p.to == 0 || p.to == m.To)
}

// The group of a script that says nothing about it.
const (
	defaultNodes     = 3
	defaultElection  = 10
	defaultHeartbeat = 2
	defaultSeed      = 1
)

// group returns the group that the header describes.
func (s *Script) group(file string) (rafttest.Group, error) {
	g := rafttest.Group{
		Nodes: defaultNodes, ElectionTick: defaultElection, HeartbeatTick: defaultHeartbeat, Seed: defaultSeed,
		Disks: map[uint64]*rafttest.Disk{},
	}
	logs := map[uint64]firstLog{}
	last := 0
	for _, l := range s.Header {
		last = l.Number
		bad := func(format string, args ...any) error { return &Error{file, l.Number, errors.Errorf(format, args...)} }
		if l.words[0] == "log" {
			log, _ := parseLog(l.words[1:])
			if _, twice := logs[log.node]; twice {
				return g, bad("the log of node %d was given before", log.node)
			}
			logs[log.node] = log
			continue
		}
		n, _ := nodes(l.words[1:])
		switch l.words[0] {
		case "nodes":
			if g.Nodes = int(n[0]); n[0] < 1 || n[0] > rafttest.MaxNodes {
				return g, bad("a group has 1 to %d nodes", rafttest.MaxNodes)
			}
		case "clock":
			if g.ElectionTick, g.HeartbeatTick = int(n[0]), int(n[1]); n[1] < 1 || n[0] <= n[1] || n[0] > most {
				return g, bad("heartbeats are at least a tick apart, and closer than elections, which are at most %d", most)
			}
		case "seed":
			g.Seed = n[0]
		}
	}
	var members []uint64
	for id := range g.Nodes {
		members = append(members, uint64(id)+1)
	}
	for id, log := range logs {
		if !slices.Contains(members, id) {
			return g, &Error{file, last, errors.Errorf("there is no node %d to give a log to", id)}
		}
		d := rafttest.NewDisk(members, log.terms...)
		d.SetHardState(log.term, 0, 0)
		g.Disks[id] = d
	}
	return g, nil
}
