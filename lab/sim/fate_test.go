package sim_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/check"
	"github.com/labkv/labkv/lab/sim"
	"github.com/labkv/labkv/lab/trace"
)

// A put is proposed by a leader that is cut off, and again, as another one, by the next
// leader, while a client reads at the old one.
func TestFate(t *testing.T) {
	const ms = time.Millisecond
	lost, kept := sim.TextOfPut("k1", "1-1"), sim.TextOfPut("k1", "1-2")
	events := []trace.Event{
		{At: 1 * ms, Kind: trace.Role, Store: 1, Term: 1, Role: "leader"},
		{At: 2 * ms, Kind: trace.Propose, Store: 1, Region: 1, Term: 1, Index: 7, Text: lost},
		{At: 3 * ms, Kind: trace.Role, Store: 2, Term: 2, Role: "leader"},
		{At: 4 * ms, Kind: trace.Propose, Store: 2, Region: 1, Term: 2, Index: 7, Text: kept + ", delete \"k2\""},
		{At: 5 * ms, Kind: trace.Apply, Store: 2, Region: 1, Term: 2, Index: 7, Text: kept},
		{At: 6 * ms, Kind: trace.Serve, Store: 1, Region: 1, Term: 1, Index: 6, Role: "leader"},
		{At: 7 * ms, Kind: trace.Call, Client: 3, Store: 1, N: 1, Fate: "returns"},
		{At: 8 * ms, Kind: trace.Apply, Store: 3, Region: 1, Term: 2, Index: 7, Text: kept},
		{At: 9 * ms, Kind: trace.Serve, Store: 1, Region: 1, Term: 1, Index: 6, Role: "leader"},
	}
	require.Equal(t, `put "k1" = "1-1" was proposed on store 1 at 0.002s, at (term 1, index 7)
store 2 proposed another entry at index 7 at 0.004s, in term 2
no store applied it`, sim.FateOf(lost, nil, events))
	require.Equal(t, `the read was served at 0.006s by store 1, a leader of term 1 that had applied up to index 6; store 2 had led term 2 since 0.003s
put "k1" = "1-2" was proposed on store 2 at 0.004s, at (term 2, index 7)
applied on store 2 at 0.005s, store 3 at 0.008s`, sim.FateOf("", []*check.Operation{
		{Client: 3, Op: check.Get, Key: "k1", Value: "1-0", Found: true, Begin: 5 * ms, End: 7 * ms},
		{Client: 1, Op: check.Put, Key: "k1", Value: "1-2"},
	}, events))
	require.Empty(t, sim.FateOf(sim.TextOfPut("k1", "9-9"), []*check.Operation{{Client: 4, Op: check.Get, End: ms}}, events))
}
