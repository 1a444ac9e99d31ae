package sim

import (
	"fmt"
	"slices"
	"strings"

	"github.com/labkv/labkv/lab/check"
	"github.com/labkv/labkv/lab/trace"
)

// fate tells what became of what the failure is about, as the log of the run has
// it.
func fate(f *Failure, events []trace.Event) string {
	var lines []string
	if f.about != "" {
		lines = fateOfWrite(f.about, events)
	}
	for _, o := range f.operations {
		switch o.Op {
		case check.Put:
			lines = append(lines, fateOfWrite(TextOfPut(o.Key, o.Value), events)...)
		case check.Get, check.Scan:
			lines = append(lines, fateOfRead(o, events)...)
		}
	}
	if f.call != nil {
		for i := range events {
			if e := &events[i]; e.Kind == trace.Call && e.Client == f.call.from.client && e.Store == f.call.to && e.N == f.call.n {
				lines = append(lines, strings.TrimSpace(e.String()))
			}
		}
	}
	if f.Rule == ruleLivelock {
		lines = append(lines, "the last messages:")
		lines = append(lines, lastMessages(events, 8)...)
	}
	if f.Fate != "" {
		lines = append(lines, f.Fate)
	}
	return strings.Join(lines, "\n")
}

// lastMessages returns the last messages between stores, oldest first.
func lastMessages(events []trace.Event, n int) []string {
	var lines []string
	for i := len(events) - 1; i >= 0 && len(lines) < n; i-- {
		if e := &events[i]; e.Kind == trace.Message {
			lines = append(lines, strings.TrimSpace(e.String()))
		}
	}
	slices.Reverse(lines)
	return lines
}

// TextOfPut is how the log of a run names a put. No value is put to a key twice, so
// it means one put, which its client may have sent again after a refusal.
func TextOfPut(key, value string) string { return fmt.Sprintf("put %q = %q", key, value) }

// fateOfWrite tells where a write stood in the log, and who applied it when.
func fateOfWrite(text string, events []trace.Event) []string {
	var lines, applied []string
	for i := range events {
		e := &events[i]
		if e.Kind != trace.Propose && e.Kind != trace.Apply || !strings.Contains(e.Text, text) {
			continue
		}
		if e.Kind == trace.Apply {
			applied = append(applied, fmt.Sprintf("store %d at %s", e.Store, seconds(e.At)))
			continue
		}
		lines = append(lines, fmt.Sprintf("%s was proposed on store %d at %s, at (term %d, index %d)", text, e.Store, seconds(e.At), e.Term, e.Index))
		if other := replaced(e, events[i:]); other != nil {
			lines = append(lines, fmt.Sprintf("store %d proposed another entry at index %d at %s, in term %d", other.Store, other.Index, seconds(other.At), other.Term))
		}
	}
	switch {
	case len(lines) == 0:
		return nil // it never came that far, or the system does not tell
	case len(applied) == 0:
		return append(lines, "no store applied it")
	}
	return append(lines, "applied on "+strings.Join(applied, ", "))
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
		if e.Kind == trace.Role && e.Role == "leader" && e.At <= served.At && (leader == nil || e.Term > leader.Term) {
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
