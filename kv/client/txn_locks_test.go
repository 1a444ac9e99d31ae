package client_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/client"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

// Readers finish what a client has left that is gone: at once if it has committed or was
// rolled back, and else once its lock has outlived its time.
func TestLocksOfDeadClients(t *testing.T) {
	for name, s := range map[string]struct {
		decide func(c *fakeCluster, startTS uint64) // at the primary key
		value  string
		waits  time.Duration
	}{
		"committed":   {decide: func(c *fakeCluster, startTS uint64) { c.decide("a", startTS, c.txns.oracle.next(1)) }, value: "abandoned"},
		"rolled back": {decide: func(c *fakeCluster, startTS uint64) { c.decide("a", startTS, 0) }, value: "before"},
		"undecided":   {decide: func(*fakeCluster, uint64) {}, value: "before", waits: 3 * time.Second},
	} {
		for name2, read := range map[string]func(ctx context.Context, txn *client.Txn) error{
			"get":   func(ctx context.Context, txn *client.Txn) error { return expect(ctx, txn, "x", s.value) },
			"batch": func(ctx context.Context, txn *client.Txn) error { return expectBatch(ctx, txn, s.value, "x", "y") },
			"scan":  func(ctx context.Context, txn *client.Txn) error { return expectScan(ctx, txn, s.value, "x", "y") },
			"write": func(ctx context.Context, txn *client.Txn) error {
				_ = txn.Put([]byte("x"), nil)
				_ = txn.Put([]byte("y"), nil)
				return txn.Commit(ctx)
			},
		} {
			t.Run(name+", "+name2, func(t *testing.T) {
				inBubble(t, []string{"m"}, func(t *testing.T, ctx context.Context, c *fakeCluster, cl *client.Transactional) {
					setup := begin(t, ctx, cl)
					for _, key := range []string{"a", "x", "y"} {
						require.NoError(t, setup.Put([]byte(key), []byte("before")))
					}
					require.NoError(t, setup.Commit(ctx))
					synctest.Wait()
					startTS := c.abandon("a", 3*time.Second, "a", "x", "y")
					s.decide(c, startTS)
					txn := begin(t, ctx, cl)
					begun := time.Now()
					require.NoError(t, read(ctx, txn))
					require.GreaterOrEqual(t, time.Since(begun), s.waits)
					require.LessOrEqual(t, time.Since(begun), s.waits+time.Second)
					synctest.Wait()
					require.NotContains(t, c.locks(), "x")
					if name2 == "scan" && s.waits == 0 {
						require.Len(t, sent[*kvrpcpb.CheckTxnStatusRequest](c), 1)
						require.Len(t, sent[*kvrpcpb.ResolveLockRequest](c), 1)
					}
				})
			})
		}
	}
}

func expect(ctx context.Context, txn *client.Txn, key, want string) error {
	value, _, err := txn.Get(ctx, []byte(key))
	if err == nil && string(value) != want {
		err = fmt.Errorf("key %q has the value %q, want %q", key, value, want)
	}
	return err
}

func expectBatch(ctx context.Context, txn *client.Txn, want string, keys ...string) error {
	var all [][]byte
	for _, key := range keys {
		all = append(all, []byte(key))
	}
	values, err := txn.BatchGet(ctx, all)
	for _, key := range keys {
		if err == nil && string(values[key]) != want {
			err = fmt.Errorf("key %q has the value %q, want %q", key, values[key], want)
		}
	}
	return err
}

func expectScan(ctx context.Context, txn *client.Txn, want string, keys ...string) error {
	for pair, err := range txn.Scan(ctx, []byte(keys[0]), nil) {
		if err != nil {
			return err
		}
		if len(keys) == 0 || string(pair.Key) != keys[0] || string(pair.Value) != want {
			return fmt.Errorf("%q = %q, want %q of %q", pair.Key, pair.Value, want, keys)
		}
		keys = keys[1:]
	}
	if len(keys) > 0 {
		return fmt.Errorf("%q are not there", keys)
	}
	return nil
}

// A scan over the locks of one transaction asks once what became of it, and once for each
// region to have them resolved; and a reader remembers that.
func TestManyLocksOfOneClient(t *testing.T) {
	inBubble(t, []string{"k3", "k6"}, func(t *testing.T, ctx context.Context, c *fakeCluster, cl *client.Transactional) {
		keys := []string{"a"}
		for i := range 1000 {
			keys = append(keys, fmt.Sprintf("k%03d", i))
		}
		startTS := c.abandon("a", time.Hour, keys...)
		c.decide("a", startTS, c.txns.oracle.next(1))
		txn := begin(t, ctx, cl)
		n := 0
		for _, err := range txn.Scan(ctx, []byte("k"), nil) {
			require.NoError(t, err)
			n++
		}
		require.Equal(t, 1000, n)
		require.Len(t, sent[*kvrpcpb.CheckTxnStatusRequest](c), 1)
		require.Len(t, sent[*kvrpcpb.ResolveLockRequest](c), 3)
		require.Empty(t, c.locks())
	})
}

// A scan meets locks of many transactions, more than one page of them: those it has not
// come to are left alone.
func TestLocksOfManyClients(t *testing.T) {
	inBubble(t, []string{"k150"}, func(t *testing.T, ctx context.Context, c *fakeCluster, cl *client.Transactional) {
		for i := range 300 {
			key := fmt.Sprintf("k%03d", i)
			if i%3 == 0 {
				require.NoError(t, puts(t, begin(t, ctx, cl), "", key).Commit(ctx))
			} else {
				c.decide(key+"p", c.abandon(key+"p", time.Hour, key+"p", key), 0)
			}
		}
		n := 0
		for pair, err := range begin(t, ctx, cl).Scan(ctx, nil, []byte("k250")) {
			require.NoError(t, err)
			require.Equal(t, pair.Key, pair.Value)
			n++
		}
		require.Equal(t, 84, n)
		for _, r := range sent[*kvrpcpb.CheckTxnStatusRequest](c) {
			require.Less(t, string(r.PrimaryKey), "k250")
		}
	})
}

// A lock in the way of a reader whose transaction lives until the reader's time is over.
func TestLockedUntilTheDeadline(t *testing.T) {
	inBubble(t, []string{"m"}, func(t *testing.T, ctx context.Context, c *fakeCluster, cl *client.Transactional) {
		startTS := c.abandon("a", time.Hour, "a", "x")
		check := func(name string, do func(ctx context.Context, txn *client.Txn) error) {
			txn := begin(t, ctx, cl)
			short, cancel := context.WithTimeout(ctx, 10*time.Second)
			defer cancel()
			begun, requests := time.Now(), c.requests
			err := do(short, txn)
			took := time.Since(begun)
			synctest.Wait()
			var locked *client.LockedError
			require.ErrorAs(t, err, &locked, name)
			require.Equal(t, "x", string(locked.Key), name)
			require.Equal(t, "a", string(locked.Primary), name)
			require.Equal(t, startTS, locked.StartTS, name)
			require.Equal(t, 10*time.Second, took, name)
			require.Less(t, c.requests-requests, 120, "%s: requests", name)
		}
		check("get", func(ctx context.Context, txn *client.Txn) error { return expect(ctx, txn, "x", "") })
		check("scan", func(ctx context.Context, txn *client.Txn) error { return expectScan(ctx, txn, "", "x") })
		check("batch", func(ctx context.Context, txn *client.Txn) error { return expectBatch(ctx, txn, "", "x", "y") })
		check("commit", func(ctx context.Context, txn *client.Txn) error { return puts(t, txn, "", "w", "x").Commit(ctx) })
		check("commit elsewhere", func(ctx context.Context, txn *client.Txn) error { return puts(t, txn, "", "b", "x").Commit(ctx) })
		synctest.Wait()
		require.Equal(t, "a x", c.locks(), "those that could not commit are rolled back")
	})
}

// The deadline ends while the client finds out about a lock. The error is about the lock,
// and never that an outcome is unknown.
func TestDeadlineWhileResolving(t *testing.T) {
	type loser = func(c *fakeCluster) func(req txnRequest) loss
	for name, on := range map[string]loser{
		"status": func(c *fakeCluster) func(req txnRequest) loss {
			return loses[*kvrpcpb.CheckTxnStatusRequest](c, answerLost, forever)
		},
		"resolve": func(c *fakeCluster) func(req txnRequest) loss {
			return loses[*kvrpcpb.ResolveLockRequest](c, requestLost, forever)
		},
	} {
		for _, write := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, write %v", name, write), func(t *testing.T) {
				inBubble(t, nil, func(t *testing.T, ctx context.Context, c *fakeCluster, cl *client.Transactional) {
					c.decide("a", c.abandon("a", time.Hour, "a", "b"), 0)
					c.txns.on = on(c)
					short, cancel := context.WithTimeout(ctx, time.Second)
					defer cancel()
					txn := begin(t, ctx, cl)
					var err error
					if write {
						err = puts(t, txn, "", "b").Commit(short)
					} else {
						err = expect(short, txn, "b", "")
					}
					var locked *client.LockedError
					require.ErrorAs(t, err, &locked)
					require.Error(t, locked.Err)
					var unknown *client.OutcomeUnknownError
					require.NotErrorAs(t, err, &unknown)
				})
			})
		}
	}
}

// A lock that names a primary key which is not one cannot be resolved: that is no reason
// to ask without end.
func TestAnotherPrimary(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, ctx context.Context, c *fakeCluster, cl *client.Transactional) {
		startTS := c.abandon("a", time.Hour, "a", "b")
		c.prewrite(startTS, "b", time.Hour, "c")
		err := expect(ctx, begin(t, ctx, cl), "c", "")
		var locked *client.LockedError
		require.ErrorAs(t, err, &locked)
		require.ErrorContains(t, err, "primary")
	})
}

// A transaction waits for a lock of an older one only. If a younger one commits, that is a
// conflict in any case.
func TestWhichLocksAreWaitedFor(t *testing.T) {
	inBubble(t, []string{"m"}, func(t *testing.T, ctx context.Context, c *fakeCluster, cl *client.Transactional) {
		older := c.abandon("x", 3*time.Second, "x")
		txn := puts(t, begin(t, ctx, cl), "", "a", "x")
		begun := time.Now()
		require.NoError(t, txn.Commit(ctx))
		require.GreaterOrEqual(t, time.Since(begun), 3*time.Second)
		require.Greater(t, txn.StartTS(), older)
		synctest.Wait()

		txn = puts(t, begin(t, ctx, cl), "", "a", "x")
		younger := c.abandon("x", time.Hour, "x")
		begun = time.Now()
		var conflict *client.ConflictError
		require.ErrorAs(t, txn.Commit(ctx), &conflict)
		require.Equal(t, client.ConflictError{Key: []byte("x"), StartTS: txn.StartTS(), ConflictTS: younger}, *conflict)
		require.Zero(t, time.Since(begun))
		synctest.Wait()
		require.Equal(t, "x", c.locks())
	})
}

// Transactions that lock the same keys in many regions at the same time all come to an end.
func TestNoDeadlocks(t *testing.T) {
	splits := []string{"b", "c", "d", "e", "f"}
	inBubble(t, splits, func(t *testing.T, ctx context.Context, c *fakeCluster, cl *client.Transactional) {
		c.txns.on = func(txnRequest) loss {
			time.Sleep(time.Millisecond)
			return kept
		}
		begun := time.Now()
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				require.NoError(t, cl.Run(ctx, func(ctx context.Context, txn *client.Txn) error {
					for j := range 4 {
						if err := txn.Put([]byte{byte('a' + (i*j+i)%6)}, nil); err != nil {
							return err
						}
					}
					return nil
				}))
			})
		}
		all.Wait()
		require.Less(t, time.Since(begun), time.Minute)
		cl.Close()
		require.Empty(t, c.locks())
	})
}

// With a Go that runs what it is given, a client makes one call after the other, and
// nothing goes on when its call has returned.
func TestOneCallAfterTheOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newFakeCluster(t, 3)
		for _, key := range []string{"b", "c", "d"} {
			c.splitAt(key)
		}
		c.scheduler.hears()
		var mu sync.Mutex
		c.txns.on = func(txnRequest) loss {
			require.True(t, mu.TryLock(), "two calls at a time")
			time.Sleep(time.Millisecond)
			mu.Unlock()
			return kept
		}
		cl, err := client.NewTransactional(client.Config{
			Scheduler: c.scheduler, Dial: c.dial, Go: func(f func()) { f() }, Background: t.Context(),
		})
		require.NoError(t, err)
		defer cl.Close()
		within(t, func(ctx context.Context) {
			late := puts(t, begin(t, ctx, cl), "2", "a", "b", "c", "d")
			require.NoError(t, puts(t, begin(t, ctx, cl), "1", "b", "c", "d", "e").Commit(ctx))
			require.Empty(t, c.locks())
			require.Error(t, late.Commit(ctx))
			require.Empty(t, c.locks())
			values, err := begin(t, ctx, cl).BatchGet(ctx, [][]byte{[]byte("b"), []byte("c"), []byte("e")})
			require.NoError(t, err)
			require.Len(t, values, 3)
		})
	})
}
