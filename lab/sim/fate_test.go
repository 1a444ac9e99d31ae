package sim_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/check"
	"github.com/labkv/labkv/lab/sim"
	"github.com/labkv/labkv/lab/trace"
)

const ms = time.Millisecond

// submitted are the events of a call with which a client asks a store for a write.
func submitted(at time.Duration, client, store, n uint64, text string) []trace.Event {
	return []trace.Event{
		{At: at, Kind: trace.Call, Client: client, Store: store, N: n, Fate: "sent"},
		{At: at, Kind: trace.Submit, Client: client, Store: store, N: n, Region: 1, Text: text},
	}
}

// A put is proposed by a leader that is cut off, and again, as another one, by the next
// leader, while a client reads at the old one.
func TestFate(t *testing.T) {
	lost, kept := sim.TextOfPut("k1", "1-1"), sim.TextOfPut("k1", "1-2")
	events := []trace.Event{{At: 1 * ms, Kind: trace.State, Store: 1, Term: 1, Role: "leader"}}
	events = append(events, submitted(1*ms, 1, 1, 4, lost)...)
	events = append(events,
		trace.Event{At: 2 * ms, Kind: trace.Propose, Client: 1, N: 4, Store: 1, Region: 1, Term: 1, Index: 7, Text: lost},
		trace.Event{At: 3 * ms, Kind: trace.State, Store: 2, Term: 2, Role: "leader"})
	events = append(events, submitted(4*ms, 1, 2, 9, kept)...)
	events = append(events, []trace.Event{
		{At: 4 * ms, Kind: trace.Propose, Client: 1, N: 9, Store: 2, Region: 1, Term: 2, Index: 7, Text: kept},
		{At: 5 * ms, Kind: trace.Apply, Store: 2, Region: 1, Term: 2, Index: 7, Text: kept},
		{At: 6 * ms, Kind: trace.Serve, Store: 1, Region: 1, Term: 1, Index: 6, Role: "leader"},
		{At: 7 * ms, Kind: trace.Call, Client: 3, Store: 1, N: 1, Fate: "returns"},
		{At: 8 * ms, Kind: trace.Apply, Store: 3, Region: 1, Term: 2, Index: 7, Text: kept},
		{At: 9 * ms, Kind: trace.Serve, Store: 1, Region: 1, Term: 1, Index: 6, Role: "leader"},
	}...)
	require.Equal(t, `put "k1" = "1-1" of client 1 was proposed on store 1 at 0.002s, at (term 1, index 7)
store 2 proposed another entry at index 7 at 0.004s, in term 2
no store applied it`, sim.FateOf(check.Command{Client: 1, Store: 1, N: 4}, nil, events))
	require.Equal(t, `the read was served at 0.006s by store 1, a leader of term 1 that had applied up to index 6; store 2 had led term 2 since 0.003s
put "k1" = "1-2" of client 1 was proposed on store 2 at 0.004s, at (term 2, index 7)
applied on store 2 at 0.005s, store 3 at 0.008s`, sim.FateOf(check.Command{}, []*check.Operation{
		{Client: 3, Op: check.Get, Key: "k1", Value: "1-0", Found: true, Begin: 5 * ms, End: 7 * ms},
		{Client: 1, Op: check.Put, Key: "k1", Value: "1-2", Begin: 4 * ms, End: 5 * ms},
	}, events))
	require.Empty(t, sim.FateOf(check.Command{Client: 9, Store: 1, N: 9}, []*check.Operation{{Client: 4, Op: check.Get, End: ms}}, events))
}

// Three clients delete the same key. What is told of one delete is not what became of
// another.
func TestFateOfDeletes(t *testing.T) {
	text := sim.TextOfDelete("k1")
	var events []trace.Event
	events = append(events, submitted(1*ms, 1, 1, 4, text)...)
	events = append(events, submitted(1*ms, 2, 1, 6, text)...)
	events = append(events, submitted(2*ms, 3, 1, 8, text)...)
	events = append(events, []trace.Event{
		{At: 3 * ms, Kind: trace.Propose, Client: 1, N: 4, Store: 1, Region: 1, Term: 1, Index: 7, Text: text},
		{At: 3 * ms, Kind: trace.Propose, Client: 2, N: 6, Store: 1, Region: 1, Term: 1, Index: 8, Text: text},
		{At: 4 * ms, Kind: trace.Apply, Store: 1, Region: 1, Term: 1, Index: 7, Text: text},
		{At: 5 * ms, Kind: trace.Apply, Store: 2, Region: 1, Term: 1, Index: 8, Text: text + ", " + text},
		{At: 6 * ms, Kind: trace.Install, Store: 3, Region: 1, Index: 9, Text: "entries 2..9 not seen"},
	}...)
	fate := func(client uint64, o time.Duration) string {
		return sim.FateOf(check.Command{}, []*check.Operation{{Client: int(client), Op: check.Delete, Key: "k1", Begin: o, End: o + ms}}, events)
	}
	require.Equal(t, `delete "k1" of client 1 was proposed on store 1 at 0.003s, at (term 1, index 7)
applied on store 1 at 0.004s, store 2 at 0.005s
store 3 installed a snapshot up to index 9 at 0.006s, entries 2..9 not seen`, fate(1, ms))
	require.Equal(t, `delete "k1" of client 2 was proposed on store 1 at 0.003s, at (term 1, index 8)
applied on store 2 at 0.005s
store 3 installed a snapshot up to index 9 at 0.006s, entries 2..9 not seen`, fate(2, ms))
	require.Equal(t, `store 1 was given the delete "k1" of client 3 at 0.002s, and sent no other store an entry for it`, fate(3, 2*ms))

	// A later leader puts a delete of its own in the place after that of the lost one.
	events = append(events, submitted(7*ms, 4, 2, 1, text)...)
	events = append(events, []trace.Event{
		{At: 7 * ms, Kind: trace.Propose, Store: 2, Region: 1, Term: 2, Index: 8},
		{At: 7 * ms, Kind: trace.Propose, Client: 4, N: 1, Store: 2, Region: 1, Term: 2, Index: 9, Text: text},
		{At: 8 * ms, Kind: trace.Apply, Store: 4, Region: 1, Term: 2, Index: 9, Text: text + ", " + text},
	}...)
	require.NotContains(t, fate(2, ms), "store 4")
	require.Contains(t, fate(4, 7*ms), "applied on store 4 at 0.008s")
}

// Of messages that repeat, one round is shown.
func TestLastMessages(t *testing.T) {
	var events []trace.Event
	say := func(from, to uint64, text string) {
		n := uint64(len(events)) + 1
		events = append(events, trace.Event{At: time.Duration(n) * ms, Kind: trace.Message, From: from, To: to, Stream: 1, N: n, Fate: "arrives", Text: text})
	}
	say(1, 2, "Heartbeat")
	for range 5 {
		say(2, 1, "question")
		say(1, 2, "answer")
	}
	require.Equal(t, []string{
		"the last messages are the same 2, 5 times in a row:",
		"0.010000s  2->1  arrives #10 question",
		"0.011000s  1->2  arrives #11 answer",
	}, sim.LastMessages(events))
	say(1, 3, "news")
	require.Equal(t, []string{
		"the last messages:",
		"0.011000s  1->2  arrives #11 answer",
		"0.012000s  1->3  arrives #12 news",
	}, sim.LastMessages(events))
}

// Of a transaction is told what stores did for it, for its own client and for others, and
// what it has read of the key in question.
func TestFateOfTransactions(t *testing.T) {
	events := []trace.Event{
		{At: 1 * ms, Kind: trace.Operation, Client: 1, Start: 10, Fate: "begins", Text: "transaction 10"},
		{At: 2 * ms, Kind: trace.Transaction, Store: 1, Client: 1, Start: 10, Fate: "reads", Text: `"a": absent`},
		{At: 3 * ms, Kind: trace.Transaction, Store: 1, Client: 1, Start: 10, Fate: "reads", Text: `"b": absent`},
		{At: 4 * ms, Kind: trace.Transaction, Store: 2, Client: 1, Start: 10, Fate: "is prewritten", Text: `put "a"; primary "a"`},
		{At: 5 * ms, Kind: trace.Transaction, Store: 2, Client: 2, Start: 10, Fate: "is looked up", Text: `primary "a", at 20: ` + sim.TextAlive},
		{At: 6 * ms, Kind: trace.Transaction, Store: 2, Client: 3, Start: 10, Fate: "is looked up", Text: `primary "a", at 21: ` + sim.TextAlive},
		{At: 7 * ms, Kind: trace.Transaction, Store: 2, Client: 3, Start: 11, Fate: "is committed", Text: `"c", at 22`},
		{At: 8 * ms, Kind: trace.Transaction, Store: 2, Client: 1, Start: 10, Fate: "is committed", Text: `"a", at 23`},
	}
	about := &check.Transaction{Client: 1, Start: 10, Commit: 23, Outcome: check.Committed}
	require.Equal(t, `client 1's transaction (start 10, commit 23):
  0.001s client 1: begins transaction 10
  0.002s store 1: it reads, for client 1: "a": absent
  0.004s store 2: it is prewritten, for client 1: put "a"; primary "a"
  0.005s store 2: it is looked up, for client 2: primary "a", at 20: it is alive
  0.008s store 2: it is committed, for client 1: "a", at 23`, sim.FateOfTransactions([]*check.Transaction{about}, "a", events))
}
