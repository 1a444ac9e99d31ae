package client_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/labkv/labkv/kv/client"
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/lab/await"
	"github.com/labkv/labkv/proto/errorpb"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/schedulerpb"
)

// within calls do with a context of an hour of the bubble's time.
func within(t *testing.T, do func(ctx context.Context)) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	do(ctx)
}

func putAt(ctx context.Context, c *client.Raw, key, value string) error {
	return c.Put(ctx, engine.CFDefault, []byte(key), []byte(value))
}

func getAt(ctx context.Context, c *client.Raw, key string) (string, error) {
	value, _, err := c.Get(ctx, engine.CFDefault, []byte(key))
	return string(value), err
}

// What the client needs it asks for once, and what it does not need it does not ask
// for.
func TestAsksForWhatItNeeds(t *testing.T) {
	c := newFakeCluster(t, 5)
	c.split("g")
	c.split("p")
	c.move("g", 4, 5, 1)
	c.scheduler.hears()
	cl := c.client()
	ctx := await.Context(t, "the outcomes of requests")
	require.Empty(t, c.dialed)
	require.Empty(t, c.scheduler.asked)

	for range 2 {
		for _, key := range []string{"a", "b", "g", "h"} {
			require.NoError(t, putAt(ctx, cl, key, "value of "+key))
			value, err := getAt(ctx, cl, key)
			require.NoError(t, err)
			require.Equal(t, "value of "+key, value)
		}
	}
	require.Equal(t, map[string]int{"GetMembers": 1, "GetRegion": 2, "GetStore": 2}, c.scheduler.asked)
	require.Equal(t, []string{"store 1", "store 4"}, c.dialed)
	require.Equal(t, map[uint64]int{1: 8, 4: 8}, c.asked)

	leader, err := cl.Leader(ctx, []byte("g"))
	require.NoError(t, err)
	require.Equal(t, client.Store{ID: 4, Addr: "store 4"}, leader)
	cl.Close()
	require.ElementsMatch(t, c.dialed, c.closed)
}

// Stores of the configuration are known from the start, until they fail.
func TestStoresThatAreKnown(t *testing.T) {
	c := newFakeCluster(t, 3)
	ctx := await.Context(t, "the outcomes of requests")
	cfg := client.Config{
		Scheduler: c.scheduler, Dial: c.dial, Rand: func(int64) int64 { return 0 },
		Stores: []client.Store{{ID: 1, Addr: "store 1"}, {ID: 2, Addr: "before"}, {ID: 3, Addr: "store 3"}},
	}
	cl, err := client.NewRaw(cfg)
	require.NoError(t, err)
	require.NoError(t, putAt(ctx, cl, "k", "1"))
	require.Zero(t, c.scheduler.asked["GetStore"])
	c.lead("k", 2)
	require.NoError(t, putAt(ctx, cl, "k", "2"))
	require.Zero(t, c.scheduler.asked["GetStore"])
	require.Equal(t, 1, c.scheduler.asked["GetAllStores"])
	require.Equal(t, []string{"store 1", "before", "store 3", "store 2"}, c.dialed)
	require.Equal(t, []string{"before"}, c.closed)
	cl.Close()
	require.ElementsMatch(t, c.dialed, c.closed)

	for name, stores := range map[string][]client.Store{
		"no id":      client.At("a"),
		"twice":      {{ID: 1, Addr: "a"}, {ID: 1, Addr: "b"}},
		"id missing": {{ID: 1, Addr: "a"}, {Addr: "b"}},
	} {
		c.dialed, c.closed = nil, nil
		cfg.Stores = stores
		_, err := client.NewRaw(cfg)
		require.ErrorContains(t, err, "needs an id of its own", name)
		require.ElementsMatch(t, c.dialed, c.closed, name)
	}
}

// Requests that miss the same thing at the same time share a question, and those that
// only wait for it give up at their own deadlines.
func TestQuestionsAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newFakeCluster(t, 3)
		c.scheduler.takes = time.Second
		cl := c.client()
		begin := time.Now()
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				within(t, func(ctx context.Context) {
					if _, err := getAt(ctx, cl, "k"); err != nil {
						t.Error(err)
					}
				})
			})
		}
		wg.Go(func() {
			synctest.Wait() // the others have asked
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			_, err := getAt(ctx, cl, "k")
			var refused *client.RefusedError
			if at := time.Since(begin); status.Code(err) != codes.DeadlineExceeded || at != 100*time.Millisecond {
				t.Errorf("after %s: %v", at, err)
			} else if !asRefused(err, &refused) || refused.Addr != "the scheduler" {
				t.Error(err)
			}
		})
		wg.Wait()
		require.Equal(t, map[string]int{"GetMembers": 1, "GetRegion": 1, "GetStore": 1}, c.scheduler.asked)
		require.Equal(t, []string{"store 1"}, c.dialed)
		require.Equal(t, 3*time.Second, time.Since(begin)) // one call after the other
		c.scheduler.takes = 0
	})
}

// A question that its caller gave up is asked again by the others that need it.
func TestQuestionsOutliveTheirCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newFakeCluster(t, 3)
		c.scheduler.takes = time.Second
		cl := c.client()
		var wg sync.WaitGroup
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			if _, err := getAt(ctx, cl, "k"); status.Code(err) != codes.DeadlineExceeded {
				t.Error(err)
			}
		})
		wg.Go(func() {
			synctest.Wait()
			within(t, func(ctx context.Context) {
				if _, err := getAt(ctx, cl, "k"); err != nil {
					t.Error(err)
				}
			})
		})
		wg.Wait()
		require.Equal(t, 1, c.scheduler.asked["GetRegion"]) // the first was over before it came to that
	})
}

// How the client follows a cluster that changes: what it asks until a request is
// served, and how long that takes. The client knows the region of the key and its
// leader, store 1, and has connections to stores 1 to 3.
func TestFollowsTheCluster(t *testing.T) {
	const pause = 5 * time.Millisecond // the first one
	for name, c := range map[string]struct {
		happens func(c *fakeCluster)
		stores  map[uint64]int // requests by store
		asks    map[string]int // of the scheduler
		took    time.Duration
	}{
		"nothing": {func(c *fakeCluster) {}, map[uint64]int{1: 1}, nil, 0},
		"another leader": {func(c *fakeCluster) {
			c.lead("k", 3)
		}, map[uint64]int{1: 1, 3: 1}, nil, 0},
		"another leader, which others do not know": {func(c *fakeCluster) {
			c.mute = true
			c.lead("k", 3)
		}, map[uint64]int{1: 1, 2: 1, 3: 1}, nil, 0},
		"no leader for a while": {func(c *fakeCluster) {
			c.lead("k", 0)
			time.AfterFunc(pause/2, func() { c.lead("k", 1) })
		}, map[uint64]int{1: 2, 2: 1, 3: 1}, map[string]int{"GetRegion": 1}, pause},
		"a new member leads": {func(c *fakeCluster) {
			c.move("k", 4, 1, 2)
		}, map[uint64]int{1: 1, 4: 1}, map[string]int{"GetStore": 1}, 0},
		"all members are new": {func(c *fakeCluster) {
			c.move("k", 4, 5, 6)
			c.scheduler.hears()
		}, map[uint64]int{1: 1, 4: 1}, map[string]int{"GetRegion": 1, "GetAllStores": 1, "GetStore": 1}, 0},
		"all members are new, and the scheduler knows no leader": {func(c *fakeCluster) {
			c.move("k", 4, 5, 6)
			c.lead("k", 0)
			c.scheduler.hears()
			c.lead("k", 5)
		}, map[uint64]int{1: 1, 4: 1, 5: 1}, map[string]int{"GetRegion": 1, "GetAllStores": 1, "GetStore": 2}, 0},
		"all members are new, as the scheduler will hear": {func(c *fakeCluster) {
			c.move("k", 4, 5, 6)
			time.AfterFunc(pause/2, c.scheduler.hears)
		}, map[uint64]int{1: 1, 2: 1, 3: 1, 4: 1}, map[string]int{"GetRegion": 2, "GetAllStores": 2, "GetStore": 1}, pause},
		"a split": {func(c *fakeCluster) {
			c.split("x")
		}, map[uint64]int{1: 2}, nil, 0},
		"a split, and the key is in the new region": {func(c *fakeCluster) {
			c.split("c")
			c.scheduler.hears()
		}, map[uint64]int{1: 2}, map[string]int{"GetRegion": 1}, 0},
		"a split, of which the store tells all": {func(c *fakeCluster) {
			c.split("c")
			c.halves = true
		}, map[uint64]int{1: 2}, nil, 0},
		"a split that the scheduler will hear of": {func(c *fakeCluster) {
			c.split("c")
			time.AfterFunc(pause/2, c.scheduler.hears)
		}, map[uint64]int{1: 2}, map[string]int{"GetRegion": 2}, pause},
		"a split, and the new region moves": {func(c *fakeCluster) {
			c.split("c")
			c.move("c", 5, 4)
			c.scheduler.hears()
		}, map[uint64]int{1: 1, 5: 1}, map[string]int{"GetRegion": 1, "GetStore": 1}, 0},
		"a split, and the new region moves and is without a leader for a while": {func(c *fakeCluster) {
			c.split("c")
			c.move("c", 5, 4)
			c.lead("c", 0)
			c.scheduler.hears()
			c.lead("c", 4)
		}, map[uint64]int{1: 1, 5: 1, 4: 1}, map[string]int{"GetRegion": 1, "GetStore": 2}, 0},
		"the scheduler knows the leader": {func(c *fakeCluster) {
			c.instead = once(refuses(regionNotFound))
			c.mute = true
			c.lead("k", 3)
			c.scheduler.hears()
		}, map[uint64]int{1: 1, 3: 1}, map[string]int{"GetRegion": 1, "GetAllStores": 1}, 0},
		"the leader is down": {func(c *fakeCluster) {
			c.down[1] = true
			c.lead("k", 2)
		}, map[uint64]int{1: 1, 2: 1}, nil, 0},
		"the leader is down, and followers do not know yet": {func(c *fakeCluster) {
			c.down[1] = true
			time.AfterFunc(pause/2, func() { c.lead("k", 2) })
		}, map[uint64]int{1: 2, 2: 2, 3: 1}, map[string]int{"GetRegion": 1, "GetAllStores": 1}, pause},
		"the leader has another address": {func(c *fakeCluster) {
			c.addrs[1] = "elsewhere"
		}, map[uint64]int{0: 1, 1: 1, 2: 1, 3: 1}, map[string]int{"GetRegion": 1, "GetAllStores": 1}, pause},
		"two stores have exchanged their addresses": {func(c *fakeCluster) {
			c.addrs[1], c.addrs[2] = c.addrs[2], c.addrs[1]
		}, map[uint64]int{2: 1, 1: 1}, map[string]int{"GetRegion": 1, "GetAllStores": 1}, 0},
		"busy": {func(c *fakeCluster) {
			c.instead = once(refuses(busy))
		}, map[uint64]int{1: 2}, nil, pause},
		"stale command": {func(c *fakeCluster) {
			c.instead = once(refuses(staleCommand))
		}, map[uint64]int{1: 2, 2: 1}, nil, 0},
		"key not in region": {func(c *fakeCluster) {
			c.instead = once(refuses(keyNotInRegion))
		}, map[uint64]int{1: 2}, map[string]int{"GetRegion": 1}, 0},
		"region not found, but the scheduler insists": {func(c *fakeCluster) {
			c.instead = once(refuses(regionNotFound))
		}, map[uint64]int{1: 2, 2: 1}, map[string]int{"GetRegion": 1, "GetAllStores": 1}, 0},
		"stopping": {func(c *fakeCluster) {
			c.instead = once(fails(client.Answered, codes.Unavailable))
		}, map[uint64]int{1: 2, 2: 1, 3: 1}, map[string]int{"GetRegion": 1, "GetAllStores": 1}, pause},
	} {
		for _, kind := range []string{"put", "get"} {
			t.Run(name+", "+kind, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					within(t, func(ctx context.Context) {
						f := newFakeCluster(t, 6)
						cl := f.client()
						for _, store := range []uint64{2, 3, 1} { // connect to all
							f.lead("k", store)
							require.NoError(t, putAt(ctx, cl, "k", "before"))
						}
						c.happens(f)
						clear(f.asked)
						clear(f.scheduler.asked)
						do := func() error { return putAt(ctx, cl, "k", "after") }
						if kind == "get" {
							do = func() error { _, err := getAt(ctx, cl, "k"); return err }
						}
						begin := time.Now()
						require.NoError(t, do())
						require.Equal(t, c.took, time.Since(begin))
						require.Equal(t, c.stores, f.asked)
						if len(f.scheduler.asked) > 0 || c.asks != nil {
							require.Equal(t, c.asks, f.scheduler.asked)
						}
						// What the request has learned serves the next one.
						before := f.requests
						require.NoError(t, do())
						require.Equal(t, before+1, f.requests)
					})
				})
			})
		}
	}
}

// once returns what makes one request be answered with r.
func once(r reply) func(uint64, *kvrpcpb.Context) *reply {
	first := true
	return func(uint64, *kvrpcpb.Context) *reply {
		if !first {
			return nil
		}
		first = false
		return &r
	}
}

// A connection to a store that is gone, or has moved, is closed when the last request
// that uses it has ended, and a client leaves none open.
func TestConnectionsAreClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		within(t, func(ctx context.Context) {
			c := newFakeCluster(t, 6)
			cl := c.client()
			require.NoError(t, putAt(ctx, cl, "k", "1"))

			// A read is under way at store 1 while it leaves the cluster.
			arrived, leave := make(chan struct{}), make(chan struct{})
			c.before = func(int) {
				c.before = nil
				close(arrived)
				<-leave
			}
			read := make(chan error, 1)
			go func() {
				_, err := getAt(ctx, cl, "k")
				read <- err
			}()
			<-arrived
			c.move("k", 4, 5, 6)
			c.gone[1] = true
			c.scheduler.hears()
			require.NoError(t, putAt(ctx, cl, "k", "2"))
			require.Equal(t, []string{"store 1", "store 4"}, c.dialed)
			require.Empty(t, c.closed, "while a read uses it")
			close(leave)
			require.NoError(t, await.Receive(t, read, "the end of a read"))
			require.Equal(t, []string{"store 1"}, c.closed)

			// A store that moves is dialled where it is now.
			c.addrs[4] = "elsewhere"
			require.NoError(t, putAt(ctx, cl, "k", "3"))
			require.Equal(t, []string{"store 1", "store 4", "store 5", "store 6", "elsewhere"}, c.dialed)
			require.Equal(t, []string{"store 1", "store 4"}, c.closed)

			// Nothing is dialled after the end.
			cl.Close()
			require.ElementsMatch(t, c.dialed, c.closed)
			c.move("k", 2)
			c.scheduler.hears()
			var refused *client.RefusedError
			ctx, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			require.ErrorAs(t, putAt(ctx, cl, "k", "4"), &refused)
			require.ElementsMatch(t, c.dialed, c.closed)
			require.Zero(t, c.applied["4"])
		})
	})
}

// Close closes what is still in use, too, also if no new request would use it.
func TestCloseEndsRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		within(t, func(ctx context.Context) {
			c := newFakeCluster(t, 6)
			cl := c.client()
			require.NoError(t, putAt(ctx, cl, "k", "1"))
			leave, read := make(chan struct{}), make(chan error, 1)
			c.before = func(int) {
				c.before = nil
				<-leave
			}
			go func() {
				_, err := getAt(ctx, cl, "k")
				read <- err
			}()
			synctest.Wait()
			c.move("k", 4, 5, 6)
			c.gone[1] = true
			c.scheduler.hears()
			require.NoError(t, putAt(ctx, cl, "k", "2"))
			require.Empty(t, c.closed)
			cl.Close()
			require.ElementsMatch(t, []string{"store 1", "store 4"}, c.closed)
			close(leave)
			<-read
			require.ElementsMatch(t, []string{"store 1", "store 4"}, c.closed)
		})
	})
}

// The scheduler is asked about stores only while there is a doubt about one.
func TestDoubtsAreResolved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		within(t, func(ctx context.Context) {
			c := newFakeCluster(t, 3)
			cl := c.client()
			election := func() {
				c.lead("k", 0)
				time.AfterFunc(100*time.Millisecond, func() { c.lead("k", 1) })
				require.NoError(t, putAt(ctx, cl, "k", "1"))
			}
			election()
			require.NotZero(t, c.scheduler.asked["GetRegion"])
			require.Zero(t, c.scheduler.asked["GetAllStores"])
			c.instead = once(fails(client.Unsent, codes.Unavailable))
			for range 3 {
				election()
				require.Equal(t, 1, c.scheduler.asked["GetAllStores"])
			}
		})
	})
}

// The scheduler is asked until it answers. Without it, what is known goes on working.
func TestSchedulerIsAway(t *testing.T) {
	for name, c := range map[string]struct {
		away func(s *fakeScheduler)
		says string
	}{
		"unreachable": {func(s *fakeScheduler) { s.away = true }, "the scheduler is away"},
		"silent":      {func(s *fakeScheduler) { s.silent = true }, "deadline exceeded"},
		"not bootstrapped": {func(s *fakeScheduler) {
			s.refuse = &schedulerpb.Error{Type: schedulerpb.ErrorType_NOT_BOOTSTRAPPED, Message: "no store yet"}
		}, "no store yet"},
		"no reason": {func(s *fakeScheduler) {
			s.refuse = &schedulerpb.Error{Type: schedulerpb.ErrorType_UNKNOWN}
		}, "UNKNOWN"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFakeCluster(t, 3)
				f.split("m")
				f.scheduler.hears()
				cl := f.client()
				c.away(f.scheduler)
				begin := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				err := putAt(ctx, cl, "a", "1")
				var refused *client.RefusedError
				require.ErrorAs(t, err, &refused)
				require.Equal(t, "the scheduler", refused.Addr)
				require.ErrorContains(t, err, c.says)
				require.Equal(t, time.Minute, time.Since(begin))
				asked := 0
				for _, n := range f.scheduler.asked {
					asked += n
				}
				require.Greater(t, asked, 20)
				require.Less(t, asked, 60*4+10)

				// It comes back while a request waits.
				time.AfterFunc(10*time.Second, func() {
					f.mu.Lock()
					defer f.mu.Unlock()
					f.scheduler.away, f.scheduler.silent, f.scheduler.refuse = false, false, nil
				})
				begin = time.Now()
				within(t, func(ctx context.Context) {
					require.NoError(t, putAt(ctx, cl, "a", "2"))
				})
				require.GreaterOrEqual(t, time.Since(begin), 10*time.Second)
				require.LessOrEqual(t, time.Since(begin), 13*time.Second)

				// And goes again: the region that is known is served, also by another
				// leader among those that were connected.
				within(t, func(ctx context.Context) {
					for _, store := range []uint64{3, 2} {
						f.lead("a", store)
						require.NoError(t, putAt(ctx, cl, "a", fmt.Sprint("3 at ", store)))
					}
					c.away(f.scheduler)
					begin = time.Now()
					require.NoError(t, putAt(ctx, cl, "a", "4"))
					f.lead("a", 1)
					require.NoError(t, putAt(ctx, cl, "a", "5"))
					require.Zero(t, time.Since(begin))
					// An election goes on. The scheduler is asked now and then.
					f.lead("a", 0)
					time.AfterFunc(time.Second, func() { f.lead("a", 2) })
					require.NoError(t, putAt(ctx, cl, "a", "6"))
					require.LessOrEqual(t, time.Since(begin), 2*time.Second)
				})
				ctx, cancel = context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				_, err = getAt(ctx, cl, "z")
				require.ErrorAs(t, err, &refused, "the region of that key is not known")
				for value, n := range f.applied {
					require.Equal(t, 1, n, value)
				}
				require.Zero(t, f.applied["1"])
			})
		})
	}
}

// Another service at the scheduler's address stays one.
func TestNotAScheduler(t *testing.T) {
	c := newFakeCluster(t, 3)
	cl, err := client.NewRaw(client.Config{Scheduler: unimplemented{}, Dial: c.dial})
	require.NoError(t, err)
	err = putAt(await.Context(t, "a refusal"), cl, "k", "1")
	require.Equal(t, codes.Unimplemented, status.Code(err))
	require.ErrorContains(t, err, "the scheduler: ")
}

// Whatever stores and the scheduler say, and however long, requests come no faster
// than the pauses let them, and none is believed that leads to no end.
func TestNoAnswerMakesAClientSpinWithAScheduler(t *testing.T) {
	version := uint64(10)
	for name, c := range map[string]struct {
		sets func(c *fakeCluster)
		says string
		idle bool // no store is asked again
	}{
		"not leader":    {insteadOf(func(uint64, *kvrpcpb.Context) reply { return refuses(notLeader) }), "not leader", false},
		"no leader":     {func(c *fakeCluster) { c.lead("k", 0) }, "not its leader", false},
		"led by itself": {insteadOf(func(s uint64, _ *kvrpcpb.Context) reply { return refuses(ledBy(s)) }), "not leader", false},
		"led by the next": {insteadOf(func(s uint64, _ *kvrpcpb.Context) reply {
			return refuses(ledBy(s%6 + 1))
		}), "not leader", false},
		"led by a store that does not exist": {insteadOf(func(uint64, *kvrpcpb.Context) reply {
			return refuses(ledBy(99))
		}), "", false},
		"led by a stale one": {insteadOf(func(s uint64, _ *kvrpcpb.Context) reply {
			if s == 1 {
				return refuses(staleCommand)
			}
			return refuses(ledBy(1))
		}), "", false},
		"busy":             {insteadOf(func(uint64, *kvrpcpb.Context) reply { return refuses(busy) }), "busy", false},
		"stale command":    {insteadOf(func(uint64, *kvrpcpb.Context) reply { return refuses(staleCommand) }), "stale", false},
		"region not found": {insteadOf(func(uint64, *kvrpcpb.Context) reply { return refuses(regionNotFound) }), "no such region", false},
		"key not in region": {insteadOf(func(uint64, *kvrpcpb.Context) reply {
			return refuses(keyNotInRegion)
		}), "key outside", false},
		"another store": {insteadOf(func(uint64, *kvrpcpb.Context) reply { return refuses(storeNotMatch(7)) }), "another store", false},
		"nothing new":   {insteadOf(func(uint64, *kvrpcpb.Context) reply { return refuses(epochNotMatch(wholeSpace(1, 1))) }), "epoch", false},
		"no region":     {insteadOf(func(uint64, *kvrpcpb.Context) reply { return refuses(epochNotMatch()) }), "epoch", false},
		"no peers": {insteadOf(func(uint64, *kvrpcpb.Context) reply {
			return refuses(epochNotMatch(&metapb.Region{Id: 1, RegionEpoch: &metapb.RegionEpoch{Version: 99}}))
		}), "epoch", false},
		"always another version": {insteadOf(func(uint64, *kvrpcpb.Context) reply {
			version++
			return refuses(epochNotMatch(wholeSpace(version, 1)))
		}), "epoch", false},
		"never the region of the key": {insteadOf(func(uint64, *kvrpcpb.Context) reply {
			version++
			r := wholeSpace(version, 1)
			r.EndKey = []byte("c")
			return refuses(epochNotMatch(r))
		}), "no longer has the key", true},
		"unreachable":        {insteadOf(func(uint64, *kvrpcpb.Context) reply { return fails(client.Unsent, codes.Unavailable) }), "reason", false},
		"no region is known": {says(func(r *schedulerpb.GetRegionResponse) { r.Region = nil }), "no region is known", true},
		"another region":     {says(func(r *schedulerpb.GetRegionResponse) { r.Region.StartKey = []byte("x") }), "does not have the key", true},
		"a region of nobody": {says(func(r *schedulerpb.GetRegionResponse) { r.Region.Peers = nil }), "no peers", true},
		"peers of no store": {says(func(r *schedulerpb.GetRegionResponse) {
			r.Region.Peers, r.Leader = []*metapb.Peer{{}, {StoreId: 98}}, nil
		}), "is not known", true},
		"stores that are gone": {func(c *fakeCluster) {
			for id := range c.addrs {
				c.gone[id] = true
			}
		}, "is gone for good", true},
	} {
		for _, kind := range []string{"put", "get"} {
			t.Run(name+", "+kind, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					f := newFakeCluster(t, 6)
					c.sets(f)
					begin := time.Now()
					ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
					defer cancel()
					cl := f.client()
					var err error
					if kind == "put" {
						err = putAt(ctx, cl, "k", "1")
					} else {
						_, err = getAt(ctx, cl, "k")
					}
					require.Equal(t, time.Minute, time.Since(begin))
					var refused *client.RefusedError
					require.ErrorAs(t, err, &refused)
					require.ErrorContains(t, err, c.says)
					// Pauses are of 5, 10, 20, … and at last of 250 ms.
					rounds := 60*4 + 10
					require.LessOrEqual(t, f.requests, 7*rounds)
					if c.idle {
						require.LessOrEqual(t, f.requests, 1)
					} else {
						require.GreaterOrEqual(t, f.requests, 60*4-10)
					}
					require.LessOrEqual(t, f.scheduler.asked["GetRegion"], rounds)
					require.LessOrEqual(t, f.scheduler.asked["GetAllStores"], rounds)
					require.LessOrEqual(t, f.scheduler.asked["GetStore"], 4*rounds)
					// At one moment, which is between two pauses, each store is asked at
					// most once, and one of them twice.
					for at, stores := range f.moments {
						twice := 0
						for store, n := range stores {
							require.LessOrEqual(t, n, 2, "requests to store %d at %s", store, at)
							twice += n - 1
						}
						require.LessOrEqual(t, twice, 1, "stores that are asked twice at %s", at)
					}
				})
			})
		}
	}
}

func insteadOf(answer func(uint64, *kvrpcpb.Context) reply) func(*fakeCluster) {
	return func(c *fakeCluster) {
		c.instead = func(store uint64, rc *kvrpcpb.Context) *reply {
			r := answer(store, rc)
			return &r
		}
	}
}

func says(change func(*schedulerpb.GetRegionResponse)) func(*fakeCluster) {
	return func(c *fakeCluster) { c.scheduler.say = change }
}

// Each store that may lead is asked again and again, whatever the others say.
func TestNoStoreIsForgotten(t *testing.T) {
	for name, answer := range map[string]func(store uint64) *errorpb.Error{
		"two name each other": func(s uint64) *errorpb.Error { return ledBy(3 - s) },
		"all name the first":  func(uint64) *errorpb.Error { return ledBy(1) },
		"all name a stranger": func(uint64) *errorpb.Error { return ledBy(5) },
		"nobody knows":        func(uint64) *errorpb.Error { return notLeader },
		"nobody has it":       func(uint64) *errorpb.Error { return regionNotFound },
	} {
		synctest.Test(t, func(t *testing.T) {
			within(t, func(ctx context.Context) {
				c := newFakeCluster(t, 5)
				c.instead = func(store uint64, _ *kvrpcpb.Context) *reply {
					if store == 3 {
						return nil // it leads, and the scheduler does not know
					}
					r := refuses(answer(store))
					return &r
				}
				c.regions[0].leader = 3
				begin := time.Now()
				require.NoError(t, putAt(ctx, c.client(), "k", "1"), name)
				require.LessOrEqual(t, time.Since(begin), 5*time.Millisecond, name)
			})
		})
	}
}

// With a scheduler, too, a write is sent again only if it had no effect.
func TestUnknownOutcomesWithAScheduler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		within(t, func(ctx context.Context) {
			c := newFakeCluster(t, 3)
			cl := c.client()
			require.NoError(t, putAt(ctx, cl, "k", "1"))
			c.instead = once(fails(client.Lost, codes.Unavailable))
			var unknown *client.OutcomeUnknownError
			require.ErrorAs(t, putAt(ctx, cl, "k", "2"), &unknown)
			require.Equal(t, "store 1", unknown.Addr)
			require.Equal(t, 2, c.requests)
			// Later requests do not wait for that store.
			require.NoError(t, putAt(ctx, cl, "k", "3"))
			require.Equal(t, map[uint64]int{1: 3, 2: 1}, c.asked)
			c.instead = once(fails(client.Lost, codes.Unavailable))
			value, err := getAt(ctx, cl, "k")
			require.NoError(t, err, "a read may be sent again")
			require.Equal(t, "3", value)

			// A hint is remembered, whatever becomes of the request that got it.
			require.NoError(t, putAt(ctx, cl, "k", "4"))
			c.lead("k", 3)
			c.instead = func(store uint64, _ *kvrpcpb.Context) *reply {
				if store != 3 {
					return nil
				}
				c.instead = nil
				return &reply{err: &client.CallError{Fate: client.Answered, Err: status.Error(codes.Unknown, "reason")}}
			}
			require.ErrorAs(t, putAt(ctx, cl, "k", "5"), &unknown)
			clear(c.asked)
			require.NoError(t, putAt(ctx, cl, "k", "6"))
			require.Equal(t, map[uint64]int{3: 1}, c.asked)
		})
	})
}

// A store that does not answer a read is left for another one.
func TestSilentStoreWithAScheduler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		within(t, func(ctx context.Context) {
			c := newFakeCluster(t, 3)
			c.split("m")
			c.move("m", 4)
			c.addrs[4] = "store 4"
			c.scheduler.hears()
			cl := c.client()
			silent := true
			c.instead = func(store uint64, _ *kvrpcpb.Context) *reply {
				if store == 1 && silent {
					c.mu.Unlock()
					time.Sleep(2 * time.Second)
					c.mu.Lock()
					return &reply{err: status.Error(codes.DeadlineExceeded, "silence")}
				}
				return nil
			}
			begin := time.Now()
			c.lead("a", 2)
			_, err := getAt(ctx, cl, "a")
			require.NoError(t, err)
			require.Equal(t, 2*time.Second, time.Since(begin))
			_, err = getAt(ctx, cl, "a")
			require.NoError(t, err)
			require.Equal(t, 2*time.Second, time.Since(begin))
		})
	})
}

// A region may have left all the stores on which a client knows it, and these may be
// silent: a write that one of them did not answer is not sent again, but the next one asks
// the scheduler before.
func TestRegionHasLeftSilentStores(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		within(t, func(ctx context.Context) {
			for _, stores := range [][]uint64{{1}, {1, 2, 3}} {
				c := newFakeCluster(t, 4)
				c.move("k", stores...)
				c.lead("k", 1)
				c.scheduler.hears()
				cl := c.client()
				require.NoError(t, putAt(ctx, cl, "k", "1"))
				c.move("k", 4)
				c.lead("k", 4)
				c.scheduler.hears()
				c.instead = func(store uint64, _ *kvrpcpb.Context) *reply {
					if store == 4 {
						return nil
					}
					return &reply{err: status.Error(codes.DeadlineExceeded, "silence")}
				}
				var unknown *client.OutcomeUnknownError
				require.ErrorAs(t, putAt(ctx, cl, "k", "2"), &unknown)
				require.NoError(t, putAt(ctx, cl, "k", "3"), "on stores %v", stores)
			}
		})
	})
}

func asRefused(err error, refused **client.RefusedError) bool {
	r, ok := err.(*client.RefusedError)
	*refused = r
	return ok
}

type unimplemented struct{ schedulerpb.SchedulerClient }

func (unimplemented) GetMembers(context.Context, *schedulerpb.GetMembersRequest, ...grpc.CallOption) (*schedulerpb.GetMembersResponse, error) {
	return nil, status.Error(codes.Unimplemented, "unknown service")
}
