package client_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/client"
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

// inBubble runs a test with a cluster of three stores and a client, in a time of its
// own. Regions are split at keys. At the end of the test no work goes on.
func inBubble(t *testing.T, splits []string, test func(t *testing.T, ctx context.Context, c *fakeCluster, cl *client.Transactional)) {
	synctest.Test(t, func(t *testing.T) {
		c := newFakeCluster(t, 3)
		for _, key := range splits {
			c.splitAt(key)
		}
		c.scheduler.hears()
		within(t, func(ctx context.Context) { test(t, ctx, c, c.transactional()) })
	})
}

func begin(t *testing.T, ctx context.Context, cl *client.Transactional) *client.Txn {
	t.Helper()
	txn, err := cl.Begin(ctx)
	require.NoError(t, err)
	return txn
}

// puts makes a transaction set keys, each to its own name and a text.
func puts(t *testing.T, txn *client.Txn, text string, keys ...string) *client.Txn {
	t.Helper()
	for _, key := range keys {
		require.NoError(t, txn.Put([]byte(key), []byte(key+text)))
	}
	return txn
}

// scanned returns "key=value" of the pairs of a scan.
func scanned(t *testing.T, pairs func(func(client.Pair, error) bool)) string {
	t.Helper()
	var all []string
	for pair, err := range pairs {
		require.NoError(t, err)
		all = append(all, string(pair.Key)+"="+string(pair.Value))
	}
	return strings.Join(all, " ")
}

func found(t *testing.T, ctx context.Context, s interface {
	Get(context.Context, []byte) ([]byte, bool, error)
}, key string) string {
	t.Helper()
	value, found, err := s.Get(ctx, []byte(key))
	require.NoError(t, err, "key %q", key)
	if !found {
		return "absent"
	}
	return string(value)
}

func TestTransactionsNeedAScheduler(t *testing.T) {
	_, err := client.NewTransactional(client.Config{Stores: client.At("a:1")})
	require.ErrorContains(t, err, "scheduler")
}

// What a transaction writes is there for others once it is committed, as a whole, and
// for itself before. It reads what there was when it began.
func TestTransactions(t *testing.T) {
	for _, onePhase := range []bool{false, true} {
		for _, splits := range [][]string{nil, {"b"}, {"b", "c", "d"}} {
			t.Run(fmt.Sprintf("one phase %v, splits %q", onePhase, splits), func(t *testing.T) {
				inBubble(t, splits, func(t *testing.T, ctx context.Context, c *fakeCluster, cl *client.Transactional) {
					c.txns.onePhase = onePhase
					first := puts(t, begin(t, ctx, cl), "1", "a", "b", "c", "d")
					before := begin(t, ctx, cl)
					require.Equal(t, "b1", found(t, ctx, first, "b"))
					require.Equal(t, "absent", found(t, ctx, before, "b"))
					require.NoError(t, first.Commit(ctx))
					require.Greater(t, first.CommitTS(), before.StartTS())
					require.Equal(t, "absent", found(t, ctx, before, "b"))
					require.Equal(t, "b1", found(t, ctx, cl, "b"))
					require.Equal(t, "a=a1 b=b1 c=c1 d=d1", scanned(t, cl.At(first.CommitTS()).Scan(ctx, nil, nil)))
					require.Empty(t, scanned(t, cl.At(first.CommitTS()-1).Scan(ctx, nil, nil)))

					second := puts(t, begin(t, ctx, cl), "2", "a")
					require.NoError(t, second.Delete([]byte("b")))
					require.NoError(t, second.Lock([]byte("c")))
					require.Equal(t, "absent", found(t, ctx, second, "b"))
					require.Equal(t, "c1", found(t, ctx, second, "c"))
					values, err := second.BatchGet(ctx, [][]byte{[]byte("a"), []byte("b"), []byte("c"), []byte("d"), []byte("e")})
					require.NoError(t, err)
					require.Equal(t, map[string][]byte{"a": []byte("a2"), "c": []byte("c1"), "d": []byte("d1")}, values)
					require.NoError(t, second.Commit(ctx))
					now := begin(t, ctx, cl)
					require.Equal(t, "a=a2 c=c1 d=d1", scanned(t, now.Scan(ctx, nil, nil)))
					require.Equal(t, "a=a1 b=b1 c=c1 d=d1", scanned(t, cl.At(first.CommitTS()).Scan(ctx, nil, nil)))
					now.Rollback()
					synctest.Wait()
					require.Empty(t, c.locks())
					if onePhase && splits == nil {
						require.Empty(t, sent[*kvrpcpb.CommitRequest](c))
					}
				})
			})
		}
	}
}

// A scan of a transaction goes over regions, and has what the transaction has written in
// the place of what is stored.
func TestScanMergesOwnWrites(t *testing.T) {
	inBubble(t, []string{"k15", "k30"}, func(t *testing.T, ctx context.Context, c *fakeCluster, cl *client.Transactional) {
		c.txns.room = 4
		stored := begin(t, ctx, cl)
		want := map[string]string{}
		for i := 10; i < 50; i += 2 {
			key := fmt.Sprint("k", i)
			puts(t, stored, "", key)
			want[key] = key
		}
		require.NoError(t, stored.Commit(ctx))

		txn := begin(t, ctx, cl)
		for i := 9; i < 52; i += 3 {
			key := fmt.Sprint("k", i)
			if i%4 == 0 {
				require.NoError(t, txn.Delete([]byte(key)))
				delete(want, key)
				continue
			}
			puts(t, txn, "own", key)
			want[key] = key + "own"
		}
		require.NoError(t, txn.Lock([]byte("k10")))
		require.NoError(t, txn.Lock([]byte("k11")))
		expect := func(start, end string) string {
			var all []string
			for key, value := range want {
				if key >= start && (end == "" || key < end) {
					all = append(all, key+"="+value)
				}
			}
			slices.Sort(all)
			return strings.Join(all, " ")
		}
		for _, r := range [][2]string{{"", ""}, {"k15", ""}, {"k", "k30"}, {"k20", "k21"}, {"k33", "k48"}, {"k9", "m"}, {"a", "b"}, {"k30", "k10"}} {
			require.Equal(t, expect(r[0], r[1]), scanned(t, txn.Scan(ctx, []byte(r[0]), []byte(r[1]))), "%q", r)
		}

		// The loop may write.
		seen := 0
		for pair, err := range txn.Scan(ctx, nil, nil) {
			require.NoError(t, err)
			require.NoError(t, txn.Delete(pair.Key))
			if seen++; seen == 1 {
				puts(t, txn, "", "z")
			}
		}
		require.Equal(t, len(want)+1, seen)
		require.Empty(t, scanned(t, txn.Scan(ctx, nil, nil)))
	})
}

// Regions may be split at any key of the engine, as by an operator who does not think of
// how transactions store their keys.
func TestRegionsEndAnywhere(t *testing.T) {
	inBubble(t, []string{"k3"}, func(t *testing.T, ctx context.Context, c *fakeCluster, cl *client.Transactional) {
		for _, at := range []string{"\x00", "acc05", "accounts/7", "k", "k1\xff", "k4\x00\x00\x00\x00\x00\x00\x01", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"} {
			c.split(at)
		}
		c.scheduler.hears()
		keys := []string{"\x00", "acc04", "acc05", "acc05\x00", "acc06", "accounts", "accounts/6", "accounts/7", "accounts/8", "k", "k1", "k1\xff", "k2", "k3", "k4", "k5", "\xff\xff\xff\xff\xff\xff\xff\xff\xff"}
		require.NoError(t, puts(t, begin(t, ctx, cl), "!", keys...).Commit(ctx))
		var want []string
		for _, key := range keys {
			require.Equal(t, key+"!", found(t, ctx, cl, key))
			want = append(want, key+"="+key+"!")
		}
		txn := begin(t, ctx, cl)
		require.Equal(t, strings.Join(want, " "), scanned(t, txn.Scan(ctx, nil, nil)))
		require.Equal(t, strings.Join(want[2:10], " "), scanned(t, txn.Scan(ctx, []byte("acc05"), []byte("k1"))))
	})
	inBubble(t, nil, func(t *testing.T, ctx context.Context, c *fakeCluster, cl *client.Transactional) {
		c.split(string(transaction.VersionKey([]byte("k"), 7)))
		c.scheduler.hears()
		var refused *client.RefusedError
		for _, err := range begin(t, ctx, cl).Scan(ctx, nil, nil) {
			require.ErrorAs(t, err, &refused)
		}
		require.ErrorContains(t, refused, "ends between the versions of a key")
	})
}

// A loop that ends early has asked for no more than it needed.
func TestScanAsksAsItGoes(t *testing.T) {
	inBubble(t, []string{"b", "c"}, func(t *testing.T, ctx context.Context, c *fakeCluster, cl *client.Transactional) {
		require.NoError(t, puts(t, begin(t, ctx, cl), "", "a", "b", "c").Commit(ctx))
		for range begin(t, ctx, cl).Scan(ctx, nil, nil) {
			break
		}
		require.Len(t, sent[*kvrpcpb.ScanRequest](c), 1)
	})
}

func TestMisuse(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, ctx context.Context, c *fakeCluster, cl *client.Transactional) {
		txn := begin(t, ctx, cl)
		long := make([]byte, transaction.MaxKeySize+1)
		var large *engine.TooLargeError
		for name, do := range map[string]func(key []byte) error{
			"put":    func(key []byte) error { return txn.Put(key, nil) },
			"delete": func(key []byte) error { return txn.Delete(key) },
			"lock":   func(key []byte) error { return txn.Lock(key) },
			"get":    func(key []byte) error { _, _, err := txn.Get(ctx, key); return err },
			"batch":  func(key []byte) error { _, err := txn.BatchGet(ctx, [][]byte{[]byte("k"), key}); return err },
		} {
			require.ErrorIs(t, do(nil), engine.ErrEmptyKey, name)
			require.ErrorAs(t, do(long), &large, name)
			require.Equal(t, engine.TooLargeError{What: "key", Size: len(long), Limit: transaction.MaxKeySize}, *large)
		}
		require.ErrorAs(t, txn.Put([]byte("k"), make([]byte, engine.MaxValueSize+1)), &large)
		require.Equal(t, "value", large.What)

		value := make([]byte, engine.MaxValueSize)
		for i := range client.MaxTxnSize/engine.MaxValueSize - 1 {
			require.NoError(t, txn.Put([]byte{byte('a' + i)}, value))
			require.NoError(t, txn.Put([]byte{byte('a' + i)}, value), "in the place of the value before")
		}
		require.NoError(t, txn.Put([]byte("z"), value[100:]))
		require.ErrorAs(t, txn.Put([]byte("y"), value[:200]), &large)
		require.Equal(t, "transaction", large.What)
		require.Equal(t, client.MaxTxnSize, large.Limit)
		require.NoError(t, txn.Put([]byte("y"), value[:50]))
		txn.Rollback()

		committed := begin(t, ctx, cl)
		require.NoError(t, committed.Commit(ctx), "nothing to write")
		require.Zero(t, committed.CommitTS())
		for _, over := range []*client.Txn{txn, committed} {
			require.ErrorIs(t, over.Put([]byte("k"), nil), client.ErrTxnDone)
			require.ErrorIs(t, over.Delete([]byte("k")), client.ErrTxnDone)
			require.ErrorIs(t, over.Lock([]byte("k")), client.ErrTxnDone)
			require.ErrorIs(t, over.Commit(ctx), client.ErrTxnDone)
			_, _, err := over.Get(ctx, []byte("k"))
			require.ErrorIs(t, err, client.ErrTxnDone)
			_, err = over.BatchGet(ctx, nil)
			require.ErrorIs(t, err, client.ErrTxnDone)
			for _, err := range over.Scan(ctx, nil, nil) {
				require.ErrorIs(t, err, client.ErrTxnDone)
			}
			over.Rollback()
		}
		require.Empty(t, c.txns.served)
	})
}

// A transaction that is larger than a request goes in several, each within the limits of
// stores.
func TestLargeTransactions(t *testing.T) {
	inBubble(t, []string{"m"}, func(t *testing.T, ctx context.Context, c *fakeCluster, cl *client.Transactional) {
		c.txns.onePhase = true
		txn := begin(t, ctx, cl)
		// The primary key is in every lock.
		require.NoError(t, txn.Put(make([]byte, transaction.MaxKeySize), make([]byte, engine.MaxValueSize)))
		for i := range 1000 {
			require.NoError(t, txn.Put(fmt.Appendf(nil, "k%06d", i), []byte("v")))
		}
		// The last key that there can be.
		require.NoError(t, txn.Put(bytes.Repeat([]byte{0xFF}, transaction.MaxKeySize), make([]byte, engine.MaxValueSize)))
		for i := range 2 {
			require.NoError(t, txn.Put(fmt.Appendf(nil, "v%d", i), make([]byte, engine.MaxValueSize)))
		}
		require.NoError(t, txn.Commit(ctx))
		synctest.Wait()
		require.Empty(t, c.locks())
		n := 0
		for _, err := range cl.At(txn.CommitTS()).Scan(ctx, nil, nil) {
			require.NoError(t, err)
			n++
		}
		require.Equal(t, 1004, n)
	})
}

// Snapshot isolation: of two transactions that write a key, the second one to commit
// fails if it began before the first was committed. What it read does not matter, unless
// it was locked.
func TestConflicts(t *testing.T) {
	for name, c := range map[string]struct {
		second   func(t *testing.T, txn *client.Txn)
		conflict string
	}{
		"same key":      {func(t *testing.T, txn *client.Txn) { puts(t, txn, "2", "b", "c") }, "b"},
		"another key":   {func(t *testing.T, txn *client.Txn) { puts(t, txn, "2", "c") }, ""},
		"locked key":    {func(t *testing.T, txn *client.Txn) { puts(t, txn, "2", "c"); require.NoError(t, txn.Lock([]byte("b"))) }, "b"},
		"other region":  {func(t *testing.T, txn *client.Txn) { puts(t, txn, "2", "c", "x", "y") }, "x"},
		"nothing":       {func(t *testing.T, txn *client.Txn) {}, ""},
		"a deleted key": {func(t *testing.T, txn *client.Txn) { require.NoError(t, txn.Delete([]byte("b"))) }, "b"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, []string{"m"}, func(t *testing.T, ctx context.Context, fake *fakeCluster, cl *client.Transactional) {
				second := begin(t, ctx, cl)
				first := puts(t, begin(t, ctx, cl), "1", "a", "b", "x")
				require.NoError(t, first.Commit(ctx))
				synctest.Wait()
				c.second(t, second)
				err := second.Commit(ctx)
				if c.conflict == "" {
					require.NoError(t, err)
					return
				}
				var conflict *client.ConflictError
				require.ErrorAs(t, err, &conflict)
				require.Equal(t, client.ConflictError{Key: []byte(c.conflict), StartTS: second.StartTS(), ConflictTS: first.CommitTS()}, *conflict)
				require.Zero(t, second.CommitTS())
				synctest.Wait()
				require.Empty(t, fake.locks(), "what it has locked elsewhere")
				require.Equal(t, "absent", found(t, ctx, begin(t, ctx, cl), "c"))
			})
		})
	}
}

// Run tries again on conflicts, and only then.
func TestRun(t *testing.T) {
	inBubble(t, []string{"m"}, func(t *testing.T, ctx context.Context, c *fakeCluster, cl *client.Transactional) {
		const clients, rounds = 5, 10
		add := func(ctx context.Context, txn *client.Txn) error {
			for _, key := range []string{"a", "z"} {
				value, _, err := txn.Get(ctx, []byte(key))
				if err != nil {
					return err
				}
				if err := txn.Put([]byte(key), append(value, 'x')); err != nil {
					return err
				}
			}
			return nil
		}
		var all sync.WaitGroup
		for range clients {
			all.Go(func() {
				for range rounds {
					require.NoError(t, cl.Run(ctx, add))
				}
			})
		}
		all.Wait()
		txn := begin(t, ctx, cl)
		require.Equal(t, strings.Repeat("x", clients*rounds), found(t, ctx, txn, "a"))
		require.Equal(t, strings.Repeat("x", clients*rounds), found(t, ctx, txn, "z"))

		tries := 0
		reason := errors.New("the caller's own")
		require.ErrorIs(t, cl.Run(ctx, func(ctx context.Context, txn *client.Txn) error { tries++; return reason }), reason)
		require.Equal(t, 1, tries)

		short, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		err := cl.Run(short, func(ctx context.Context, txn *client.Txn) error {
			require.NoError(t, puts(t, begin(t, ctx, cl), "", "k").Commit(ctx))
			return txn.Put([]byte("k"), nil)
		})
		var conflict *client.ConflictError
		require.ErrorAs(t, err, &conflict, "conflicts until the deadline")
	})
}

// Callers that need timestamps at one time share a request, after the one that is under
// way: each gets one of its own, and above those before.
func TestTimestampsShareRequests(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, ctx context.Context, c *fakeCluster, cl *client.Transactional) {
		begin(t, ctx, cl)
		c.scheduler.takes = time.Second
		const n = 100
		var all sync.WaitGroup
		var mu sync.Mutex
		seen := map[uint64]bool{}
		for range n {
			all.Go(func() {
				earlier := c.txns.oracle.next(1)
				txn := begin(t, ctx, cl)
				mu.Lock()
				defer mu.Unlock()
				require.Greater(t, txn.StartTS(), earlier)
				require.False(t, seen[txn.StartTS()], "handed out twice")
				seen[txn.StartTS()] = true
			})
		}
		all.Wait()
		requests := c.txns.oracle.requests
		require.Len(t, requests, 3, "%v", requests)
		require.Equal(t, uint32(n), requests[1]+requests[2])

		// Callers that leave do not take the turn of the others with them.
		short, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
		defer cancel()
		for range 3 {
			all.Go(func() {
				_, err := cl.Begin(short)
				var refused *client.RefusedError
				require.ErrorAs(t, err, &refused)
			})
		}
		all.Wait()
		for range 3 {
			all.Go(func() { begin(t, ctx, cl) })
		}
		all.Wait()
	})
}

func TestNoTimestamps(t *testing.T) {
	for name, c := range map[string]struct {
		ail  func(s *fakeScheduler, ails bool)
		says string
	}{
		"away":   {func(s *fakeScheduler, ails bool) { s.away = ails }, "away"},
		"silent": {func(s *fakeScheduler, ails bool) { s.silent = ails }, "deadline"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, nil, func(t *testing.T, ctx context.Context, fake *fakeCluster, cl *client.Transactional) {
				begin(t, ctx, cl)
				c.ail(fake.scheduler, true)
				short, cancel := context.WithTimeout(ctx, 10*time.Second)
				defer cancel()
				_, err := cl.Begin(short)
				var refused *client.RefusedError
				require.ErrorAs(t, err, &refused)
				require.ErrorContains(t, err, c.says)

				time.AfterFunc(10*time.Second, func() {
					fake.mu.Lock()
					defer fake.mu.Unlock()
					c.ail(fake.scheduler, false)
				})
				begin(t, ctx, cl)
			})
		})
	}
}

// Close waits for the secondary keys of a transaction that was committed.
func TestCloseWaitsForTheBackground(t *testing.T) {
	inBubble(t, []string{"m"}, func(t *testing.T, ctx context.Context, c *fakeCluster, cl *client.Transactional) {
		slow := make(chan struct{})
		c.txns.on = func(req txnRequest) loss {
			if r, ok := req.(*kvrpcpb.CommitRequest); ok && bytes.Equal(r.Keys[0], []byte("z")) {
				<-slow
			}
			return kept
		}
		require.NoError(t, puts(t, begin(t, ctx, cl), "", "a", "z").Commit(ctx))
		synctest.Wait()
		require.Equal(t, "z", c.locks(), "it is committed, and z follows")
		closed := false
		go func() { cl.Close(); closed = true }()
		synctest.Wait()
		require.False(t, closed)
		close(slow)
		synctest.Wait()
		require.True(t, closed)
		require.Empty(t, c.locks())
		_, err := cl.Begin(ctx)
		require.NoError(t, err, "that needs no store")
		_, _, err = cl.At(1).Get(ctx, []byte("a"))
		require.ErrorContains(t, err, "closed")
	})
}

// The background gives up in a while, and other clients finish what it has left.
func TestTheBackgroundIsBounded(t *testing.T) {
	inBubble(t, []string{"m"}, func(t *testing.T, ctx context.Context, c *fakeCluster, cl *client.Transactional) {
		c.txns.on = func(req txnRequest) loss {
			if r, ok := req.(*kvrpcpb.CommitRequest); ok && bytes.Equal(r.Keys[0], []byte("z")) {
				return requestLost
			}
			return kept
		}
		require.NoError(t, puts(t, begin(t, ctx, cl), "", "a", "z").Commit(ctx))
		begun := time.Now()
		cl.Close()
		require.LessOrEqual(t, time.Since(begun), 10*time.Second)
		require.Equal(t, "z", c.locks())
		other := c.transactional()
		require.Equal(t, "z", found(t, ctx, begin(t, ctx, other), "z"))
		require.Empty(t, c.locks())
	})
}
