package check_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/check"
)

// parseTransactions makes a history of lines "client start-commit step, step", with
// writes a=v (put), a=- (delete) and a=! (lock), and reads a:v and a:- (absent), and scans [a,c):a=v:
//
//	1  1-2  a=1-1 b=1-2
//	2  3-5  a:1-1 a=2-1
//	1  4-x  a=1-3             aborted
//	3  6-?  b=3-1             of unknown outcome, as is 6-8?
//	2  7    a:2-1 [a,c):a=2-1,b=1-2
//
// Timestamps are times, in seconds, and order stamps: a transaction is called at its start
// and returns at its commit, or at its start if it has none. A word @5-9 in front of the
// steps says otherwise, and a word past marks a snapshot of the past.
func parseTransactions(t *testing.T, text string) *check.History {
	h := &check.History{}
	for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
		words := strings.Fields(line)
		tx := &check.Transaction{Outcome: check.Committed}
		number := func(text string, to any) {
			_, err := fmt.Sscan(text, to)
			require.NoError(t, err, "%q in %q", text, line)
		}
		number(words[0], &tx.Client)
		start, commit, _ := strings.Cut(words[1], "-")
		number(start, &tx.Start)
		commit, unknown := strings.CutSuffix(commit, "?")
		switch {
		case commit == "x":
			tx.Outcome = check.Aborted
		case commit != "":
			number(commit, &tx.Commit)
		}
		tx.Call, tx.Return = int64(tx.Start), int64(max(tx.Start, tx.Commit))
		words = words[2:]
		for len(words) > 0 {
			if words[0] == "past" {
				tx.Past = true
			} else if times, found := strings.CutPrefix(words[0], "@"); found {
				from, until, _ := strings.Cut(times, "-")
				number(from, &tx.Call)
				number(until, &tx.Return)
			} else {
				break
			}
			words = words[1:]
		}
		tx.Begin, tx.End = time.Duration(tx.Call)*time.Second, time.Duration(tx.Return)*time.Second
		if unknown {
			tx.Outcome, tx.Return = check.Undetermined, check.Never
		}
		for _, word := range words {
			o := &check.Operation{Client: tx.Client, Begin: tx.Begin, End: tx.Begin}
			switch {
			case strings.HasPrefix(word, "["):
				o.Op, o.Limit = check.Scan, 100
				bounds, pairs, _ := strings.Cut(word[1:], "):")
				o.Key, o.Until, _ = strings.Cut(bounds, ",")
				for _, pair := range strings.FieldsFunc(pairs, func(r rune) bool { return r == ',' }) {
					k, v, _ := strings.Cut(pair, "=")
					o.Pairs = append(o.Pairs, check.Pair{Key: k, Value: v})
				}
			case strings.Contains(word, "="):
				o.Key, o.Value, _ = strings.Cut(word, "=")
				o.Op = check.Put
				switch o.Value {
				case "-":
					o.Op, o.Value = check.Delete, ""
				case "!":
					o.Op, o.Value = check.Lock, ""
				}
			default:
				o.Op = check.Get
				o.Key, o.Value, _ = strings.Cut(word, ":")
				if o.Found = o.Value != "-"; !o.Found {
					o.Value = ""
				}
			}
			tx.Steps = append(tx.Steps, o)
		}
		h.AddTransaction(tx)
	}
	return h
}

func TestSnapshotIsolation(t *testing.T) {
	for _, c := range []struct {
		name, history string
		rule, found   string // "": allowed
	}{
		{"in order", `
			1 1-2 a=1 b=1
			2 3-4 a:1 a=2
			1 5-6 a:2 a=-
			3 7   a:- b:1 [a,c):b=1`, "", ""},
		{"a snapshot stays as it is", `
			1 1-2 a=1
			2 3   a:1 a:1
			1 4-5 a=2`, "", ""},
		{"a commit timestamp that is not above the start of the snapshot is in it", `
			1 1-2 a=1
			2 2   past a:1
			2 1   past a:-`, "", ""},
		{"a snapshot of the past", `
			1 1-2 a=1
			1 3-4 a=2
			2 3   past @9-10 a:1`, "", ""},
		{"own writes", `
			1 1-2 a=1 a:1 a=2 a:2 [a,b):a=2 a=- a:- [a,b):
			2 3   a:-`, "", ""},
		{"writers that do not overlap", `
			1 1-3 a=1
			2 2-4 b=2
			1 5-6 b=3 a=4`, "", ""},
		{"writers that overlap, of which one is aborted", `
			1 1-3 a=1
			2 2-x a=2
			3 4   a:1`, "", ""},

		{"dirty read", `
			1 1-4 a=1
			2 2   a:1`, check.RuleSnapshot,
			`key "a" was read as "1" at 2.000s by client 2's transaction (start 2), but that was written by client 1's transaction (start 1, commit 4), which is not in its snapshot`},
		{"read of what was aborted", `
			1 1-x a=1
			2 2   a:1`, check.RuleAborted, `but client 1's transaction (start 1, aborted), which wrote that, was aborted`},
		{"read of what was overwritten before the commit", `
			1 1-2 a=1 a=2
			2 3   a:1`, check.RuleFinal, `which wrote that, wrote to the key again before it ended`},
		{"from nowhere", `
			2 3   a:1`, check.RuleSnapshot, `which no transaction ever wrote to it`},
		{"before it writes", `
			2 3-4 a:1 a=1`, check.RuleSnapshot, `which wrote that only later`},
		{"own write missed", `
			1 1-2 a=0
			2 3-4 a=1 a:0`, check.RuleOwnWrites, `key "a" was read as "0" at 3.000s by client 2's transaction (start 3, commit 4), which had written "1" before`},
		{"own delete missed by a scan", `
			1 1-2 a=0
			2 3-4 a=- [a,b):a=0`, check.RuleOwnWrites, `which had deleted it before`},
		{"read of a later commit", `
			2 2   a:1
			1 3-4 a=1`, check.RuleSnapshot, `which is not in its snapshot`},
		{"lost update", `
			1 1-2 a=0
			1 3-5 a:0 a=1
			2 4-6 a:0 a=2`, check.RuleConflict,
			`client 1's transaction (start 3, commit 5) and client 2's transaction (start 4, commit 6) both wrote to key "a" and committed, although each began before the other had committed`},
		{"blind writes that overlap", `
			1 1-6 a=1 b=1
			2 2-4 b=2 c=2`, check.RuleConflict, `both wrote to key "b"`},
		{"a delete that overlaps with a put", `
			1 1-6 a=-
			2 2-4 a=2`, check.RuleConflict, `both wrote to key "a"`},
		{"a lock that overlaps with a put", `
			1 1-6 a=! b=1
			2 2-4 a=2`, check.RuleConflict, `both wrote or locked key "a"`},
		{"locks that overlap", `
			1 1-6 a=! b=1
			2 2-4 a=! c=2`, check.RuleConflict, `both wrote or locked key "a"`},
		{"a lock changes nothing", `
			1 1-2 a=1
			2 3-4 a=!
			2 5-6 a:1 a=! a:1 a=2 a:2
			3 7   a:2 [a,b):a=2`, "", ""},
		{"unknown outcome, seen, and one that locks", `
			1 1-? a=1 b=1
			2 2-3 a=!
			3 4   b:1`, check.RuleConflict, `both wrote or locked key "a"`},
		{"non-repeatable read", `
			1 1-2 a=1
			2 3   a:1 a:2
			1 4-5 a=2`, check.RuleSnapshot, `key "a" was read as "2" at 3.000s by client 2's transaction (start 3)`},
		{"phantom", `
			1 1-2 a=1
			2 3   [a,z):a=1 [a,z):a=1,b=2
			1 4-5 b=2`, check.RuleSnapshot, `key "b" was read as "2"`},
		{"read skew: the second value is too new", `
			1 1-2 a=1 b=1
			2 3   a:1 b:2
			1 4-5 a=2 b=2`, check.RuleSnapshot, `key "b" was read as "2"`},
		{"fractured read", `
			1 1-2 a=1 b=1
			1 3-4 a=2 b=2
			2 5   a:2 b:1`, check.RuleAtomic,
			`key "b" was read as "1" at 5.000s by client 2's transaction (start 5), although client 1's transaction (start 3, commit 4) had written "2", and was told at 4.000s that it is committed; what that wrote to key "a" it did read`},
		{"fractured scan", `
			1 1-2 a=1 b=1 c=1
			2 5   [a,z):a=1,c=1`, check.RuleAtomic, `key "b" was read as absent`},
		{"long fork", `
			1 1-3 a=1
			2 2-4 b=2
			3 5   a:1 b:-
			4 6   a:- b:2`, check.RuleSnapshot, `key "b" was read as absent at 5.000s by client 3's transaction (start 5), although client 2's transaction (start 2, commit 4) had written "2"`},
		{"lost commit", `
			1 1-2 a=1
			2 9   @9-10 a:-`, check.RuleSnapshot, `although client 1's transaction (start 1, commit 2) had written "1", and was told at 2.000s that it is committed`},
		{"stale read", `
			1 1-2 a=1
			1 3-4 a=2
			2 5   a:1`, check.RuleSnapshot, `had written "2"`},
		{"deleted comes back", `
			1 1-2 a=1
			1 3-4 a=-
			2 5   a:1`, check.RuleSnapshot, `had deleted it`},
		{"scan misses a key", `
			1 1-2 a=1
			1 3-4 b=2
			2 5   [a,c):a=1`, check.RuleSnapshot, `key "b" was read as absent`},
		{"scan that ends before a key says nothing about it", `
			1 1-2 a=1
			1 3-4 b=2
			2 5   [a,b):a=1`, "", ""},
		{"scan out of order", `
			1 1-2 a=1 b=1
			2 5   [a,c):b=1,a=1`, check.RuleScan, `it returned key "a" after "b"`},
		{"reads of transactions that were aborted count", `
			1 1-2 a=1
			2 3-x a:- a=2`, check.RuleSnapshot, `key "a" was read as absent`},

		{"start before an acknowledged commit", `
			1 1-5 @1-2 a=1
			2 3   @6-7 a:-`, check.RuleRealTime,
			`client 2's transaction (start 3) began at 6.000s, after client 1's transaction (start 1, commit 5) had ended at 2.000s, but its start is lower`},
		{"start before that of a transaction that has ended", `
			1 5-x @1-2
			2 3   @6-7 a:-`, check.RuleRealTime, `but its start is lower`},
		{"a start twice", `
			1 1-4 a=1
			2 1-5 b=1`, check.RuleTimestamps, `timestamp 1 is the start of client 2's transaction (start 1, commit 5) and the start of client 1's`},
		{"a commit at a start", `
			1 1-4 a=1
			2 4   a:1`, check.RuleTimestamps, `timestamp 4 is the start of client 2's transaction (start 4) and the commit timestamp of client 1's`},
		{"a commit below the start", `
			1 3-2 a=1`, check.RuleTimestamps, `commits at a timestamp that is not above its start`},

		{"unknown outcome, and not seen", `
			1 1-? a=1 b=1
			2 2-3 a=2
			3 4   a:2 b:-`, "", ""},
		{"unknown outcome, and it has committed", `
			1 1-? a=1 b=1
			2 2   a:-
			3 4   a:1 b:1
			2 5   b:1`, "", ""},
		{"unknown outcome, half of it", `
			1 1-? a=1 b=1
			3 4   a:1 b:-`, check.RuleAtomic,
			`client 3's transaction (start 4) did not read what client 1's transaction (start 1, unknown) wrote to key "b", although it did read what that wrote to key "a"`},
		{"unknown outcome, and it comes and goes", `
			1 1-? a=1 b=1
			2 3   a:1
			3 4   b:-`, check.RuleAtomic, `although client 2's transaction (start 3), whose snapshot is older, did read what that wrote to key "a"`},
		{"unknown outcome, seen, and overwritten before it was there", `
			1 1-? a=1 b=1
			2 3-5 b:1 b=2
			3 4   a:-`, check.RuleAtomic, `did not read what client 1's transaction (start 1, unknown) wrote to key "a"`},
		{"unknown outcome, and one that overlaps", `
			1 1-? a=1 b=1
			2 2-3 a=2
			3 4   b:1`, check.RuleConflict, `client 2's transaction (start 2, commit 3) both wrote to key "a"`},
		{"unknown outcome, seen below a commit", `
			1 1-? a=1 b=1
			2 5-6 a=2
			4 4   b:-
			3 7   b:1`, check.RuleAtomic, ""},
		{"unknown outcome, and the commit timestamp is known", `
			1 1-3? a=1
			3 2   a:-
			3 4   a:-
			3 5   a:1`, check.RuleSnapshot, `key "a" was read as absent at 4.000s by client 3's transaction (start 4), although client 1's transaction (start 1, commit 3) had written "1", as others have seen`},
		{"the delete of an unknown transaction", `
			1 1-2 a=1 b=1
			2 3-? a=- b=2
			3 4   a:1
			3 6   a:- b:2`, "", ""},
		{"the delete of an unknown transaction, without what came with it", `
			1 1-2 a=1 b=1
			2 3-? a=- b=2
			3 6   a:- b:1`, check.RuleAtomic, `did not read what client 2's transaction (start 3, unknown) wrote to key "b"`},
		{"one of two unknown transactions has deleted it", `
			1 1-2 a=1
			2 3-? a=-
			4 4-? a=-
			3 6   a:-`, "", ""},
		{"an unknown transaction that deletes the key too early", `
			2 1-? a=-
			1 2-3 a=1
			3 6   a:-`, check.RuleSnapshot, `key "a" was read as absent`},

		{"write skew is allowed", writeSkew, "", ""},
		{"the anomaly of a reader is allowed", readerAnomaly, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := check.SnapshotIsolation(parseTransactions(t, c.history))
			if c.rule == "" {
				require.NoError(t, err)
				return
			}
			require.Error(t, err)
			v := err.(*check.Violation)
			require.Equal(t, c.rule, v.Rule, v.Found)
			require.False(t, v.Undecided)
			require.Contains(t, v.Found, c.found)
			require.NotEmpty(t, v.Transactions)
		})
	}
}

// Without values that tell their writers there is no verdict.
func TestValuesTellTheirWriters(t *testing.T) {
	err := check.SnapshotIsolation(parseTransactions(t, `
		1 1-2 a=1
		2 3-4 a=1`))
	require.Error(t, err)
	require.True(t, err.(*check.Violation).Undecided)
}

// A violation comes with what the transactions did.
func TestFateOfTransactions(t *testing.T) {
	v := check.SnapshotIsolation(parseTransactions(t, `
		1 1-2 a=1 b=1
		2 3-5 a:1 [a,c):a=1,b=1 a=-
		1 4-6 a:1 a=2`)).(*check.Violation)
	require.Equal(t, `4.000s-6.000s client 1's transaction (start 4, commit 6): get "a" -> "1", put "a" = "2"
3.000s-5.000s client 2's transaction (start 3, commit 5): get "a" -> "1", scan "a" -> a=1 b=1, delete "a"`, v.Fate)
	require.Equal(t, "a", v.Key)
	require.Len(t, v.Transactions, 2)
	require.Equal(t, 6*time.Second, v.At)
}

// Two doctors who may not both go off duty: each sees the other one on duty.
const writeSkew = `
	1 1-2 a=on b=on
	2 3-5 a:on b:on a=off
	3 4-6 a:on b:on b=off`

// The reader sees the deposit of client 3 and not the withdrawal of client 2, which did
// not see the deposit. Without the reader, 2 before 3 would explain everything.
const readerAnomaly = `
	1 1-2 x=0 y=0
	2 3-9 x:0 y:0 x=-11
	3 4-5 y:0 y=20
	4 6   x:0 y:20`

func TestWriteSkew(t *testing.T) {
	for _, c := range []struct {
		name, history string
		starts        []uint64
	}{
		{"one after the other", `
			1 1-2 a=1 b=1
			2 3-4 a:1 b:1 a=2
			3 5-6 a:2 b:1 b=3`, nil},
		{"at the same time, and it does not matter", `
			1 1-2 a=1 b=1
			2 3-5 a:1 a=2
			3 4-6 a:1 b:1 b=3`, nil},
		{"write skew", writeSkew, []uint64{3, 4}},
		{"the anomaly of a reader", readerAnomaly, []uint64{3, 4, 6}},
		{"phantoms", `
			2 3-5 [a,c): a=1
			3 4-6 [a,c): b=2`, []uint64{3, 4}},
		{"a circle of three", `
			1 1-7 a:- b=1
			2 2-8 b:- c=2
			3 3-9 c:- a=3`, []uint64{1, 2, 3}},
		{"with a transaction that was aborted", `
			1 1-2 a=on b=on
			2 3-5 a:on b:on a=off
			3 4-x a:on b:on b=off`, nil},
		{"with an unknown transaction that was not seen", `
			1 1-2 a=on b=on
			2 3-5 a:on b:on a=off
			3 4-? a:on b:on b=off`, nil},
		{"with an unknown transaction that was seen", `
			1 1-2 a=on b=on
			2 3-5 a:on b:on a=off
			3 4-? a:on b:on b=off
			4 9   b:off`, []uint64{3, 4}},
		{"what snapshot isolation forbids", `
			1 1-3 a:- a=1
			2 2-4 a:- a=2`, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var starts []uint64
			for _, tx := range check.WriteSkew(parseTransactions(t, c.history)) {
				starts = append(starts, tx.Start)
			}
			require.ElementsMatch(t, c.starts, starts)
		})
	}
}

func TestSums(t *testing.T) {
	amount := func(v string) int {
		var n int
		_, err := fmt.Sscan(v, &n)
		require.NoError(t, err)
		return n
	}
	for _, c := range []struct{ name, history, found string }{
		{"it stays the same", `
			1 1   [a,z):
			1 2-3 a=10-1 b=10-1
			2 4-5 a:10-1 b:10-1 a=7-2 b=13-2
			2 6   [a,z):a=7-2,b=13-2`, ""},
		{"a transaction that reads a part, or its own writes, says nothing", `
			1 1-2 a=10-1 b=10-1
			2 3-4 a:10-1 a=7-2 [a,z):a=7-2,b=10-1
			2 5   a:7-2`, ""},
		{"a transfer that is half there", `
			1 1-2 a=10-1 b=10-1
			2 3-4 a:10-1 b:10-1 a=7-2 b=13-2
			2 5-x a:7-2 b:10-1`, "client 2's transaction (start 5, aborted) has read all 2 keys, and found 17 in 2 of them instead of 20 in sum"},
		{"an account that is missing", `
			1 1-2 a=10-1 b=10-1
			2 5   [a,z):a=10-1`, "found 10 in 1 of them"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := check.Sums(parseTransactions(t, c.history), []string{"a", "b"}, 20, amount)
			if c.found == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.found)
			require.Equal(t, check.RuleSum, err.(*check.Violation).Rule)
		})
	}
}

func TestTransactionRecorder(t *testing.T) {
	h := &check.History{}
	now := time.Duration(0)
	r := h.Recorder(3, func() time.Duration { now += time.Second; return now })
	a := r.BeginTransaction()
	a.Start(5, false)
	get := a.Begin(check.Operation{Op: check.Get, Key: "k"})
	get.Value, get.Found = "0", true
	a.Done(get)
	a.Done(a.Begin(check.Operation{Op: check.Put, Key: "k", Value: "1"}))
	r.BeginTransaction() // got no timestamp
	a.Committed(7)
	b := r.BeginTransaction()
	b.Start(8, false)
	b.Aborted()
	c := r.BeginTransaction()
	c.Start(9, false)
	c.Undetermined()
	d := r.BeginTransaction()
	d.Start(4, true)
	d.Committed(0)
	var lines []string
	for _, tx := range h.Transactions() {
		lines = append(lines, fmt.Sprintf("%v %v %v", tx, tx.Past, len(tx.Steps)))
		require.Less(t, tx.Call, tx.Return)
	}
	require.Equal(t, []string{
		"client 3's transaction (start 5, commit 7) false 2",
		"client 3's transaction (start 8, aborted) false 0",
		"client 3's transaction (start 9, unknown) false 0",
		"client 3's transaction (start 4) true 0",
	}, lines)
	require.Equal(t, 2*time.Second, get.Begin)
	require.Equal(t, 3*time.Second, get.End)
	require.Equal(t, int64(check.Never), h.Transactions()[2].Return)
	require.Empty(t, h.Operations())
}
