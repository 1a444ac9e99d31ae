package check_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/check"
)

// parse makes a history of lines "client call-return op key result":
//
//	1  1-2  put a 1
//	2  3-4  get a 1
//	1  5-?  delete a
//	2  6-7  get a absent
//	2  8-9  scan a 2 a=1 b=2
func parse(t *testing.T, text string) *check.History {
	h := &check.History{}
	for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
		words := strings.Fields(line)
		o := &check.Operation{Return: check.Never}
		_, err := fmt.Sscan(words[0], &o.Client)
		require.NoError(t, err)
		from, until, _ := strings.Cut(words[1], "-")
		_, err = fmt.Sscan(from, &o.Call)
		require.NoError(t, err)
		if until != "?" {
			_, err = fmt.Sscan(until, &o.Return)
			require.NoError(t, err)
		}
		o.Begin, o.End = time.Duration(o.Call)*time.Second, time.Duration(o.Return)*time.Second
		o.Key = words[3]
		switch words[2] {
		case "put":
			o.Op, o.Value = check.Put, words[4]
		case "delete":
			o.Op = check.Delete
		case "get":
			o.Op = check.Get
			if words[4] != "absent" {
				o.Value, o.Found = words[4], true
			}
		case "scan":
			o.Op = check.Scan
			_, err := fmt.Sscan(words[4], &o.Limit)
			require.NoError(t, err)
			for _, pair := range words[5:] {
				k, v, found := strings.Cut(pair, "=")
				if !found {
					o.Until = strings.TrimPrefix(pair, "<")
					continue
				}
				o.Pairs = append(o.Pairs, check.Pair{Key: k, Value: v})
			}
		}
		h.Add(o)
	}
	return h
}

func TestLinearizable(t *testing.T) {
	for _, c := range []struct {
		name, history string
		rule, found   string // "": linearizable
	}{
		{"in order", `
			1 1-2 put a 1
			1 3-4 get a 1
			1 5-6 delete a
			1 7-8 get a absent`, "", ""},
		{"concurrent", `
			1 1-9 put a 1
			2 2-3 get a 1
			2 4-8 put a 2
			3 5-6 get a 1
			3 7-10 get a 2`, "", ""},
		{"stale", `
			1 1-2 put a 1
			2 3-4 put a 2
			3 5-6 get a 1`, check.RuleLinearizable, `key "a" was read as "1" at 6.000s by client 3, after client 2's put of "2" was acknowledged at 4.000s`},
		{"own write lost", `
			1 1-2 put a 1
			1 3-4 get a absent`, check.RuleLinearizable, `key "a" was read as absent at 4.000s by client 1, after its own put of "1" was acknowledged at 2.000s`},
		{"deleted comes back", `
			1 1-2 put a 1
			1 3-4 delete a
			2 5-6 get a 1`, check.RuleLinearizable, `after client 1's delete was acknowledged`},
		{"from nowhere", `
			1 1-2 put a 1
			2 3-4 get a 7`, check.RuleLinearizable, "which nobody ever wrote to it"},
		{"goes back", `
			1 1-20 put a 1
			2 2-3 get a 1
			2 4-5 get a absent`, check.RuleLinearizable, "which no order of the operations before explains"},
		{"unknown put happens late", `
			1 1-? put a 1
			2 2-3 get a absent
			2 4-5 get a 1`, "", ""},
		{"unknown put happens once", `
			1 1-? put a 1
			2 2-3 get a 1
			2 4-5 put a 2
			2 6-7 get a 2
			3 8-9 get a 1`, check.RuleLinearizable, ""},
		{"unknown put never happens", `
			1 1-? put a 1
			2 2-3 put a 2
			2 4-5 get a 2`, "", ""},
		{"a key of which nobody knows anything", `
			1 1-? put a 1
			2 2-? put a 2
			2 4-5 put b 1`, "", ""},
		{"unknown deletes", `
			1 1-2 put a 1
			1 3-? delete a
			2 4-? delete a
			3 5-6 get a absent
			3 7-8 put a 2
			3 9-10 get a absent`, "", ""},
		{"too few unknown deletes", `
			1 1-2 put a 1
			1 3-? delete a
			3 5-6 get a absent
			3 7-8 put a 2
			3 9-10 get a absent`, check.RuleLinearizable, "which no order of the operations before explains"},
		{"the order in which unknown deletes began does not matter", `
			1 1-2 put a 1
			1 3-? delete a
			3 5-6 get a absent
			3 7-8 put a 2
			2 9-? delete a
			3 10-11 get a absent
			3 12-13 put a 3
			3 14-15 get a 3`, "", ""},
		{"keys are apart", `
			1 1-2 put a 1
			1 3-4 put b 2
			2 5-6 get a 1
			2 7-8 get b 2`, "", ""},

		{"scan", `
			1 1-2 put a 1
			1 3-4 put b 2
			1 5-6 put c 3
			2 7-8 scan a 2 a=1 b=2
			2 9-10 scan b 9 b=2 c=3
			2 11-12 scan d 9`, "", ""},
		{"scan misses a key", `
			1 1-2 put a 1
			1 3-4 put b 2
			2 7-8 scan a 2 a=1`, check.RuleLinearizable, `key "b" was read as absent`},
		{"scan says nothing behind its limit", `
			1 1-2 put a 1
			1 3-4 put b 2
			2 7-8 scan a 1 a=1`, "", ""},
		{"scan out of order", `
			1 1-2 put a 1
			1 3-4 put b 2
			2 7-8 scan a 2 b=2 a=1`, check.RuleScan, `it returned key "a" after "b"`},
		{"scan before its start", `
			1 1-2 put a 1
			2 7-8 scan b 2 a=1`, check.RuleScan, "before its start"},
		{"scan with too many", `
			1 1-2 put a 1
			1 3-4 put b 1
			2 7-8 scan a 1 a=1 b=1`, check.RuleScan, "more pairs than the limit"},
		{"scan that ends before a key says nothing about it", `
			1 1-2 put a 1
			1 3-4 put b 2
			2 7-8 scan a 9 a=1 <b
			2 9-10 scan b 8 b=2`, "", ""},
		{"scan misses a key before its end", `
			1 1-2 put a 1
			1 3-4 put b 2
			2 7-8 scan a 9 a=1 <c`, check.RuleLinearizable, `key "b" was read as absent`},
		{"scan beyond its end", `
			1 1-2 put a 1
			1 3-4 put b 2
			2 7-8 scan a 9 a=1 b=2 <b`, check.RuleScan, `it returned key "b", which is not before its end, "b"`},
		{"two parts of a scan, of two moments", `
			1 1-2 put a 1
			1 3-4 put b 1
			2 5-8 scan a 9 a=1 <b
			1 9-10 put a 2
			1 11-12 put b 2
			2 13-14 scan b 8 b=2`, "", ""},
		{"a part of a scan sees two moments", `
			1 1-2 put a 1
			1 3-4 put b 1
			2 5-20 scan a 9 a=1 b=2 <c
			1 6-7 put a 2
			1 8-9 put b 2`, check.RuleScan, `it saw key "a" as "1", which`},
		{"scan of two moments", `
			1 1-2 put a 1
			1 3-4 put b 1
			2 5-20 scan a 9 a=1 b=2
			1 6-7 put a 2
			1 8-9 put b 2`, check.RuleScan, `it saw key "a" as "1", which`},
		{"scan of one moment between", `
			1 1-2 put a 1
			1 3-4 put b 1
			2 5-20 scan a 9 a=2 b=1
			1 6-7 put a 2
			1 8-9 put b 2`, "", ""},
		{"scan with an absent key of another moment", `
			1 1-2 put a 1
			2 5-20 scan a 9 a=1
			1 6-7 put b 1
			1 8-9 put a 2
			1 10-11 delete b`, "", ""},
		{"scan with a key that was deleted only later", `
			1 1-2 put a 1
			1 3-4 put b 1
			2 5-20 scan a 9 a=1
			1 6-7 put a 2
			1 8-9 delete b`, check.RuleScan, `which was not there yet`},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := check.Linearizable(parse(t, c.history), time.Minute)
			if c.rule == "" {
				require.NoError(t, err)
				return
			}
			require.Error(t, err)
			v := err.(*check.Violation)
			require.Equal(t, c.rule, v.Rule)
			require.False(t, v.Undecided)
			require.Contains(t, v.Found, c.found)
		})
	}
}

// A history that a register made is linearizable, with any outcomes forgotten; one
// with a read changed to an older value mostly is not.
func TestRandomHistories(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	caught := 0
	for range 300 {
		h, spoiled := &check.History{}, &check.History{}
		var value string
		var old []string
		found := false
		at := int64(0)
		spoil := r.IntN(40)
		for i := range 40 {
			// It takes effect at 10 at, and was called before and returns after.
			at++
			o := &check.Operation{Client: i, Key: "k", Call: 10*at - int64(r.IntN(25)), Return: 10*at + int64(r.IntN(25))}
			switch n := r.IntN(10); {
			case n < 4:
				o.Op, o.Value = check.Put, fmt.Sprint(i)
				value, found = o.Value, true
				old = append(old, value)
			case n < 5:
				o.Op = check.Delete
				value, found = "", false
			default:
				o.Op, o.Value, o.Found = check.Get, value, found
			}
			if o.Op != check.Get && r.IntN(5) == 0 {
				o.Return = check.Never
			}
			h.Add(o)
			p := *o
			if i >= spoil && o.Op == check.Get && len(old) > 4 {
				p.Value, p.Found = old[0], true
				spoil = 100
			}
			spoiled.Add(&p)
		}
		require.NoError(t, check.Linearizable(h, time.Minute))
		if check.Linearizable(spoiled, time.Minute) != nil {
			caught++
		}
	}
	require.Greater(t, caught, 100)
}

// A check that is cut short says so, and nothing else.
func TestUndecided(t *testing.T) {
	h := &check.History{}
	for i := range 4000 {
		h.Add(&check.Operation{Client: i, Op: check.Put, Key: "k", Value: fmt.Sprint(i), Call: 1, Return: 1 << 40})
		h.Add(&check.Operation{Client: i, Op: check.Get, Key: "k", Value: fmt.Sprint(i), Found: true, Call: 2, Return: 1 << 40})
	}
	h.Add(&check.Operation{Op: check.Get, Key: "k", Value: "none", Found: true, Call: 1 << 41, Return: 1 << 42})
	err := check.Linearizable(h, time.Nanosecond)
	require.Error(t, err)
	v := err.(*check.Violation)
	require.True(t, v.Undecided)
	require.Equal(t, check.RuleUndecided, v.Rule)
}

func TestRecorder(t *testing.T) {
	h := &check.History{}
	now := time.Duration(0)
	r := h.Recorder(3, func() time.Duration { now += time.Second; return now })
	r.Begin(check.Operation{Op: check.Put, Key: "a", Value: "1"}).Done()
	r.Begin(check.Operation{Op: check.Put, Key: "a", Value: "2"}).Refused()
	r.Begin(check.Operation{Op: check.Put, Key: "a", Value: "3"}).Unknown()
	r.Begin(check.Operation{Op: check.Get, Key: "a"}).Unknown()
	r.Begin(check.Operation{Op: check.Get, Key: "a"}).Read("1", true)
	r.Begin(check.Operation{Op: check.Scan, Key: "", Limit: 3}).Scanned([]check.Pair{{Key: "a", Value: "1"}}, "")
	r.Begin(check.Operation{Op: check.Scan, Key: "b", Limit: 3}).Scanned(nil, "m")
	var lines []string
	for _, o := range h.Operations() {
		lines = append(lines, o.String())
		require.Less(t, o.Call, o.Return)
	}
	require.Equal(t, []string{
		`1.000s-2.000s client 3: put "a" = "1"`,
		`4.000s- client 3: put "a" = "3", outcome unknown`,
		`7.000s-8.000s client 3: get "a" -> "1"`,
		`9.000s-10.000s client 3: scan "" -> 1 of 3`,
		`11.000s-12.000s client 3: scan "b" until "m" -> 0 of 3`,
	}, lines)
	require.NoError(t, check.Linearizable(h, time.Minute))
}
