package transaction_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

const onResolve = "the comments on LocksOf and ResolveLock"

// locksOf returns the first keys that the transaction of start has locked.
func locksOf(t *graded.T, r *transaction.Reader, start, limit int) []string {
	t.Helper()
	found, err := transaction.LocksOf(r, at(start), limit)
	require.NoError(t, err, "LocksOf")
	keys := []string{}
	for _, key := range found {
		keys = append(keys, string(key))
	}
	return keys
}

// Locks of the transaction of 30 stand among those of others.
func TestLocksOfTransaction4C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "LocksOf returns the keys that a transaction has locked, and no others, in ascending order, up to its limit",
		Source: onResolve,
	}, func(t *graded.T) {
		d := empty(t)
		require.Empty(t, locksOf(t, d.reader(), 30, 10), "locks in an empty store")
		mine := []string{"\x00", "a", "a\x00", "ab", "abcdefgh", "abcdefghi", "b", "\xff"}
		kinds := []kvrpcpb.Op{kvrpcpb.Op_Put, kvrpcpb.Op_Del, kvrpcpb.Op_Lock}
		for i, n := range []int{4, 7, 0, 2, 6, 1, 3, 5} {
			d.locked(mine[n], "primary", kinds[i%3], 30, 5, "x")
		}
		for i, key := range []string{"\x00\x00", "aa", "abcdefg", "c", "d"} {
			d.locked(key, "a", kvrpcpb.Op_Put, []int{29, 31}[i%2], 5, "y")
		}
		d.put("e", 30, 40, "committed").rolledBack("f", 30).put("a", 10, 20, "old")
		for limit := 1; limit <= len(mine)+2; limit++ {
			require.Equal(t, mine[:min(limit, len(mine))], locksOf(t, d.reader(), 30, limit), "locks of the transaction of 30, with limit %d", limit)
		}
		require.Equal(t, []string{"\x00\x00", "abcdefg", "d"}, locksOf(t, d.reader(), 29, 100), "locks of the transaction of 29")
		require.Empty(t, locksOf(t, d.reader(), 20, 100), "locks of a transaction that has none")

		// A limit also bounds the work.
		for i := range 1000 {
			d.locked(fmt.Sprintf("m%03d", i), "a", kvrpcpb.Op_Del, 50, 5, "")
		}
		before := d.engine.Reads()
		require.Len(t, locksOf(t, d.reader(), 30, 4), 4, "locks with limit 4")
		require.LessOrEqual(t, d.engine.Reads()-before, 20, "records read for the first four locks, which are among the first seven of more than a thousand")
		before = d.engine.Reads()
		require.Len(t, locksOf(t, d.reader(), 50, 2000), 1000, "locks of the transaction of 50")
		require.LessOrEqual(t, d.engine.Reads()-before, 2500, "records read for a thousand locks")
	})
}

// The view is of a region in the middle.
func TestLocksOfRegion4C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "LocksOf looks at the locks of its region, wherever that begins and ends, and asks for no key outside of it",
		Source: onResolve,
	}, func(t *graded.T) {
		d := empty(t)
		for _, key := range []string{"a", "b", "c", "d", "e", "f"} {
			d.locked(key, "p", kvrpcpb.Op_Put, 30, 5, "x")
		}
		for _, c := range []struct {
			from, to string
			want     []string
		}{
			{"", "", []string{"a", "b", "c", "d", "e", "f"}},
			{"b", "e", []string{"b", "c", "d"}},
			{"bb", "dd", []string{"c", "d"}},
			{"", "c", []string{"a", "b"}},
			{"e", "", []string{"e", "f"}},
			{"cc", "d", []string{}},
			{"g", "", []string{}},
		} {
			require.Equal(t, c.want, locksOf(t, d.readerOf(c.from, c.to), 30, 10), "locks in the region from %q to %q", c.from, c.to)
		}
	})
}

// The transaction in question has started at 30, and was found committed at 40 or rolled
// back.
func TestResolveInEveryState4C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "ResolveLock commits or rolls back keys that the transaction still has locked, and leaves all others as they are",
		Source: onResolve,
	}, func(t *graded.T) {
		const put, del, lock = kvrpcpb.Op_Put, kvrpcpb.Op_Del, kvrpcpb.Op_Lock
		for _, c := range []struct {
			state string
			build func(d *data)
			// committed and rolledBack are what is stored afterwards; nil if nothing
			// may change.
			committed, rolledBack []string
		}{
			{"its lock", func(d *data) { d.locked("k", "p", put, 30, 5, "x") },
				[]string{"record k @ 40: Put by 30", `value k of 30: "x"`},
				[]string{"record k @ 30: Rollback by 30"}},
			{"its lock, far from expired", func(d *data) { d.locked("k", "p", put, 30, 1<<40, "x") },
				[]string{"record k @ 40: Put by 30", `value k of 30: "x"`},
				[]string{"record k @ 30: Rollback by 30"}},
			{"its lock on the primary key", func(d *data) { d.locked("k", "k", put, 30, 5, "") },
				[]string{"record k @ 40: Put by 30", `value k of 30: ""`},
				[]string{"record k @ 30: Rollback by 30"}},
			{"its lock for a deletion, on an older version", func(d *data) { d.put("k", 10, 20, "x").locked("k", "p", del, 30, 5, "") },
				[]string{"record k @ 40: Del by 30", "record k @ 20: Put by 10", `value k of 10: "x"`},
				[]string{"record k @ 30: Rollback by 30", "record k @ 20: Put by 10", `value k of 10: "x"`}},
			{"its lock without a write, on an older version", func(d *data) { d.put("k", 10, 20, "x").locked("k", "p", lock, 30, 5, "") },
				[]string{"record k @ 40: Lock by 30", "record k @ 20: Put by 10", `value k of 10: "x"`},
				[]string{"record k @ 30: Rollback by 30", "record k @ 20: Put by 10", `value k of 10: "x"`}},
			{"its lock, and the rollback of a later transaction", func(d *data) { d.locked("k", "p", put, 30, 5, "x").rolledBack("k", 50) },
				[]string{"record k @ 50: Rollback by 50", "record k @ 40: Put by 30", `value k of 30: "x"`},
				[]string{"record k @ 50: Rollback by 50", "record k @ 30: Rollback by 30"}},

			{"nothing", func(*data) {}, nil, nil},
			{"versions of others", func(d *data) { d.put("k", 10, 20, "x").put("k", 35, 45, "y") }, nil, nil},
			{"a lock of an older transaction", func(d *data) { d.locked("k", "p", put, 20, 1, "x") }, nil, nil},
			{"a lock of a newer transaction", func(d *data) { d.locked("k", "p", put, 31, 1, "x") }, nil, nil},
			{"committed by a faster client", func(d *data) { d.put("k", 30, 40, "x") }, nil, nil},
			{"committed by a faster client, then locked by another", func(d *data) { d.put("k", 30, 40, "x").locked("k", "k", put, 50, 5, "y") }, nil, nil},
			{"rolled back by a faster client", func(d *data) { d.rolledBack("k", 30) }, nil, nil},
			{"rolled back by a faster client, then locked by another", func(d *data) { d.rolledBack("k", 30).locked("k", "k", put, 50, 5, "y") }, nil, nil},
		} {
			for _, commit := range []int{40, 0} {
				want, how := c.committed, "committed at 40"
				if commit == 0 {
					want, how = c.rolledBack, "rolled back"
				}
				d := empty(t)
				c.build(d)
				before := d.content()
				writes := d.resolve(30, commit, "k")
				if want == nil {
					require.Zero(t, writes, "writes of ResolveLock in the state %q, which is to be left as it is (the transaction is %s)", c.state, how)
					want = before
				}
				require.Equal(t, want, d.content(), "what is stored after ResolveLock in the state %q (the transaction is %s)", c.state, how)

				require.Zero(t, d.resolve(30, commit, "k"), "writes of ResolveLock, sent twice in the state %q (the transaction is %s)", c.state, how)
			}
		}
	})
}

// One request is about several keys. Between the moment at which they were read and this
// one, other clients were at work.
func TestResolveLooksAgain4C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "ResolveLock looks at each of its keys again: one that was finished meanwhile, or that another has locked since, is left alone, and all others are finished",
		Source: onResolve,
	}, func(t *graded.T) {
		for _, commit := range []int{40, 0} {
			d := empty(t)
			for _, key := range []string{"a", "b", "c", "d", "e"} {
				d.locked(key, "a", kvrpcpb.Op_Put, 30, 5, "x")
			}
			keys := locksOf(t, d.reader(), 30, 10)
			require.Equal(t, []string{"a", "b", "c", "d", "e"}, keys, "locks of the transaction")
			// A faster client has finished b and d, and d has a new lock.
			require.Equal(t, 1, min(d.resolve(30, commit, "b"), 1), "whether ResolveLock of b writes something")
			require.Equal(t, 1, min(d.resolve(30, commit, "d"), 1), "whether ResolveLock of d writes something")
			require.Empty(t, d.prewrite(50, "d", "d"), "errors of a prewrite of d by a later transaction")

			d.resolve(30, commit, keys...)
			want := []string{"lock d: Put by 50, primary d, ttl 100"}
			for _, key := range keys {
				if commit == 0 {
					want = append(want, fmt.Sprintf("record %s @ 30: Rollback by 30", key))
				} else {
					want = append(want, fmt.Sprintf("record %s @ 40: Put by 30", key))
				}
			}
			for _, key := range keys {
				if key == "d" {
					want = append(want, `value d of 50: "value of 50"`)
				}
				if commit != 0 {
					want = append(want, fmt.Sprintf("value %s of 30: %q", key, "x"))
				}
			}
			require.Equal(t, want, d.content(), "what is stored after ResolveLock of five keys of which others were faster with two (commit timestamp %d)", commit)
			require.Empty(t, locksOf(t, d.reader(), 30, 10), "locks of the transaction after ResolveLock")
		}
	})
}

// A client that died has left its locks, and the clients that come by finish what it has
// begun.
func TestResolveEndsTransaction4C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "what ResolveLock has finished stays so, whatever the client of the transaction still sends",
		Source: contract,
	}, func(t *graded.T) {
		d := empty(t)
		require.Empty(t, d.prewrite(30, "p", "p", "q"), "errors of a prewrite in an empty store")
		d.resolve(30, 0, "q")
		require.Equal(t, []string{"abort"}, d.prewrite(30, "p", "q"), "errors of a prewrite that is sent again after ResolveLock has rolled its key back")
		require.Equal(t, "abort", d.commit(30, 40, "q"), "error of a commit after ResolveLock has rolled its key back")
		require.Equal(t, "none", d.rollback(30, "q"), "error of a rollback after ResolveLock has rolled its key back")

		d = empty(t)
		require.Empty(t, d.prewrite(30, "p", "p", "q"), "errors of a prewrite in an empty store")
		require.Equal(t, "none", d.commit(30, 40, "p"), "error of the commit of the primary key")
		d.resolve(30, 40, "q")
		require.Equal(t, "none", d.commit(30, 40, "q"), "error of a commit after ResolveLock has committed its key")
		require.Equal(t, "abort", d.rollback(30, "q"), "error of a rollback after ResolveLock has committed its key")
		resp, err := transaction.Get(d.reader(), &kvrpcpb.GetRequest{Key: []byte("q"), Version: at(40)})
		require.NoError(t, err, "Get of a key that ResolveLock has committed")
		require.Equal(t, "value of 30", string(resp.Value), "value of a key that ResolveLock has committed")
	})
}

// A clipped view is of a region: it iterates over the keys of the region, and refuses a
// Get of any other.
type clipped struct {
	engine.Reader
	bounds engine.Range
}

// readerOf returns a reader of the region between two keys; "" means no bound.
func (d *data) readerOf(from, to string) *transaction.Reader {
	d.t.Helper()
	view, err := d.engine.Snapshot()
	require.NoError(d.t, err, "a snapshot of the engine")
	d.t.Cleanup(func() { view.Close() })
	c := clipped{Reader: view}
	if from != "" {
		c.bounds.Start = transaction.EncodeKey([]byte(from))
	}
	if to != "" {
		c.bounds.End = transaction.EncodeKey([]byte(to))
	}
	return transaction.NewReader(c)
}

func (c clipped) Get(cf engine.CF, key []byte) (value []byte, found bool, err error) {
	if string(key) < string(c.bounds.Start) || len(c.bounds.End) > 0 && string(key) >= string(c.bounds.End) {
		return nil, false, fmt.Errorf("key %q is not in the region", key)
	}
	return c.Reader.Get(cf, key)
}

func (c clipped) Iterate(cf engine.CF, r engine.Range) (engine.Iterator, error) {
	if string(r.Start) < string(c.bounds.Start) {
		r.Start = c.bounds.Start
	}
	if len(c.bounds.End) > 0 && (len(r.End) == 0 || string(r.End) > string(c.bounds.End)) {
		r.End = c.bounds.End
	}
	return c.Reader.Iterate(cf, r)
}
