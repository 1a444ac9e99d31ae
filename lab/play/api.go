package play

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/lab/rafttest"
)

// An API is what a page calls: requests and answers are JSON. It keeps the session of
// the request before, so that one more line costs one more line.
type API struct {
	impl rafttest.Implementation

	header  string
	lines   []string
	session *Session
}

// NewAPI returns an API for runs on nodes of impl.
func NewAPI(impl rafttest.Implementation) *API { return &API{impl: impl} }

// A Request asks for one thing.
type Request struct {
	// Op is "about", "parse", "show" or "save".
	Op string `json:"op"`

	// Name and Text are a script to parse.
	Name string `json:"name"`
	Text string `json:"text"`

	// Header describes the group of a session, and Lines are what happens.
	Header []string `json:"header"`
	Lines  []string `json:"lines"`

	// Title and Notes, one for each line, are for the script to save.
	Title string   `json:"title"`
	Notes []string `json:"notes"`
}

// An About is what a page asks once.
type About struct {
	Guarantees []rafttest.Guarantee `json:"guarantees"`
	Stories    []Story              `json:"stories"`
	Kinds      []string             `json:"kinds"`
	// Note says what cannot be played with yet, or nothing.
	Note string `json:"note"`
}

// A Parsed is a script as the page needs it.
type Parsed struct {
	Title  string   `json:"title"`
	About  string   `json:"about"`
	Header []string `json:"header"`
	Lines  []Line   `json:"lines"`
}

// A View is all that is to be seen after a line.
type View struct {
	Nodes   []rafttest.NodeState `json:"nodes"`
	Flight  []FlightState        `json:"flight"`
	Sides   [][]uint64           `json:"sides"`
	Effects []string             `json:"effects"` // of the last line
	Broken  []BrokenState        `json:"broken"`
	End     *EndState            `json:"end"`
	Refused bool                 `json:"refused"` // the last action was
	// Done is how many lines were performed. Problem says why the next was not.
	Done    int    `json:"done"`
	Problem string `json:"problem"`
}

// A FlightState is a message in flight.
type FlightState struct {
	Number uint64 `json:"number"`
	Kind   string `json:"kind"`
	From   uint64 `json:"from"`
	To     uint64 `json:"to"`
	Term   uint64 `json:"term"`
	Text   string `json:"text"`
	// Name is how a script names the message: "append 1->2 #2".
	Name string `json:"name"`
}

// A BrokenState is a guarantee that is broken.
type BrokenState struct {
	Key   string `json:"key"`
	Node  uint64 `json:"node"`
	Found string `json:"found"`
}

// An EndState is why the run cannot go on.
type EndState struct {
	NotImplemented bool   `json:"notImplemented"`
	Reason         string `json:"reason"`
	Stack          string `json:"stack"`
}

// Call answers a request. It returns JSON: what was asked for, or an object whose
// field "error" says what is wrong.
func (a *API) Call(request string) string {
	answer, err := a.answer(request)
	if err != nil {
		answer = map[string]string{"error": err.Error()}
	}
	out, err := json.Marshal(answer)
	if err != nil {
		panic(err)
	}
	return string(out)
}

func (a *API) answer(request string) (any, error) {
	var r Request
	if err := json.Unmarshal([]byte(request), &r); err != nil {
		return nil, errors.Trace(err)
	}
	switch r.Op {
	case "about":
		return a.about(), nil
	case "parse":
		s, err := Parse(r.Name, r.Text)
		if err != nil {
			return nil, err
		}
		p := Parsed{Title: s.Title, About: s.About, Header: []string{}, Lines: append([]Line{}, s.Lines...)}
		for _, l := range s.Header {
			p.Header = append(p.Header, l.Text)
		}
		return p, nil
	case "show":
		return a.show(r)
	case "save":
		return a.save(r)
	}
	return nil, errors.Errorf("unknown request %q", r.Op)
}

func (a *API) about() About {
	about := About{Guarantees: rafttest.Guarantees(), Stories: Stories(), Kinds: Kinds()}
	if _, tree := a.impl.(Tree); tree && !hasRawNode() {
		about.Note = "RawNode is not written yet, so the nodes are driven without: there are no snapshots and no changes of membership."
	}
	return about
}

// show brings the session to the state after the lines.
func (a *API) show(r Request) (*View, error) {
	header := strings.Join(r.Header, "\n")
	done := len(a.lines)
	if a.session == nil || header != a.header || done > len(r.Lines) || strings.Join(a.lines, "\n") != strings.Join(r.Lines[:done], "\n") {
		a.session = nil
		s, err := Parse("header", header)
		if err != nil {
			return nil, err
		}
		if a.session, err = Start(a.impl, "header", s); err != nil {
			return nil, err
		}
		a.header, a.lines, done = header, nil, 0
	}
	problem := ""
	for _, text := range r.Lines[done:] {
		l, err := parseLine(strings.TrimSpace(text))
		if err == nil && l.isHeader() {
			err = errors.Errorf("%s is about the group", l.words[0])
		}
		ended := a.session.hand.End() != nil
		if err == nil {
			err = a.session.Do(l)
		}
		if err != nil && !ended && a.session.hand.End() != nil {
			err = nil // the line has happened, and ended the run
		}
		if err != nil {
			problem = err.Error()
			break
		}
		a.lines = append(a.lines, text)
	}
	v := a.session.view()
	v.Done, v.Problem = len(a.lines), problem
	return v, nil
}

func (s *Session) view() *View {
	h := s.hand
	v := &View{Nodes: h.Nodes(), Flight: []FlightState{}, Sides: h.Sides(), Effects: s.effects, Broken: []BrokenState{}, Refused: s.refused != nil}
	if v.Sides == nil {
		v.Sides = [][]uint64{}
	}
	if v.Effects == nil {
		v.Effects = []string{}
	}
	before := map[string]int{}
	for _, f := range h.InFlight() {
		m := f.Message
		name := fmt.Sprintf("%s %d->%d", Kind(m), m.From, m.To)
		before[name]++
		if n := before[name]; n > 1 {
			name += fmt.Sprintf(" #%d", n)
		}
		_, text, _ := strings.Cut(f.Text(), ": ")
		v.Flight = append(v.Flight, FlightState{Number: f.Number, Kind: Kind(m), From: m.From, To: m.To, Term: m.Term, Text: text, Name: name})
	}
	for _, b := range h.Broken() {
		v.Broken = append(v.Broken, BrokenState(b))
	}
	if e := h.End(); e != nil {
		v.End = &EndState{NotImplemented: e.NotImplemented != nil, Reason: e.Reason, Stack: e.Stack}
	}
	return v
}

// save writes the session as a script that ends with what is true after its last line.
func (a *API) save(r Request) (map[string]string, error) {
	v, err := a.show(r)
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n", oneLine(r.Title))
	for _, line := range r.Header {
		b.WriteString(line + "\n")
	}
	if len(r.Header) > 0 {
		b.WriteString("\n")
	}
	for i, line := range r.Lines[:v.Done] {
		if i < len(r.Notes) && r.Notes[i] != "" {
			if i > 0 {
				b.WriteString("\n")
			}
			fmt.Fprintf(&b, "# %s\n", oneLine(r.Notes[i]))
		}
		b.WriteString(oneLine(line) + "\n")
	}
	b.WriteString("\n# What was so at the end.\n")
	for _, e := range a.session.expectations() {
		b.WriteString(e + "\n")
	}
	return map[string]string{"text": b.String()}, nil
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// expectations returns the lines that hold now, and say what a reader asks first.
func (s *Session) expectations() []string {
	var all []string
	nodes := s.hand.Nodes()
	if l := leader(nodes); l == nil {
		all = append(all, "expect no leader")
	} else {
		all = append(all, fmt.Sprintf("expect leader %d term %d", l.ID, l.Term))
	}
	for i := range nodes {
		n := &nodes[i]
		if !n.Up {
			all = append(all, fmt.Sprintf("expect role %d down", n.ID))
			continue
		}
		all = append(all, fmt.Sprintf("expect term %d %d", n.ID, n.Term), fmt.Sprintf("expect commit %d %d", n.ID, n.Commit),
			strings.TrimSpace(fmt.Sprintf("expect log %d: %s", n.ID, fact("log", n))))
	}
	known := map[string]bool{}
	for _, b := range s.hand.Broken() {
		if !known[b.Key] {
			known[b.Key] = true
			all = append(all, "expect broken "+b.Key)
		}
	}
	if len(known) == 0 {
		all = append(all, "expect invariants hold")
	}
	return all
}
