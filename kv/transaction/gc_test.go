package transaction_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/engine/memory"
	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

// A collectable is a region whose old versions are collected. Its timestamps are small
// numbers.
type collectable struct {
	t      *testing.T
	engine *memory.Engine
}

func newCollectable(t *testing.T) *collectable {
	e, err := memory.NewDisk().Open(engine.Families...)
	require.NoError(t, err)
	t.Cleanup(func() { e.Close() })
	return &collectable{t, e}
}

func (c *collectable) write(ops ...engine.Op) {
	c.t.Helper()
	var b engine.Batch
	b.Append(ops...)
	require.NoError(c.t, c.engine.Write(&b, false), "writing %d operations", len(ops))
}

// record gives key a record, with a value if it is a Put.
func (c *collectable) record(key string, kind kvrpcpb.Op, start, commit uint64) {
	c.t.Helper()
	var w transaction.Writer
	w.PutRecord([]byte(key), &transaction.Record{StartTS: start, Kind: kind, CommitTS: commit})
	if kind == kvrpcpb.Op_Put {
		w.PutValue([]byte(key), start, fmt.Appendf(nil, "of %d", start))
	}
	c.write(w.Ops()...)
}

func (c *collectable) lock(key string, start uint64) {
	var w transaction.Writer
	w.PutLock([]byte(key), &transaction.Lock{Primary: []byte(key), StartTS: start, TTL: 5, Kind: kvrpcpb.Op_Put})
	w.PutValue([]byte(key), start, []byte("locked"))
	c.write(w.Ops()...)
}

// collect calls Collect and carries out the first of its operations.
func (c *collectable) collect(safePoint uint64, start string, limit int, most func(n int) int) (next string, ops int) {
	c.t.Helper()
	found, err := transaction.Collect(transaction.NewReader(c.engine), safePoint, []byte(start), limit)
	require.NoError(c.t, err, "Collect at %d from %q", safePoint, start)
	c.write(found.Ops[:most(len(found.Ops))]...)
	return string(found.Next), len(found.Ops)
}

func all(n int) int { return n }

// content shows records and values, the records as key@commit=kind, the values as key:start.
func (c *collectable) content() string {
	c.t.Helper()
	var lines []string
	for _, cf := range []engine.CF{engine.CFWrite, engine.CFDefault} {
		it, err := c.engine.Iterate(cf, engine.Range{})
		require.NoError(c.t, err, "iterating over family %s", cf)
		for it.Seek(nil); it.Valid(); it.Next() {
			key, ts, err := transaction.DecodeVersion(it.Key())
			require.NoError(c.t, err, "a key of family %s", cf)
			if cf == engine.CFDefault {
				lines = append(lines, fmt.Sprintf("%s:%d", key, ts))
				continue
			}
			record, err := transaction.DecodeRecord(it.Value(), ts)
			require.NoError(c.t, err, "the record of %q at %d", key, ts)
			lines = append(lines, fmt.Sprintf("%s@%d=%v", key, ts, record.Kind))
		}
		require.NoError(c.t, it.Close(), "iterating over family %s", cf)
	}
	return strings.Join(lines, " ")
}

func TestCollectKeepsWhatIsVisible(t *testing.T) {
	type rec struct {
		kind          kvrpcpb.Op
		start, commit uint64
	}
	put := func(start, commit uint64) rec { return rec{kvrpcpb.Op_Put, start, commit} }
	del := func(start, commit uint64) rec { return rec{kvrpcpb.Op_Del, start, commit} }
	lock := func(start, commit uint64) rec { return rec{kvrpcpb.Op_Lock, start, commit} }
	rolledBack := func(start uint64) rec { return rec{kvrpcpb.Op_Rollback, start, start} }
	for _, c := range []struct {
		name    string
		records []rec
		safe    uint64
		want    string
	}{
		{"nothing is old", []rec{put(20, 21)}, 10, "k@21=Put k:20"},
		{"the newest Put stays", []rec{put(1, 2), put(3, 4), put(5, 6)}, 10, "k@6=Put k:5"},
		{"a Put at the safe point is seen there", []rec{put(1, 2), put(5, 10)}, 10, "k@10=Put k:5"},
		{"a Put above the safe point is not", []rec{put(1, 2), put(5, 11)}, 10, "k@11=Put k@2=Put k:5 k:1"},
		{"a transaction that began before and has committed after", []rec{put(1, 2), put(3, 4), put(9, 12)}, 10, "k@12=Put k@4=Put k:9 k:3"},
		{"a Del goes with what it hides", []rec{put(1, 2), del(3, 4)}, 10, ""},
		{"a Del alone", []rec{del(3, 4)}, 10, ""},
		{"a Del above the safe point hides nothing from a reader at it", []rec{put(1, 2), del(3, 14)}, 10, "k@14=Del k@2=Put k:1"},
		{"a Del below a Put", []rec{put(1, 2), del(3, 4), put(5, 6)}, 10, "k@6=Put k:5"},
		{"Rollback and Lock go, also above the newest Put", []rec{rolledBack(1), put(2, 3), lock(4, 5), rolledBack(6)}, 10, "k@3=Put k:2"},
		{"Rollback and Lock above the safe point stay", []rec{put(2, 3), rolledBack(11), lock(12, 13)}, 10, "k@13=Lock k@11=Rollback k@3=Put k:2"},
		{"only Rollback and Lock", []rec{rolledBack(1), lock(2, 3)}, 10, ""},
	} {
		for limit := 1; limit < 5; limit++ {
			d := newCollectable(t)
			d.record("j", kvrpcpb.Op_Put, 1, 2) // neighbours
			d.record("kk", kvrpcpb.Op_Put, 1, 2)
			for _, r := range c.records {
				d.record("k", r.kind, r.start, r.commit)
			}
			for next, again := "", true; again; again = next != "" {
				next, _ = d.collect(c.safe, next, limit, all)
			}
			records, values, _ := strings.Cut(c.want, " k:")
			if values != "" {
				values = "k:" + values + " "
			}
			if records != "" {
				records += " "
			}
			require.Equal(t, "j@2=Put "+records+"kk@2=Put j:1 "+values+"kk:1", d.content(), "%s, limit %d", c.name, limit)
		}
	}
}

// A history of random transactions is collected bit by bit, with safe points that ascend and
// descend, from any key, while transactions go on, and some of the writes are lost or come
// twice. Readers at or above the greatest safe point see the same as without that.
func TestCollectAgainstModel(t *testing.T) {
	keys := []string{"a", "ab", "abcdefgh", "b", "c"}
	removed := 0
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 1))
		collected, model := newCollectable(t), newCollectable(t)
		clock, safe := uint64(1), uint64(0)
		var late [][]engine.Op // writes that are on their way
		for range 60 {
			key := keys[r.IntN(len(keys))]
			start := clock
			clock += 1 + r.Uint64N(2)
			kind := []kvrpcpb.Op{kvrpcpb.Op_Put, kvrpcpb.Op_Put, kvrpcpb.Op_Del, kvrpcpb.Op_Lock, kvrpcpb.Op_Rollback}[r.IntN(5)]
			for _, d := range []*collectable{collected, model} {
				if kind == kvrpcpb.Op_Rollback {
					d.record(key, kind, start, start)
				} else {
					d.record(key, kind, start, clock)
				}
			}
			clock++
			if r.IntN(3) > 0 {
				continue
			}
			at := max(1, r.Uint64N(clock)) // another collector's may be below
			safe = max(safe, at)
			from := ""
			if r.IntN(2) == 0 {
				from = keys[r.IntN(len(keys))]
			}
			found, err := transaction.Collect(transaction.NewReader(collected.engine), at, []byte(from), 1+r.IntN(6))
			require.NoError(t, err)
			removed += found.Records
			if r.IntN(2) == 0 {
				collected.write(found.Ops...)
			}
			if r.IntN(3) == 0 {
				late = append(late, found.Ops)
			}
			if len(late) > 0 && r.IntN(2) == 0 {
				n := r.IntN(len(late))
				collected.write(late[n]...)
				late = slices.Delete(late, n, n+1)
			}
			if safe == 0 {
				continue
			}
			before, after := transaction.NewReader(model.engine), transaction.NewReader(collected.engine)
			for _, key := range keys {
				for ts := safe; ts <= clock; ts++ {
					want, found, err := before.Value([]byte(key), ts)
					require.NoError(t, err)
					got, there, err := after.Value([]byte(key), ts)
					require.NoError(t, err, "seed %d: key %s at %d, safe point %d", seed, key, ts, safe)
					require.Equal(t, found, there, "seed %d: key %s at %d, safe point %d", seed, key, ts, safe)
					require.Equal(t, string(want), string(got), "seed %d: key %s at %d, safe point %d", seed, key, ts, safe)
				}
				for start := safe + 1; start < clock; start++ {
					want, err := before.RecordOf([]byte(key), start)
					require.NoError(t, err)
					got, err := after.RecordOf([]byte(key), start)
					require.NoError(t, err)
					require.Equal(t, want, got, "seed %d: what became of %d at key %s, safe point %d", seed, start, key, safe)
				}
			}
		}
		// In the end, nothing is left that could go, and no value without a record.
		for next, again := "", true; again; again = next != "" {
			next, _ = collected.collect(clock, next, 3, all)
		}
		var want []string
		for _, key := range keys {
			record, err := transaction.NewReader(model.engine).Visible([]byte(key), clock)
			require.NoError(t, err)
			if record != nil && record.Kind == kvrpcpb.Op_Put {
				want = append(want, fmt.Sprintf("%s@%d=Put", key, record.CommitTS), fmt.Sprintf("%s:%d", key, record.StartTS))
			}
		}
		require.ElementsMatch(t, want, strings.Fields(collected.content()), "seed %d", seed)
	}
	require.Greater(t, removed, 300)
}

// A collection that is cut off within the operations of a write never shows a version that a
// Del hides: the operations are in an order in which each beginning of them is safe.
func TestCollectRemovesDelLast(t *testing.T) {
	for cut := range 12 {
		d := newCollectable(t)
		for n := range uint64(5) {
			d.record("k", kvrpcpb.Op_Put, 2*n+1, 2*n+2)
		}
		d.record("k", kvrpcpb.Op_Del, 11, 12)
		d.collect(20, "", 100, func(n int) int { require.Equal(t, 11, n); return min(cut, n) })
		_, found, err := transaction.NewReader(d.engine).Value([]byte("k"), 20)
		require.NoError(t, err)
		require.False(t, found, "%d operations", cut)
	}
}

// However many versions and keys there are, one call does a limited amount of work, and the
// calls come to an end.
func TestCollectIsBounded(t *testing.T) {
	d := newCollectable(t)
	for n := range uint64(1000) {
		d.record("many versions", kvrpcpb.Op_Put, 2*n+1, 2*n+2)
	}
	for n := range 1000 {
		d.record(fmt.Sprintf("of many keys %d", n), kvrpcpb.Op_Put, 1, 2)
	}
	const limit = 10
	calls, total := 0, 0
	for next, again := "", true; again; again = next != "" {
		var ops int
		next, ops = d.collect(5000, next, limit, all)
		require.LessOrEqual(t, ops, limit+2)
		calls, total = calls+1, total+ops
		require.Less(t, calls, 1000)
	}
	require.Equal(t, 2*999, total)
	// Nothing is left to remove, and the keys are looked at in portions still.
	next, _ := d.collect(5000, "", limit, all)
	require.NotEmpty(t, next)
	require.Less(t, next, "of many keys 99")
	large := newCollectable(t)
	key := strings.Repeat("x", transaction.MaxKeySize)
	for n := range uint64(100) {
		large.record(key, kvrpcpb.Op_Put, 2*n+1, 2*n+2)
	}
	next, ops := large.collect(5000, "", 1<<20, all)
	require.Equal(t, key, next)
	require.Less(t, ops, 40, "operations with keys of %d bytes", len(key))
}

// An old lock means that not all locks were resolved first.
func TestCollectMeetsOldLock(t *testing.T) {
	for _, c := range []struct {
		key   string
		start uint64
		fails bool
	}{{"a", 10, true}, {"a", 11, false}, {"z", 10, true}, {"b", 3, true}} {
		d := newCollectable(t)
		d.record("b", kvrpcpb.Op_Put, 1, 2)
		d.record("b", kvrpcpb.Op_Put, 4, 5)
		d.lock(c.key, c.start)
		found, err := transaction.Collect(transaction.NewReader(d.engine), 10, nil, 100)
		if c.fails {
			require.ErrorContains(t, err, fmt.Sprintf("key %q is locked by the transaction of %d", c.key, c.start))
		} else {
			require.NoError(t, err)
			require.Equal(t, 1, found.Records)
		}
	}
}

// What cannot be read is an error, and nothing is removed for it.
func TestCollectUnreadable(t *testing.T) {
	d := newCollectable(t)
	d.record("a", kvrpcpb.Op_Put, 1, 2)
	d.record("a", kvrpcpb.Op_Put, 3, 4)
	d.write(engine.Op{CF: engine.CFWrite, Key: transaction.VersionKey([]byte("a"), 3), Value: []byte("?")})
	_, err := transaction.Collect(transaction.NewReader(d.engine), 10, nil, 100)
	require.ErrorContains(t, err, "corrupt")
	d.write(engine.Op{CF: engine.CFWrite, Key: transaction.VersionKey([]byte("a"), 3), Delete: true}, engine.Op{CF: engine.CFWrite, Key: []byte("raw"), Value: []byte("?")})
	_, err = transaction.Collect(transaction.NewReader(d.engine), 10, nil, 100)
	require.ErrorContains(t, err, `"raw" is not the key of a`)
}

func TestOldLocks(t *testing.T) {
	d := newCollectable(t)
	for n, key := range []string{"a", "b", "c", "d", "e"} {
		d.lock(key, uint64([]int{5, 11, 10, 3, 12}[n]))
	}
	keys := func(start string, limit int) (keys []string) {
		locks, err := transaction.OldLocks(transaction.NewReader(d.engine), 10, []byte(start), limit)
		require.NoError(t, err)
		for _, l := range locks {
			require.Equal(t, l.Key, l.PrimaryLock)
			keys = append(keys, fmt.Sprintf("%s of %d", l.Key, l.LockVersion))
		}
		return keys
	}
	require.Equal(t, []string{"a of 5", "c of 10", "d of 3"}, keys("", 100))
	require.Equal(t, []string{"a of 5", "c of 10"}, keys("", 2))
	require.Equal(t, []string{"d of 3"}, keys("cc", 100))
	require.Empty(t, keys("e", 100))
	large := newCollectable(t)
	for n := range 200 {
		large.lock(fmt.Sprintf("%03d%s", n, strings.Repeat("x", transaction.MaxKeySize-3)), 5)
	}
	locks, err := transaction.OldLocks(transaction.NewReader(large.engine), 10, nil, 1000)
	require.NoError(t, err)
	require.Less(t, len(locks), 60)
	require.NotEmpty(t, locks)
}

func TestSafePointRefuses(t *testing.T) {
	none, s := transaction.SafePoint{}, transaction.SafePoint{Published: 20, Clean: 10}
	for ts := range uint64(30) {
		require.Nil(t, none.TooOldToRead(ts))
		require.Nil(t, none.TooOldToLock(ts))
		require.Nil(t, none.TooOldToTell(ts))
		require.Equal(t, ts < 20, s.TooOldToRead(ts) != nil, "read at %d", ts)
		require.Equal(t, ts <= 20, s.TooOldToLock(ts) != nil, "lock at %d", ts)
		require.Equal(t, ts <= 10, s.TooOldToTell(ts) != nil, "tell of %d", ts)
	}
	require.NotEmpty(t, s.TooOldToRead(1).Abort)
	require.NotEmpty(t, s.TooOldToLock(1).Abort)
	require.Empty(t, s.TooOldToTell(1).Abort, "the transaction may have committed")
	require.Equal(t, transaction.SafePoint{Published: 20, Clean: 15}, s.Join(transaction.SafePoint{Published: 15, Clean: 15}))
}
