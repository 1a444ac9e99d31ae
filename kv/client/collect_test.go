package client_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/client"
	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

// history gives keys three versions each, and returns a timestamp at which the second one is
// visible.
func history(t *testing.T, ctx context.Context, cl *client.Transactional, keys ...string) (between uint64) {
	t.Helper()
	for _, text := range []string{"1", "2", "3"} {
		txn := puts(t, begin(t, ctx, cl), text, keys...)
		require.NoError(t, txn.Commit(ctx))
		if text == "2" {
			between = txn.CommitTS()
		}
		synctest.Wait()
	}
	return between
}

// recordCount returns how many records there are.
func (c *fakeCluster) recordCount(keys ...string) (n int) {
	for _, key := range keys {
		n += len(c.records(key))
	}
	return n
}

func requireTooOld(t *testing.T, err error) {
	t.Helper()
	var tooOld *client.TooOldError
	require.ErrorAs(t, err, &tooOld)
	require.Contains(t, err.Error(), "begin a new transaction")
}

// A collection resolves what dead clients have left, and removes all but what is visible.
func TestCollect(t *testing.T) {
	inBubble(t, []string{"d", "m"}, func(t *testing.T, ctx context.Context, c *fakeCluster, cl *client.Transactional) {
		keys := []string{"a", "b", "e", "n", "x"}
		past := history(t, ctx, cl, keys...)
		gone := begin(t, ctx, cl)
		require.NoError(t, gone.Delete([]byte("b")))
		require.NoError(t, gone.Commit(ctx))
		synctest.Wait()
		committed := c.abandon("a", 3*time.Second, "a", "e", "n", "x")
		c.decide("a", committed, c.txns.oracle.next(1))
		undecided := c.abandon("p", 0, "p", "q", "r", "s") // "p" is in the last region
		require.Equal(t, "a2", found(t, ctx, cl.At(past), "a"))
		require.Equal(t, 5*3+1+1, c.recordCount(append(keys, "p", "q", "r", "s")...))

		done, err := cl.Collect(ctx, time.Hour)
		require.NoError(t, err)
		require.Zero(t, done.Removed)
		require.Equal(t, "a2", found(t, ctx, cl.At(past), "a"), "it is not old")

		done, err = cl.Collect(ctx, 0)
		require.NoError(t, err)
		require.Empty(t, c.locks())
		require.Equal(t, 2, done.Transactions)
		require.Greater(t, done.SafePoint, max(committed, undecided))
		require.Equal(t, 4, c.recordCount(append(keys, "p", "q", "r", "s")...), "one of each key but b")
		for _, key := range []string{"a", "e", "n", "x"} {
			require.Equal(t, []kvrpcpb.Op{kvrpcpb.Op_Put}, c.records(key))
		}
		require.Equal(t, "a=abandoned e=abandoned n=abandoned x=abandoned", scanned(t, cl.At(done.SafePoint).Scan(ctx, nil, nil)))

		for _, snapshot := range []*client.Snapshot{cl.At(past), cl.At(done.SafePoint - 1)} {
			_, _, err = snapshot.Get(ctx, []byte("a"))
			requireTooOld(t, err)
			_, err = snapshot.BatchGet(ctx, [][]byte{[]byte("a"), []byte("x")})
			requireTooOld(t, err)
			for _, err := range snapshot.Scan(ctx, []byte("c"), []byte("z")) {
				requireTooOld(t, err)
			}
			for _, err := range snapshot.Scan(ctx, nil, nil) {
				requireTooOld(t, err)
			}
		}
		again, err := cl.Collect(ctx, 0)
		require.NoError(t, err)
		require.Greater(t, again.SafePoint, done.SafePoint)
		require.Zero(t, again.Removed+uint64(again.Transactions))
		old, err := cl.Collect(ctx, time.Minute)
		require.NoError(t, err)
		require.Equal(t, again.SafePoint, old.SafePoint, "what was collected does not come back")
	})
}

// A transaction whose time has not come, or that is as old as time, is nobody's concern.
func TestNothingIsOld(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, ctx context.Context, c *fakeCluster, cl *client.Transactional) {
		history(t, ctx, cl, "a")
		done, err := cl.Collect(ctx, 100*365*24*time.Hour)
		require.NoError(t, err)
		require.Zero(t, done)
		require.Zero(t, c.scheduler.asked["UpdateGCSafePoint"])
		require.Equal(t, 3, c.recordCount("a"))
	})
}

// A transaction that began before the safe point and has its locks may commit; the collection
// waits for it.
func TestCollectWaitsForTheLiving(t *testing.T) {
	inBubble(t, []string{"m"}, func(t *testing.T, ctx context.Context, c *fakeCluster, cl *client.Transactional) {
		history(t, ctx, cl, "a", "x")
		alive := c.abandon("a", time.Minute, "a", "x")
		finished := make(chan client.Collection)
		go func() {
			done, err := cl.Collect(ctx, 0)
			require.NoError(t, err)
			finished <- done
		}()
		time.Sleep(3 * time.Second)
		synctest.Wait()
		require.Equal(t, "a x", c.locks())
		require.Len(t, sent[*kvrpcpb.GCRequest](c), 0)
		commitTS := c.txns.oracle.next(1)
		c.decide("a", alive, commitTS)
		done := <-finished
		require.Less(t, done.SafePoint, commitTS)
		require.Empty(t, c.locks())
		require.Equal(t, "a=abandoned x=abandoned", scanned(t, cl.At(commitTS).Scan(ctx, nil, nil)))
		require.Equal(t, "a=a3 x=x3", scanned(t, cl.At(commitTS-1).Scan(ctx, nil, nil)), "between the safe point and the commit")
	})
}

// If an old transaction is alive for longer than the caller waits, nothing is removed, and a
// later collection goes on.
func TestCollectGivesUpOnTheLiving(t *testing.T) {
	inBubble(t, []string{"m"}, func(t *testing.T, ctx context.Context, c *fakeCluster, cl *client.Transactional) {
		history(t, ctx, cl, "a", "x")
		c.abandon("x", time.Minute, "x")
		short, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		first, err := cl.Collect(short, 0)
		var locked *client.LockedError
		require.ErrorAs(t, err, &locked)
		require.Equal(t, "x", string(locked.Key))
		require.Zero(t, first.Removed)
		require.Equal(t, 6, c.recordCount("a", "x"))
		time.Sleep(time.Minute)
		done, err := cl.Collect(ctx, time.Hour)
		require.NoError(t, err)
		require.Equal(t, first.SafePoint, done.SafePoint, "it completes the earlier one")
		require.Equal(t, 2, c.recordCount("a", "x"))
	})
}

// A transaction that is older than the safe point is told so, and Run does not try again.
func TestTransactionIsTooOld(t *testing.T) {
	inBubble(t, []string{"m"}, func(t *testing.T, ctx context.Context, c *fakeCluster, cl *client.Transactional) {
		history(t, ctx, cl, "a", "x")
		old := puts(t, begin(t, ctx, cl), "new", "a", "x")
		_, err := cl.Collect(ctx, 0)
		require.NoError(t, err)
		_, _, err = old.Get(ctx, []byte("y"))
		requireTooOld(t, err)
		requireTooOld(t, old.Commit(ctx))
		synctest.Wait()
		require.Empty(t, c.locks())

		tries := 0
		requireTooOld(t, cl.Run(ctx, func(ctx context.Context, txn *client.Txn) error {
			tries++
			_, err := cl.Collect(ctx, 0)
			require.NoError(t, err)
			return txn.Put([]byte("a"), nil)
		}))
		require.Equal(t, 1, tries)
	})
}

// What a client hears if its transaction is collected between the prewrite and the commit, or
// between a commit and its repetition.
func TestCommitIsTooOld(t *testing.T) {
	for name, how := range map[string]loss{"request": requestLost, "answer": answerLost} {
		t.Run(name+" lost", func(t *testing.T) {
			inBubble(t, []string{"m"}, func(t *testing.T, ctx context.Context, c *fakeCluster, cl *client.Transactional) {
				history(t, ctx, cl, "a", "x")
				txn := puts(t, begin(t, ctx, cl), "new", "a", "x")
				lose := loses[*kvrpcpb.CommitRequest](c, how, 1)
				c.txns.on = func(req txnRequest) loss {
					if _, ok := req.(*kvrpcpb.CommitRequest); ok && lose != nil {
						this := lose
						lose = nil
						return this(req)
					} else if ok {
						// The client comes again after a very long time.
						c.txns.on = nil
						time.Sleep(10 * time.Second)
						other := c.transactional()
						require.NoError(t, other.Run(ctx, func(ctx context.Context, txn *client.Txn) error {
							return txn.Put([]byte("a"), []byte("newer"))
						}))
						_, err := other.Collect(ctx, 0)
						require.NoError(t, err)
					}
					return kept
				}
				err := txn.Commit(ctx)
				var unknown *client.OutcomeUnknownError
				require.ErrorAs(t, err, &unknown, "the first attempt may have committed")
				require.Contains(t, err.Error(), "no longer known")
				require.Zero(t, txn.CommitTS())
				synctest.Wait()
				require.Empty(t, c.locks())
				want := map[loss]string{requestLost: "x3", answerLost: "xnew"}[how]
				require.Equal(t, want, found(t, ctx, cl, "x"))
			})
		})
	}
	inBubble(t, nil, func(t *testing.T, ctx context.Context, c *fakeCluster, cl *client.Transactional) {
		txn := puts(t, begin(t, ctx, cl), "new", "a")
		c.txns.on = func(req txnRequest) loss {
			if _, ok := req.(*kvrpcpb.CommitRequest); ok {
				c.txns.on = nil
				time.Sleep(10 * time.Second)
				_, err := c.transactional().Collect(ctx, 0)
				require.NoError(t, err)
			}
			return kept
		}
		requireTooOld(t, txn.Commit(ctx)) // no other request can have committed it
		require.Equal(t, "absent", found(t, ctx, cl, "a"))
	})
}

// A one-phase commit whose answer was lost, and that was collected before it came again.
func TestOnePhaseIsTooOld(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, ctx context.Context, c *fakeCluster, cl *client.Transactional) {
		c.txns.onePhase = true
		txn := puts(t, begin(t, ctx, cl), "new", "a")
		first := true
		c.txns.on = func(req txnRequest) loss {
			if _, ok := req.(*kvrpcpb.PrewriteRequest); !ok {
				return kept
			}
			if first {
				first = false
				return answerLost
			}
			c.txns.on = nil
			_, err := c.transactional().Collect(ctx, 0)
			require.NoError(t, err)
			return kept
		}
		var unknown *client.OutcomeUnknownError
		require.ErrorAs(t, txn.Commit(ctx), &unknown)
		require.Equal(t, "anew", found(t, ctx, cl, "a"))
	})
}

// A reader that has met a lock asks late what became of the transaction: it is no longer known,
// and the lock is no longer there.
func TestLockIsTooOld(t *testing.T) {
	inBubble(t, []string{"m"}, func(t *testing.T, ctx context.Context, c *fakeCluster, cl *client.Transactional) {
		history(t, ctx, cl, "a", "x")
		start := c.abandon("a", 0, "a", "x")
		c.decide("a", start, c.txns.oracle.next(1))
		reader := begin(t, ctx, cl)
		c.txns.on = func(req txnRequest) loss {
			if _, ok := req.(*kvrpcpb.CheckTxnStatusRequest); ok {
				c.txns.on = nil
				time.Sleep(time.Second)
				_, err := c.transactional().Collect(ctx, time.Millisecond)
				require.NoError(t, err)
			}
			return kept
		}
		_, _, err := reader.Get(ctx, []byte("x"))
		requireTooOld(t, err)
		require.Equal(t, "abandoned", found(t, ctx, cl, "x"))

		start = c.abandon("a", 0, "a", "x")
		c.decide("a", start, c.txns.oracle.next(1))
		late := c.txns.oracle.next(1)
		c.txns.on = func(req txnRequest) loss {
			if _, ok := req.(*kvrpcpb.CheckTxnStatusRequest); ok {
				c.txns.on = nil
				_, err := c.transactional().Collect(ctx, 0)
				require.NoError(t, err)
			}
			return kept
		}
		require.Equal(t, "abandoned", found(t, ctx, cl.At(late+1<<40), "x"))
		require.Len(t, c.locks(), 0)
	})
}

// Regions split, move and lose their leaders, requests and answers are lost, transactions go
// on, and collections are broken off at any request. What is visible is not touched, no lock
// stays, and the last collection leaves one version of each key.
func TestCollectWhateverHappens(t *testing.T) {
	for seed := range uint64(20) {
		inBubble(t, []string{"d", "m"}, func(t *testing.T, ctx context.Context, c *fakeCluster, cl *client.Transactional) {
			dice := rand.New(rand.NewPCG(seed, 7))
			var keys []string
			for i := range 12 {
				keys = append(keys, string(rune('a'+2*i)))
			}
			history(t, ctx, cl, keys...)
			now := map[string]string{}
			for _, key := range keys {
				now[key] = key + "3"
			}
			c.scheduler.live = true
			inside := false
			c.txns.on = func(req txnRequest) loss {
				switch req.(type) {
				case *kvrpcpb.ScanLockRequest, *kvrpcpb.GCRequest:
				default:
					return kept
				}
				if inside {
					return kept
				}
				switch dice.IntN(8) {
				case 0:
					c.splitAt(keys[dice.IntN(len(keys))])
				case 1:
					c.lead(string(transaction.EncodeKey([]byte(keys[dice.IntN(len(keys))]))), 1+dice.Uint64N(3))
				case 2:
					return requestLost
				case 3:
					return answerLost
				case 4, 5:
					inside = true
					txn := begin(t, ctx, cl)
					key := keys[dice.IntN(len(keys))]
					now[key] = fmt.Sprint(txn.StartTS())
					require.NoError(t, txn.Put([]byte(key), []byte(now[key])))
					require.NoError(t, txn.Commit(ctx))
					inside = false
				}
				return kept
			}
			for range 6 {
				if dice.IntN(2) == 0 {
					key := keys[dice.IntN(len(keys))]
					if !strings.Contains(c.locks(), key) {
						c.abandon(key, 0, key)
					}
				}
				limited, cancel := context.WithTimeout(ctx, time.Duration(dice.IntN(1000))*time.Millisecond)
				_, _ = cl.Collect(limited, time.Duration(dice.IntN(20))*time.Millisecond)
				cancel()
				for _, key := range keys {
					require.Equal(t, now[key], found(t, ctx, cl, key), "seed %d", seed)
				}
			}
			c.txns.on = nil
			_, err := cl.Collect(ctx, 0)
			require.NoError(t, err)
			require.Empty(t, c.locks())
			require.Equal(t, len(keys), c.recordCount(keys...))
			for _, key := range keys {
				require.Equal(t, now[key], found(t, ctx, cl, key), "seed %d", seed)
			}
		})
	}
}

// The scheduler may be away for a while.
func TestCollectWithoutScheduler(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, ctx context.Context, c *fakeCluster, cl *client.Transactional) {
		history(t, ctx, cl, "a")
		c.mu.Lock()
		c.scheduler.away = true
		c.mu.Unlock()
		go func() {
			time.Sleep(3 * time.Second)
			c.mu.Lock()
			defer c.mu.Unlock()
			c.scheduler.away = false
		}()
		_, err := cl.Collect(ctx, 0)
		require.NoError(t, err)
		require.Equal(t, 1, c.recordCount("a"))
		safe, err := cl.SafePoint(ctx)
		require.NoError(t, err)
		require.Equal(t, c.txns.safe, safe)
		c.mu.Lock()
		c.scheduler.away = true
		c.mu.Unlock()
		short, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		_, err = cl.SafePoint(short)
		var refused *client.RefusedError
		require.ErrorAs(t, err, &refused)
	})
}
