package sim

import (
	"fmt"
	"slices"
	"testing"

	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/lab/todo"
)

// explain fails t with what broke in the run of s that had the outcome out.
func explain(t *graded.T, sc *Scenario, s Schedule, out *Outcome) {
	t.Helper()
	f := out.Failure
	if _, ok := todo.Recovered(f.Panic); ok {
		panic(f.Panic) // not implemented: there is nothing to explain
	}
	if graded.Brief() {
		graded.Explain(t, "broken", f.Rule)
		t.Fatalf("%v", f)
	}
	again := Run(t.T, sc, s, true)
	verdict := replays(out, again)
	small, least, note := s, again, ""
	if verdict == "" {
		small, least, note = minimized(t.T, sc, s, again)
		verdict = "replays exactly"
	}
	if least.Failure == nil {
		least = out
	}
	f = least.Failure
	if f.Harness {
		graded.Explain(t, "harness", "the test itself failed; this says nothing about the store")
	}
	graded.Explain(t, "broken", f.Rule)
	if fate := fate(f, least.Trace); fate != "" {
		graded.Explain(t, "fate", fate)
	}
	graded.Explain(t, "schedule", small.String()+note)
	graded.Explain(t, "again", verdict)
	if f.Stack != "" {
		graded.Explain(t, "stack", f.Stack)
	}
	keepTrace(t, small, least)
	t.Fatalf("%v", f)
}

// replays returns "" if two runs of a schedule were the same, else where they
// part.
func replays(a, b *Outcome) string {
	n := parting(a.log, b.log)
	if n == 0 {
		if b.Failure == nil || a.Failure.Rule != b.Failure.Rule {
			return "your code is nondeterministic: with the same events it failed once, and once it did not, or in another way"
		}
		return ""
	}
	at := func(log []entry) string {
		if n > len(log) {
			return "nothing"
		}
		return log[n-1].String()
	}
	first, second := at(a.log), at(b.log)
	if first == second {
		second = "the same, with other content"
	}
	return fmt.Sprintf("your code is nondeterministic here: event %d was first: %s; in the second run it was: %s\n"+
		"usual causes: the order of a map, the wall clock, goroutines, randomness that was not handed in", n, first, second)
}

// minimized is Minimize, with a note on what it did.
func minimized(t *testing.T, sc *Scenario, s Schedule, out *Outcome) (Schedule, *Outcome, string) {
	small, least, complete := Minimize(t, sc, s, out)
	note := ""
	if before, after := len(s.Faults), len(small.Faults); after < before {
		note = fmt.Sprintf("\n(minimized from %d faults to %d)", before, after)
	}
	if !complete {
		note += "\n(there may be faults left that it does not need)"
	}
	return small, least, note
}

// minimizeEvents bounds the events that are spent on making a schedule smaller. They are
// counted, not timed, so that the schedule is the same on every machine. There is no
// bound when the smallest schedule was asked for.
const minimizeEvents = 400_000

// Minimize takes faults out of s as long as the run fails in the same way, and
// returns what is left and its outcome. If it is complete, no fault of that can be
// left out alone; otherwise that would have taken too many runs.
func Minimize(t *testing.T, sc *Scenario, s Schedule, out *Outcome) (_ Schedule, _ *Outcome, complete bool) {
	rule := out.Failure.Rule
	if rule == "blocked" || rule == "leak" {
		return s, out, len(s.Faults) == 0 // each such run leaves goroutines behind
	}
	events := 0
	try := func(faults []Fault) bool {
		smaller := s
		smaller.Faults = faults
		o := Run(t, sc, smaller, true)
		events += o.Events
		if o.Failure == nil || o.Failure.Rule != rule {
			return false
		}
		s, out = smaller, o
		return true
	}
	// What begins after the failure has nothing to do with it.
	if at := out.Failure.At; at > 0 {
		before := slices.DeleteFunc(slices.Clone(s.Faults), func(f Fault) bool { return f.From > at })
		if len(before) < len(s.Faults) {
			try(before)
		}
	}
	// Large parts first, then one at a time until none can go.
	for size := max(1, len(s.Faults)/2); ; size = max(1, size/2) {
		removed := false
		for i := 0; i < len(s.Faults); {
			if events > minimizeEvents && !graded.Thorough() {
				return s, out, false
			}
			rest := slices.Delete(slices.Clone(s.Faults), i, min(i+size, len(s.Faults)))
			if try(rest) {
				removed = true
			} else {
				i += size
			}
		}
		if size == 1 && !removed {
			return s, out, true
		}
	}
}
