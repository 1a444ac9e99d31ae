package client_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/client"
	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

// loses returns a hook that loses the first n calls of one type.
func loses[Request txnRequest](c *fakeCluster, how loss, n int) func(req txnRequest) loss {
	return func(req txnRequest) loss {
		c.mu.Lock()
		defer c.mu.Unlock()
		if _, ok := req.(Request); ok && n > 0 {
			n--
			return how
		}
		return kept
	}
}

const forever = 1 << 30

// Whatever is lost once, the transaction is committed once.
func TestLostCalls(t *testing.T) {
	type prewrite = *kvrpcpb.PrewriteRequest
	type commit = *kvrpcpb.CommitRequest
	for name, hook := range map[string]func(c *fakeCluster) func(req txnRequest) loss{
		"prewrite, request":  func(c *fakeCluster) func(req txnRequest) loss { return loses[prewrite](c, requestLost, 2) },
		"prewrite, answer":   func(c *fakeCluster) func(req txnRequest) loss { return loses[prewrite](c, answerLost, 2) },
		"commit, request":    func(c *fakeCluster) func(req txnRequest) loss { return loses[commit](c, requestLost, 2) },
		"commit, answer":     func(c *fakeCluster) func(req txnRequest) loss { return loses[commit](c, answerLost, 2) },
		"everything, answer": func(c *fakeCluster) func(req txnRequest) loss { return loses[txnRequest](c, answerLost, 3) },
	} {
		for _, onePhase := range []bool{false, true} {
			for _, splits := range [][]string{nil, {"b"}} {
				t.Run(fmt.Sprintf("%s, one phase %v, splits %q", name, onePhase, splits), func(t *testing.T) {
					inBubble(t, splits, func(t *testing.T, ctx context.Context, c *fakeCluster, cl *client.Transactional) {
						c.txns.onePhase = onePhase
						c.txns.on = hook(c)
						txn := puts(t, begin(t, ctx, cl), "1", "a", "b")
						require.NoError(t, txn.Commit(ctx))
						cl.Close()
						require.Empty(t, c.locks())
						for _, key := range []string{"a", "b"} {
							require.Equal(t, []kvrpcpb.Op{kvrpcpb.Op_Put}, c.records(key))
						}
						other := c.transactional()
						require.Equal(t, "a=a1 b=b1", scanned(t, other.At(txn.CommitTS()).Scan(ctx, nil, nil)))
						require.Empty(t, scanned(t, other.At(txn.CommitTS()-1).Scan(ctx, nil, nil)))
					})
				})
			}
		}
	}
}

// A deadline that ends before the commit of the primary key has left leaves nothing of
// the transaction; one that ends with that in doubt is the one case in which the outcome is
// unknown. Then the client does not roll back.
func TestDeadlineAtEachStep(t *testing.T) {
	type prewrite = *kvrpcpb.PrewriteRequest
	type commit = *kvrpcpb.CommitRequest
	for name, s := range map[string]struct {
		onePhase  bool
		splits    []string
		on        func(c *fakeCluster) func(req txnRequest) loss
		unknown   bool
		committed bool // once the locks are resolved
	}{
		"prewrite, request lost": {on: func(c *fakeCluster) func(req txnRequest) loss { return loses[prewrite](c, requestLost, forever) }, unknown: true},
		"prewrite, answer lost":  {on: func(c *fakeCluster) func(req txnRequest) loss { return loses[prewrite](c, answerLost, forever) }, unknown: true},
		"one phase, request lost": {
			onePhase: true, unknown: true,
			on: func(c *fakeCluster) func(req txnRequest) loss { return loses[prewrite](c, requestLost, forever) },
		},
		"one phase, answer lost": {
			onePhase: true, unknown: true, committed: true,
			on: func(c *fakeCluster) func(req txnRequest) loss { return loses[prewrite](c, answerLost, forever) },
		},
		"two regions, prewrite, request lost": {splits: []string{"b"}, on: func(c *fakeCluster) func(req txnRequest) loss { return loses[prewrite](c, requestLost, forever) }},
		"two regions, prewrite, answer lost":  {splits: []string{"b"}, on: func(c *fakeCluster) func(req txnRequest) loss { return loses[prewrite](c, answerLost, forever) }},
		"two regions, second prewrite": {splits: []string{"b"}, on: func(c *fakeCluster) func(req txnRequest) loss {
			return func(req txnRequest) loss {
				if r, ok := req.(prewrite); ok && string(r.Mutations[0].Key) == "b" {
					return answerLost
				}
				return kept
			}
		}},
		"commit, request lost": {on: func(c *fakeCluster) func(req txnRequest) loss { return loses[commit](c, requestLost, forever) }, unknown: true},
		"commit, answer lost": {
			unknown: true, committed: true,
			on: func(c *fakeCluster) func(req txnRequest) loss { return loses[commit](c, answerLost, forever) },
		},
		"no timestamp": {on: func(c *fakeCluster) func(req txnRequest) loss {
			return func(req txnRequest) loss {
				if _, ok := req.(prewrite); ok {
					c.mu.Lock()
					c.scheduler.away = true
					c.mu.Unlock()
				}
				return kept
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, s.splits, func(t *testing.T, ctx context.Context, c *fakeCluster, cl *client.Transactional) {
				c.txns.onePhase = s.onePhase
				short, cancel := context.WithTimeout(ctx, time.Second)
				defer cancel()
				txn := puts(t, begin(t, ctx, cl), "1", "a", "b")
				c.txns.on = s.on(c)
				err := txn.Commit(short)
				require.Zero(t, txn.CommitTS())
				synctest.Wait()
				c.txns.on = nil
				c.scheduler.away = false
				cl.Close()
				var unknown *client.OutcomeUnknownError
				var refused *client.RefusedError
				if s.unknown {
					require.ErrorAs(t, err, &unknown)
					require.Empty(t, sent[*kvrpcpb.BatchRollbackRequest](c))
				} else {
					require.ErrorAs(t, err, &refused)
					require.NotErrorAs(t, err, &unknown)
					require.Empty(t, c.locks(), "it has rolled back what it had locked")
				}
				want := ""
				if s.committed {
					want = "a=a1 b=b1"
				}
				other := c.transactional()
				require.Equal(t, want, scanned(t, begin(t, ctx, other).Scan(ctx, nil, nil)))
				require.Empty(t, c.locks())
			})
		})
	}
}

// What is rolled back in the background is rolled back although answers are lost.
func TestLostRollbacks(t *testing.T) {
	for _, how := range []loss{requestLost, answerLost} {
		inBubble(t, []string{"m"}, func(t *testing.T, ctx context.Context, c *fakeCluster, cl *client.Transactional) {
			txn := puts(t, begin(t, ctx, cl), "", "a", "x")
			require.NoError(t, puts(t, begin(t, ctx, cl), "", "x").Commit(ctx))
			c.txns.on = loses[*kvrpcpb.BatchRollbackRequest](c, how, 3)
			var conflict *client.ConflictError
			require.ErrorAs(t, txn.Commit(ctx), &conflict)
			cl.Close()
			require.Empty(t, c.locks())
			require.Equal(t, []kvrpcpb.Op{kvrpcpb.Op_Rollback}, c.records("a"))
			require.Equal(t, []kvrpcpb.Op{kvrpcpb.Op_Put}, c.records("x"), "it was never locked")
		})
	}
}

// A store commits at once, its answer is lost, and by the next attempt the region was
// split, or another transaction has locked a key. It is committed all the same.
func TestCommittedAtOnceAndLost(t *testing.T) {
	for name, meanwhile := range map[string]func(c *fakeCluster){
		"split": func(c *fakeCluster) { c.splitAt("b") },
		"locked": func(c *fakeCluster) {
			c.abandon("a", time.Hour, "a")
		},
		"both": func(c *fakeCluster) {
			c.splitAt("b")
			c.abandon("a", time.Hour, "a", "b")
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, nil, func(t *testing.T, ctx context.Context, c *fakeCluster, cl *client.Transactional) {
				c.txns.onePhase, c.scheduler.live = true, true
				n := 0
				c.txns.on = func(req txnRequest) loss {
					if _, ok := req.(*kvrpcpb.PrewriteRequest); !ok {
						return kept
					}
					if n++; n == 1 {
						return answerLost
					}
					if n == 2 {
						meanwhile(c)
					}
					return kept
				}
				txn := puts(t, begin(t, ctx, cl), "1", "a", "b")
				require.NoError(t, txn.Commit(ctx))
				require.Equal(t, "a=a1 b=b1", scanned(t, cl.At(txn.CommitTS()).Scan(ctx, nil, nil)))
				require.Empty(t, scanned(t, cl.At(txn.CommitTS()-1).Scan(ctx, nil, nil)))
			})
		})
	}
}

// A request to commit at once was lost, and the key is locked by another transaction since:
// the client finds out that nothing was committed before it gives up.
func TestNotCommittedAtOnce(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, ctx context.Context, c *fakeCluster, cl *client.Transactional) {
		c.txns.onePhase = true
		n := 0
		c.txns.on = func(req txnRequest) loss {
			if _, ok := req.(*kvrpcpb.PrewriteRequest); ok {
				if n++; n == 1 {
					return requestLost
				}
			}
			return kept
		}
		older := c.txns.oracle.next(1)
		txn := puts(t, begin(t, ctx, cl), "1", "a", "b")
		c.prewrite(older, "b", time.Hour, "b")
		var aborted *client.AbortedError
		require.ErrorAs(t, txn.Commit(ctx), &aborted)
		require.Equal(t, txn.StartTS(), aborted.StartTS)
		synctest.Wait()
		require.Equal(t, "b", c.locks())
	})
}

// Regions are split between the moment at which keys are grouped and the moment at which
// requests arrive, at each step. Every key gets its request.
func TestSplitsOnTheWay(t *testing.T) {
	keys := []string{"a", "b", "c", "d", "e", "f", "g", "h"}
	for name, is := range map[string]func(req txnRequest) bool{
		"prewrite":         func(req txnRequest) bool { _, ok := req.(*kvrpcpb.PrewriteRequest); return ok },
		"commit":           func(req txnRequest) bool { _, ok := req.(*kvrpcpb.CommitRequest); return ok },
		"rollback":         func(req txnRequest) bool { _, ok := req.(*kvrpcpb.BatchRollbackRequest); return ok },
		"scan":             func(req txnRequest) bool { _, ok := req.(*kvrpcpb.ScanRequest); return ok },
		"any request":      func(req txnRequest) bool { return true },
		"answers are lost": nil,
	} {
		for _, halves := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, halves %v", name, halves), func(t *testing.T) {
				inBubble(t, []string{"e"}, func(t *testing.T, ctx context.Context, c *fakeCluster, cl *client.Transactional) {
					c.halves = halves
					c.scheduler.live = true
					lose := is == nil
					if is == nil {
						is = func(txnRequest) bool { return true }
					}
					next := 0
					c.txns.on = func(req txnRequest) loss {
						if !is(req) {
							return kept
						}
						c.mu.Lock()
						at := ""
						if next < len(keys) {
							at = keys[(3*next+1)%len(keys)]
							next++
						}
						c.mu.Unlock()
						if at == "" {
							return kept
						}
						c.splitAt(at)
						if lose {
							return answerLost
						}
						return kept
					}
					txn := puts(t, begin(t, ctx, cl), "1", keys...)
					late := puts(t, begin(t, ctx, cl), "2", keys...)
					require.NoError(t, txn.Commit(ctx))
					require.Equal(t, "a=a1 b=b1 c=c1 d=d1 e=e1 f=f1 g=g1 h=h1", scanned(t, begin(t, ctx, cl).Scan(ctx, nil, nil)))
					require.Error(t, late.Commit(ctx))
					cl.Close()
					require.Empty(t, c.locks())
					for _, key := range keys {
						require.NotContains(t, c.records(key)[1:], kvrpcpb.Op_Put, "key %s", key)
					}
				})
			})
		}
	}
}

// A transaction that was rolled back by another client is over: at its prewrite, while it
// waits, or at its commit.
func TestAborted(t *testing.T) {
	for name, on := range map[string]func(c *fakeCluster, txn *client.Txn) func(req txnRequest){
		"before its prewrite": func(c *fakeCluster, txn *client.Txn) func(req txnRequest) {
			c.decide("a", txn.StartTS(), 0)
			return func(txnRequest) {}
		},
		"before its commit": func(c *fakeCluster, txn *client.Txn) func(req txnRequest) {
			return func(req txnRequest) {
				if _, ok := req.(*kvrpcpb.CommitRequest); ok {
					c.decide("a", txn.StartTS(), 0)
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, []string{"m"}, func(t *testing.T, ctx context.Context, c *fakeCluster, cl *client.Transactional) {
				txn := puts(t, begin(t, ctx, cl), "", "a", "x")
				meets := on(c, txn)
				c.txns.on = func(req txnRequest) loss { meets(req); return kept }
				var aborted *client.AbortedError
				require.ErrorAs(t, txn.Commit(ctx), &aborted)
				require.Equal(t, txn.StartTS(), aborted.StartTS)
				cl.Close()
				require.Empty(t, c.locks())
				require.Empty(t, scanned(t, c.transactional().At(c.txns.oracle.next(1)).Scan(ctx, nil, nil)))
			})
		})
	}
}

// A transaction whose prewrite takes long keeps its primary lock alive, so that others
// wait for it.
func TestHeartBeats(t *testing.T) {
	inBubble(t, []string{"m"}, func(t *testing.T, ctx context.Context, c *fakeCluster, cl *client.Transactional) {
		txn := puts(t, begin(t, ctx, cl), "1", "a", "x")
		begun := time.Now()
		c.txns.on = func(req txnRequest) loss {
			if r, ok := req.(*kvrpcpb.PrewriteRequest); ok && string(r.Mutations[0].Key) == "x" && time.Since(begun) < 20*time.Second {
				return requestLost
			}
			return kept
		}
		result := make(chan error)
		go func() { result <- txn.Commit(ctx) }()
		time.Sleep(10 * time.Second)
		require.Equal(t, "a", c.locks())
		reader := begin(t, ctx, c.transactional())
		require.Equal(t, "absent", found(t, ctx, reader, "a"), "it waits for a transaction that commits later")
		require.NoError(t, <-result)
		require.Greater(t, len(sent[*kvrpcpb.TxnHeartBeatRequest](c)), 5)
		require.Less(t, len(sent[*kvrpcpb.TxnHeartBeatRequest](c)), 25)

		// One that has lost its lock nevertheless gives up.
		begun = time.Now()
		lost := puts(t, begin(t, ctx, cl), "2", "a", "x")
		time.AfterFunc(5*time.Second, func() { c.decide("a", lost.StartTS(), 0) })
		var aborted *client.AbortedError
		require.ErrorAs(t, lost.Commit(ctx), &aborted)
		require.Less(t, time.Since(begun), 19*time.Second)
	})
}

// Without waiting there is no heart beat: a transaction costs what it must.
func TestWhatATransactionCosts(t *testing.T) {
	inBubble(t, []string{"m"}, func(t *testing.T, ctx context.Context, c *fakeCluster, cl *client.Transactional) {
		c.txns.onePhase = true
		count := func(do func()) (n int) {
			before := len(c.txns.served)
			do()
			synctest.Wait()
			return len(c.txns.served) - before
		}
		require.Equal(t, 1, count(func() { require.NoError(t, puts(t, begin(t, ctx, cl), "", "a", "b").Commit(ctx)) }))
		require.Equal(t, 4, count(func() { require.NoError(t, puts(t, begin(t, ctx, cl), "", "a", "x").Commit(ctx)) }))
		require.Equal(t, 0, count(func() { require.NoError(t, begin(t, ctx, cl).Commit(ctx)) }))
		require.Equal(t, 1, count(func() { require.Equal(t, "x", found(t, ctx, cl, "x")) }), "a single read")
		require.Equal(t, 2, count(func() {
			late := puts(t, begin(t, ctx, cl), "", "a")
			require.NoError(t, puts(t, begin(t, ctx, cl), "", "a").Commit(ctx))
			require.Error(t, late.Commit(ctx))
		}), "nothing is locked, so nothing is rolled back")
		for _, p := range sent[*kvrpcpb.PrewriteRequest](c) {
			require.GreaterOrEqual(t, p.LockTtl, uint64(3000))
			require.Less(t, p.LockTtl, uint64(4000))
			require.LessOrEqual(t, transaction.Physical(p.StartVersion), time.Now().UnixMilli())
		}
	})
}
