package sim

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/labkv/labkv/lab/check"
	"github.com/labkv/labkv/lab/fold"
	"github.com/labkv/labkv/lab/trace"
)

// fate tells what became of what the failure is about, as the log of the run has
// it.
func fate(f *Failure, events []trace.Event) string {
	var lines []string
	if f.about != (check.Command{}) {
		lines = fateOfWrite([]check.Command{f.about}, events)
	}
	for _, o := range f.operations {
		switch o.Op {
		case check.Put, check.Delete:
			lines = append(lines, fateOfWrite(commandsOf(o, events), events)...)
		case check.Get, check.Scan:
			lines = append(lines, fateOfRead(o, events)...)
		}
	}
	for _, t := range f.transactions {
		lines = append(lines, fateOfTransaction(t, f.key, events)...)
	}
	if f.call != nil {
		for i := range events {
			if e := &events[i]; e.Kind == trace.Call && e.Client == f.call.from.client && e.Store == f.call.to && e.N == f.call.n {
				lines = append(lines, strings.TrimSpace(e.String()))
			}
		}
	}
	if f.Rule == ruleLivelock {
		lines = append(lines, lastMessages(events, 10)...)
	}
	if f.Fate != "" {
		lines = append(lines, f.Fate)
	}
	return strings.Join(lines, "\n")
}

// lastMessages tells the messages between stores that came last, oldest first: one round
// of them if they repeat, else n.
func lastMessages(events []trace.Event, n int) []string {
	const looked, longest = 1000, 24
	type message struct {
		from, to, stream, term, index uint64
		kind, text                    string
	}
	var said []message
	var lines []string
	for i := len(events) - 1; i >= 0 && len(said) < looked; i-- {
		if e := &events[i]; e.Kind == trace.Message && e.Fate == "arrives" {
			said = append(said, message{e.From, e.To, e.Stream, e.Term, e.Index, e.Type, e.Text})
			lines = append(lines, strings.TrimSpace(e.String()))
		}
	}
	slices.Reverse(said)
	slices.Reverse(lines)
	if round := fold.Tail(said, longest); round.Times > 2 {
		first := fmt.Sprintf("the last messages are the same %d, %d times in a row:", round.Length, round.Times)
		return append([]string{first}, lines[len(lines)-round.Length:]...)
	}
	return append([]string{"the last messages:"}, lines[max(0, len(lines)-n):]...)
}

// TextOfPut is how the log of a run names a put. No value is put to a key twice, so
// it means one put, which its client may have sent again after a refusal.
func TextOfPut(key, value string) string { return fmt.Sprintf("put %q = %q", key, value) }

// TextOfDelete is how the log of a run names a delete. Many deletes may have the same
// name.
func TextOfDelete(key string) string { return fmt.Sprintf("delete %q", key) }

// commandsOf returns the commands that stores were given for the operation o of a
// client, which does one at a time: those of its calls from the beginning of o to its
// end.
func commandsOf(o *check.Operation, events []trace.Event) []check.Command {
	text := TextOfDelete(o.Key)
	if o.Op == check.Put {
		text = TextOfPut(o.Key, o.Value)
	}
	made := map[check.Command]bool{}
	var commands []check.Command
	for i := range events {
		e := &events[i]
		c := check.Command{Client: e.Client, Store: e.Store, N: e.N}
		switch {
		case e.Client != uint64(o.Client):
		case e.Kind == trace.Call && e.Fate == "sent" && e.At >= o.Begin && e.At <= o.End:
			made[c] = true
		case e.Kind == trace.Submit && made[c] && e.Text == text:
			commands = append(commands, c)
		}
	}
	return commands
}

// fateOfWrite tells of a write, for which stores were given commands, where it stood in
// the log, and which stores have what it did, since when.
func fateOfWrite(commands []check.Command, events []trace.Event) []string {
	var lines []string
	proposed := false
	for i := range events {
		e := &events[i]
		if e.Kind != trace.Propose || !slices.Contains(commands, check.Command{Client: e.Client, Store: e.Store, N: e.N}) {
			continue
		}
		proposed = true
		lines = append(lines, fmt.Sprintf("%s of client %d was proposed on store %d at %s, at (term %d, index %d)", e.Text, e.Client, e.Store, seconds(e.At), e.Term, e.Index))
		if other := replaced(e, events[i:]); other != nil {
			lines = append(lines, fmt.Sprintf("store %d proposed another entry at index %d at %s, in term %d", other.Store, other.Index, seconds(other.At), other.Term))
		}
		lines = append(lines, spread(e, events[i:])...)
	}
	if proposed {
		return lines
	}
	for i := range events {
		e := &events[i]
		if e.Kind == trace.Submit && slices.Contains(commands, check.Command{Client: e.Client, Store: e.Store, N: e.N}) {
			lines = append(lines, fmt.Sprintf("store %d was given the %s of client %d at %s, and sent no other store an entry for it", e.Store, e.Text, e.Client, seconds(e.At)))
		}
	}
	return lines
}

// spread tells which stores have applied the proposal p, and which have its effect by a
// snapshot.
func spread(p *trace.Event, later []trace.Event) []string {
	var applied, installed []string
	upTo := map[uint64]uint64{} // the index that a store has applied, as far as is known
	pending := map[uint64]bool{}
	for i := range later {
		e := &later[i]
		switch {
		case e.Kind == trace.Start:
			delete(upTo, e.Store)
			delete(pending, e.Store)
			continue
		case e.Region != p.Region:
			continue
		case e.Kind == trace.Install:
			if e.Index >= p.Index && upTo[e.Store] < p.Index {
				line := fmt.Sprintf("store %d installed a snapshot up to index %d at %s", e.Store, e.Index, seconds(e.At))
				if e.Text != "" {
					line += ", " + e.Text
				}
				installed = append(installed, line)
			}
			upTo[e.Store] = max(upTo[e.Store], e.Index)
			continue
		case e.Kind != trace.Apply:
			continue
		}
		// The index of a batch may come in another one than what the entry changes.
		if strings.Contains(e.Text, p.Text) {
			pending[e.Store] = true
		}
		if e.Index == 0 {
			continue
		}
		if upTo[e.Store] < p.Index && e.Index >= p.Index && pending[e.Store] && !takenForAnother(p, e.Index, later) {
			applied = append(applied, fmt.Sprintf("store %d at %s", e.Store, seconds(e.At)))
		}
		if e.Index < p.Index {
			pending[e.Store] = false
		}
		upTo[e.Store] = e.Index
	}
	lines := installed
	if len(applied) == 0 {
		return append([]string{"no store applied it"}, lines...)
	}
	return append([]string{"applied on " + strings.Join(applied, ", ")}, lines...)
}

// takenForAnother reports whether what was applied up to an index looks like p, and is
// not: another entry took the place of p, and one that reads the same came after it.
func takenForAnother(p *trace.Event, upTo uint64, later []trace.Event) bool {
	return replaced(p, later) != nil && slices.ContainsFunc(later, func(e trace.Event) bool {
		return e.Kind == trace.Propose && e.Region == p.Region && e.Text == p.Text && e.Term > p.Term && e.Index <= upTo
	})
}

// replaced returns the proposal of a later leader for the same place in the log, or
// nil.
func replaced(e *trace.Event, later []trace.Event) *trace.Event {
	for i := range later {
		if o := &later[i]; o.Kind == trace.Propose && o.Region == e.Region && o.Index == e.Index && o.Term > e.Term {
			return o
		}
	}
	return nil
}

// fateOfTransaction tells what stores did for a transaction, as commands of whichever
// client. Of its reads it tells those that may be about key. Of clients that ask again and
// again whether it is alive it tells the first one.
func fateOfTransaction(t *check.Transaction, key string, events []trace.Event) []string {
	lines := []string{fmt.Sprintf("%v:", t)}
	alive := false
	for i := range events {
		e := &events[i]
		if e.Start != t.Start || t.Past || e.Fate == "reads" && !strings.HasPrefix(e.Text, strconv.Quote(key)) {
			continue
		}
		again := alive
		if alive = strings.HasSuffix(e.Text, TextAlive); alive && again {
			continue
		}
		line := fmt.Sprintf("  %s ", seconds(e.At))
		if e.Kind == trace.Operation {
			line += fmt.Sprintf("client %d: %s %s", e.Client, e.Fate, e.Text)
		} else {
			line += fmt.Sprintf("store %d: it %s, for client %d: %s", e.Store, e.Fate, e.Client, e.Text)
		}
		lines = append(lines, line)
	}
	return lines
}

// TextAlive ends the text of a trace.Transaction about a client that has asked what became
// of a transaction, and has heard nothing new.
const TextAlive = "it is alive"

// fateOfRead tells who served a read, and who led by then.
func fateOfRead(o *check.Operation, events []trace.Event) []string {
	var answer, served, leader *trace.Event
	for i := range events {
		e := &events[i]
		if e.At > o.End {
			break
		}
		if e.Kind == trace.Call && e.Client == uint64(o.Client) && e.Fate == "returns" && e.At == o.End {
			answer = e
		}
	}
	if answer == nil {
		return nil
	}
	for i := range events {
		e := &events[i]
		switch {
		case e.At > answer.At:
		case e.Kind == trace.Serve && e.Store == answer.Store && e.At >= o.Begin:
			served = e
		}
	}
	if served == nil {
		return nil
	}
	for i := range events {
		e := &events[i]
		if e.Kind == trace.State && e.Role == "leader" && e.At <= served.At && (leader == nil || e.Term > leader.Term) {
			leader = e
		}
	}
	line := fmt.Sprintf("the read was served at %s by store %d, a %s of term %d that had applied up to index %d",
		seconds(served.At), served.Store, served.Role, served.Term, served.Index)
	if leader != nil && leader.Store != served.Store {
		line += fmt.Sprintf("; store %d had led term %d since %s", leader.Store, leader.Term, seconds(leader.At))
	}
	return []string{line}
}
