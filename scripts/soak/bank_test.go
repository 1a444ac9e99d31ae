package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/check"
)

// newLedger returns the ledger of a teller, and a counter of its nods.
func newLedger(h *check.History, id int) (l *ledger, nods *int) {
	nods = new(int)
	return &ledger{
		recorder: h.Recorder(id, func() time.Duration { return 0 }), counts: &counts{},
		nod: func() { *nods++ }, committing: func() {}, answered: func() {},
	}, nods
}

// says returns lines as a teller writes them.
func says(t *testing.T, lines ...line) string {
	t.Helper()
	var b strings.Builder
	out := json.NewEncoder(&b)
	for _, l := range lines {
		require.NoError(t, out.Encode(l))
	}
	return b.String()
}

// A teller can be killed at any moment, and in the middle of a line. A transaction is in
// doubt from the moment at which the commit was announced.
func TestLinesOfATellerThatIsKilled(t *testing.T) {
	transfer := says(t,
		line{Event: begins},
		line{Event: starts, TS: 10},
		line{Event: reads, Key: "a", Value: "100 by 0/0/0", Found: true},
		line{Event: reads, Key: "b"},
		line{Event: writes, Pairs: []check.Pair{{Key: "a", Value: "90 by 1/1/1"}, {Key: "b", Value: "10 by 1/1/1"}}},
		line{Event: committed, TS: 11},
	)
	ends := func(event event) int { // of the line with an event
		at := strings.Index(transfer, `{"event":"`+string(event))
		return at + strings.IndexByte(transfer[at:], '\n') + 1
	}
	for length := range len(transfer) + 1 {
		h := &check.History{}
		l, nods := newLedger(h, 1)
		announced := 0
		l.committing = func() { announced++ }
		require.NoError(t, l.follow(strings.NewReader(transfer[:length])))
		all := h.Transactions()
		if length < ends(starts) {
			require.Empty(t, all)
			continue
		}
		require.Len(t, all, 1)
		require.Equal(t, 1, *nods)
		require.EqualValues(t, 10, all[0].Start)
		got := fmt.Sprint(all[0].Outcome, " ", all[0].Commit, " ", len(all[0].Steps), " ", announced)
		switch {
		case length < ends(reads):
			require.Equal(t, "aborted 0 0 0", got)
		case length < ends(writes):
			require.Contains(t, []string{"aborted 0 1 0", "aborted 0 2 0"}, got)
		case length < ends(committed):
			require.Equal(t, "unknown 0 4 1", got)
			require.EqualValues(t, check.Never, all[0].Return)
		default:
			require.Equal(t, "committed 11 4 1", got)
		}
	}
}

func TestOutcomesThatTellersSay(t *testing.T) {
	h := &check.History{}
	l, nods := newLedger(h, 3)
	wrote := line{Event: writes, Pairs: []check.Pair{{Key: "a", Value: "1 by 3/1/1"}}}
	require.NoError(t, l.follow(strings.NewReader(says(t,
		line{Event: begins}, line{Event: refused}, // no timestamp: not in the history
		line{Event: begins}, line{Event: starts, TS: 5}, line{Event: refused},
		line{Event: begins}, line{Event: starts, TS: 6}, wrote, line{Event: conflict},
		line{Event: begins}, line{Event: starts, TS: 7}, wrote, line{Event: refused},
		line{Event: begins}, line{Event: starts, TS: 8}, wrote, line{Event: unknown},
		line{Event: begins}, line{Event: starts, TS: 6, Past: true}, line{Event: scans}, line{Event: committed},
	))))
	var got []string
	for _, tx := range h.Transactions() {
		got = append(got, fmt.Sprint(tx.Client, " ", tx.Start, " ", tx.Outcome, " ", tx.Past))
	}
	require.Equal(t, []string{"3 5 aborted false", "3 6 aborted false", "3 7 aborted false", "3 8 unknown false", "3 6 committed true"}, got)
	require.Equal(t, 6, *nods)
	c := l.counts
	require.Equal(t, []int64{1, 1, 3, 1}, []int64{c.committed.Load(), c.conflicts.Load(), c.refused.Load(), c.unknown.Load()})
}

func TestLinesThatMakeNoSense(t *testing.T) {
	begun := []line{{Event: begins}, {Event: starts, TS: 1}}
	for name, text := range map[string]string{
		"no JSON":                    "panic: oh no\n",
		"no event":                   says(t, append(begun, line{})...),
		"twice begun":                says(t, line{Event: begins}, line{Event: begins}),
		"twice started":              says(t, append(begun, begun[1])...),
		"started, not begun":         says(t, line{Event: starts, TS: 1}),
		"read before the start":      says(t, line{Event: begins}, line{Event: reads, Key: "a"}),
		"committed before the start": says(t, line{Event: begins}, line{Event: committed}),
		"outcome of nothing":         says(t, line{Event: unknown}),
	} {
		l, _ := newLedger(&check.History{}, 1)
		require.Error(t, l.follow(strings.NewReader(text)), name)
	}
}

// What other clients do between the nod and the end of a transaction is concurrent to it,
// although the lines of the teller come late.
func TestNodFollowsStamp(t *testing.T) {
	h := &check.History{}
	other, _ := newLedger(h, 2)
	l, _ := newLedger(h, 1)
	l.nod = func() {
		require.NoError(t, other.follow(strings.NewReader(says(t, line{Event: begins}, line{Event: starts, TS: 1}, line{Event: committed}))))
	}
	require.NoError(t, l.follow(strings.NewReader(says(t, line{Event: begins}, line{Event: starts, TS: 2}, line{Event: committed}))))
	all := h.Transactions()
	require.Len(t, all, 2)
	require.Equal(t, 2, all[0].Client)
	require.Less(t, all[1].Call, all[0].Call)
	require.Less(t, all[0].Return, all[1].Return)
}

// The audit finds what a bank must not do.
func TestAudit(t *testing.T) {
	const accounts = 3
	pairs := func(values ...string) []check.Pair {
		var all []check.Pair
		for i, value := range values {
			all = append(all, check.Pair{Key: accountName(i), Value: value})
		}
		return all
	}
	first := balance(opening, 0, 0, 0)
	wrote := func(ts uint64, outcome event, values ...string) []line {
		return []line{{Event: begins}, {Event: starts, TS: ts}, {Event: writes, Pairs: pairs(values...)}, {Event: outcome, TS: ts + 5}}
	}
	saw := func(ts uint64, values ...string) []line {
		return []line{{Event: begins}, {Event: starts, TS: ts}, {Event: scans, Pairs: pairs(values...)}, {Event: committed}}
	}
	minus, plus := balance(70, 1, 1, 1), balance(130, 1, 1, 1)
	for _, c := range []struct {
		name, rule string
		then       [][]line
	}{
		{"all is well", "", [][]line{wrote(20, committed, minus, plus), saw(30, minus, plus, first)}},
		{"a commit in doubt, seen", "", [][]line{wrote(20, unknown, minus, plus), saw(30, minus, plus, first)}},
		{"a commit in doubt, not seen", "", [][]line{wrote(20, unknown, minus, plus), saw(30, first, first, first)}},
		{"money from nothing", check.RuleSum, [][]line{wrote(20, committed, first+"+", plus), saw(30, first+"+", plus, first)}},
		{"a transfer that was lost", check.RuleSnapshot, [][]line{wrote(20, committed, minus, plus), saw(30, first, first, first)}},
		{"half a transfer", check.RuleAtomic, [][]line{wrote(20, committed, minus, plus), saw(30, minus, first, first)}},
		{"half a transfer in doubt", check.RuleAtomic, [][]line{wrote(20, unknown, minus, plus), saw(30, minus, first, first)}},
		{"a transfer that was refused", check.RuleAborted, [][]line{wrote(20, refused, minus, plus), saw(30, minus, plus, first)}},
		{"an account that is gone", check.RuleAtomic, [][]line{saw(30, first, first)}},
		{"a value that was damaged", check.RuleSnapshot, [][]line{saw(30, first, first, "100 by")}},
	} {
		h := &check.History{}
		for i, lines := range append([][]line{wrote(10, committed, first, first, first)}, c.then...) {
			l, _ := newLedger(h, i)
			require.NoError(t, l.follow(strings.NewReader(says(t, lines...))))
		}
		err := audited(h, accounts)
		if c.rule == "" {
			require.NoError(t, err, c.name)
			continue
		}
		var violation *check.Violation
		require.ErrorAs(t, err, &violation, c.name)
		require.Equal(t, c.rule, violation.Rule, c.name)
	}

	// Two transfers from the same balance, at the same time.
	h := &check.History{}
	a, _ := newLedger(h, 1)
	b, _ := newLedger(h, 2)
	for _, said := range wrote(10, committed, first, first, first) {
		require.True(t, a.take(&said))
	}
	one, two := wrote(20, committed, minus, plus), wrote(22, committed, balance(0, 2, 1, 1))
	for i := range one {
		require.True(t, a.take(&one[i]) && b.take(&two[i]))
	}
	var violation *check.Violation
	require.ErrorAs(t, audited(h, accounts), &violation)
	require.Equal(t, check.RuleConflict, violation.Rule)
}

// A teller asks before it does anything, and ends with the soak.
func TestTellerEndsWithTheSoak(t *testing.T) {
	text, err := json.Marshal(assignment{Scheduler: "127.0.0.1:1", Teller: 1, Life: 1, Accounts: 2, Rate: 1000})
	require.NoError(t, err)
	var out bytes.Buffer
	require.NoError(t, serve(bytes.NewReader(append(text, '\n')), &out))
	require.Equal(t, says(t, line{Event: begins}), out.String())
	require.ErrorContains(t, serve(strings.NewReader(""), &out), "no assignment")
}

// A balance is read as it was written, with the padding of a deposit and without.
func TestBalances(t *testing.T) {
	for value, want := range map[string]int{
		deposit():             opening,
		balance(7, 3, 14, 15): 7,
		"":                    0,
		"7":                   0,
	} {
		require.Equal(t, want, amountIn(balanceOf([]byte(value))), value)
	}
	require.Equal(t, balance(opening, 0, 0, 0), balanceOf([]byte(deposit())))
	require.NotEqual(t, balance(opening, 0, 0, 0), balanceOf([]byte(deposit()+".")))
	require.Less(t, endOfKeys, accountName(0))
	require.Less(t, accountName(99999), endOfAccounts)
}
