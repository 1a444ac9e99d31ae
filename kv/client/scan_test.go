package client_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"github.com/labkv/labkv/kv/client"
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/lab/await"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

// scanAll scans in parts, requires that they fit together, and returns the keys that
// they have.
func scanAll(t *testing.T, ctx context.Context, cl *client.Raw, start string, limit uint32) (keys []string) {
	t.Helper()
	at, ended := start, limit == 0
	for part, err := range cl.ScanParts(ctx, engine.CFDefault, []byte(start), limit) {
		require.NoError(t, err)
		require.False(t, ended, "a part follows the last one")
		require.Equal(t, at, string(part.Keys.Start))
		at = string(part.Keys.End)
		require.True(t, at == "" || at > string(part.Keys.Start))
		for _, p := range part.Pairs {
			require.True(t, part.Keys.Contains(p.Key), "%q is not in the part", p.Key)
			require.True(t, len(keys) == 0 || keys[len(keys)-1] < string(p.Key), "%q comes after %q", p.Key, keys)
			require.Equal(t, "value of "+string(p.Key), string(p.Value))
			keys = append(keys, string(p.Key))
		}
		ended = at == "" || len(keys) >= int(limit)
	}
	require.True(t, ended, "no part is the last one")
	return keys
}

// withKeys returns a cluster that has these keys, each with a value.
func withKeys(t *testing.T, keys ...string) *fakeCluster {
	c := newFakeCluster(t, 6)
	for _, key := range keys {
		c.data[key] = "value of " + key
	}
	return c
}

// A scan has as many pairs as there are, up to its limit, however they are spread over
// regions and answers.
func TestScanOverRegions(t *testing.T) {
	all := []string{"a", "b", "c", "g", "h", "z"}
	for _, splits := range []string{"", "c", "cg", "abcdefghz", "{|}"} {
		for _, room := range []int{0, 1, 2} {
			c := withKeys(t, all...)
			c.room = room
			for i, key := range strings.Split(splits, "") {
				c.split(key)
				c.move(key, uint64(i%4+1), uint64(i%4+2), uint64(i%4+3))
			}
			c.scheduler.hears()
			ctx := await.Context(t, "the answers to scans")
			cl := c.client()
			for _, start := range []string{"", "a", "a\x00", "c", "d", "g", "z", "z\x00", "~"} {
				i, _ := slices.BinarySearch(all, start)
				for _, limit := range []uint32{0, 1, 2, 3, 5, 6, 7, 100, math.MaxUint32} {
					want := all[i:]
					if len(want) > int(limit) {
						want = want[:limit]
					}
					what := fmt.Sprintf("splits at %q, room for %d, %d from %q", splits, room, limit, start)
					require.Equal(t, strings.Join(want, " "), strings.Join(scanAll(t, ctx, cl, start, limit), " "), what)
					pairs, more, err := cl.Scan(ctx, engine.CFDefault, []byte(start), limit)
					require.NoError(t, err)
					require.Len(t, pairs, len(want), what)
					require.Equal(t, len(want) == int(limit), more, what)
				}
			}
		}
	}
}

// Whatever happens to the regions between two requests of a scan, it has every key
// once.
func TestScanWhileRegionsChange(t *testing.T) {
	all := []string{"a", "b", "c", "g", "h", "m", "z"}
	changes := map[string]func(c *fakeCluster){
		"a split at a key":               func(c *fakeCluster) { c.split("g") },
		"a split between keys":           func(c *fakeCluster) { c.split("d") },
		"a split at the end of a region": func(c *fakeCluster) { c.split("h"); c.split("g") },
		"splits everywhere": func(c *fakeCluster) {
			for key := 'a'; key <= 'z'; key++ {
				c.split(string(key))
			}
		},
		"other leaders": func(c *fakeCluster) { c.lead("a", 3); c.lead("m", 2) },
		"other members": func(c *fakeCluster) { c.move("a", 6, 5, 4); c.move("m", 1, 5) },
		"everything": func(c *fakeCluster) {
			c.split("g")
			c.split("c")
			c.move("c", 6, 5, 4)
			c.move("g", 5)
			c.lead("z", 2)
		},
	}
	for name, change := range changes {
		for _, room := range []int{0, 1} {
			for at := 1; ; at++ {
				happened := false
				synctest.Test(t, func(t *testing.T) {
					c := withKeys(t, all...)
					c.room = room
					c.split("h")
					c.scheduler.hears()
					c.before = func(n int) {
						if n == at {
							happened = true
							change(c)
							time.AfterFunc(20*time.Millisecond, c.scheduler.hears)
						}
					}
					within(t, func(ctx context.Context) {
						require.Equal(t, all, scanAll(t, ctx, c.client(), "", 100), "%s, before request %d", name, at)
					})
				})
				if !happened {
					break // the scan needs no more requests than that
				}
				require.Less(t, at, 100)
			}
		}
	}
}

// A part is asked for when the loop comes to it, so that it sees what was written
// before.
func TestScanPartsAreOfLaterAndLaterMoments(t *testing.T) {
	c := withKeys(t, "a", "b", "n")
	c.split("m")
	c.scheduler.hears()
	cl, ctx := c.client(), await.Context(t, "the answers to scans")
	var seen []string
	for part, err := range cl.ScanParts(ctx, engine.CFDefault, nil, 10) {
		require.NoError(t, err)
		for _, p := range part.Pairs {
			seen = append(seen, string(p.Key))
		}
		require.NoError(t, putAt(ctx, cl, "aa", "too late"))
		require.NoError(t, putAt(ctx, cl, "x", "early enough"))
	}
	require.Equal(t, []string{"a", "b", "n", "x"}, seen)

	before := c.requests
	for _, err := range cl.ScanParts(ctx, engine.CFDefault, nil, 10) {
		require.NoError(t, err)
		break
	}
	require.Equal(t, before+1, c.requests, "nothing is asked for that nobody wants")
}

// What comes before a region that cannot be read is not lost in parts.
func TestScanFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := withKeys(t, "a", "n")
		c.split("m")
		c.scheduler.hears()
		c.lead("m", 0)
		cl := c.client()
		begin := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var parts []client.Part
		var last error
		for part, err := range cl.ScanParts(ctx, engine.CFDefault, nil, 10) {
			require.NoError(t, last)
			if last = err; err == nil {
				parts = append(parts, part)
			}
		}
		require.Equal(t, time.Minute, time.Since(begin))
		require.Len(t, parts, 1)
		require.Len(t, parts[0].Pairs, 1)
		var refused *client.RefusedError
		require.ErrorAs(t, last, &refused)
		require.ErrorContains(t, last, "not its leader")

		ctx, cancel = context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		pairs, more, err := cl.Scan(ctx, engine.CFDefault, nil, 10)
		require.ErrorContains(t, err, "not its leader")
		require.Nil(t, pairs)
		require.False(t, more)
		// One pair needs only the first region.
		pairs, more, err = cl.Scan(t.Context(), engine.CFDefault, nil, 1)
		require.NoError(t, err)
		require.Len(t, pairs, 1)
		require.True(t, more)
	})
}

// An answer that would make a scan go round in circles ends it.
func TestScanGetsOn(t *testing.T) {
	for name, answer := range map[string]func(req *kvrpcpb.RawScanRequest, resp *kvrpcpb.RawScanResponse){
		"more, but no pairs": func(_ *kvrpcpb.RawScanRequest, resp *kvrpcpb.RawScanResponse) { resp.More = true },
		"more of what was": func(_ *kvrpcpb.RawScanRequest, resp *kvrpcpb.RawScanResponse) {
			resp.More = true
			resp.Kvs = []*kvrpcpb.KvPair{{Key: []byte("a")}}
		},
	} {
		s := &scanStore{fakeStore: always(served), answer: answer}
		cl, err := client.NewRaw(client.Config{
			Stores: client.At("store 1"), Dial: func(string) (client.Conn, error) { return s, nil },
		})
		require.NoError(t, err)
		_, _, err = cl.Scan(await.Context(t, "the end of a scan"), engine.CFDefault, []byte("b"), math.MaxUint32)
		var refused *client.RefusedError
		require.ErrorAs(t, err, &refused, name)
		require.ErrorContains(t, err, `store 1: the answer to a scan from "b" does not get beyond that key`, name)
	}
}

// A randomly changing cluster: whatever happens between requests, no acknowledged
// write is lost, none has effect twice, and scans and reads see them all.
func TestClusterThatChanges(t *testing.T) {
	const keys = 26
	key := func(r *rand.Rand) string { return string(rune('a' + r.IntN(keys))) }
	for seed := range uint64(300) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			c := newFakeCluster(t, 6)
			c.room = r.IntN(4)
			c.mute, c.halves = r.IntN(3) == 0, r.IntN(2) == 0
			c.before = func(int) {
				if r.IntN(4) > 0 {
					return
				}
				k := key(r)
				switch r.IntN(8) {
				case 0, 1:
					c.split(k)
				case 2:
					members := r.Perm(6)[:1+r.IntN(3)]
					var stores []uint64
					for _, m := range members {
						stores = append(stores, uint64(m+1))
					}
					c.move(k, stores...)
				case 3:
					c.mu.Lock()
					peers := c.at(k).meta.Peers
					leader := peers[r.IntN(len(peers))].StoreId
					c.mu.Unlock()
					c.lead(k, leader)
				case 4:
					c.mu.Lock()
					a, b := uint64(1+r.IntN(6)), uint64(1+r.IntN(6))
					c.addrs[a], c.addrs[b] = c.addrs[b], c.addrs[a]
					c.mu.Unlock()
				case 5:
					store := uint64(1 + r.IntN(6))
					c.mu.Lock()
					c.down[store] = true
					c.mu.Unlock()
					time.AfterFunc(time.Second, func() {
						c.mu.Lock()
						defer c.mu.Unlock()
						delete(c.down, store)
					})
				default:
					c.scheduler.hears()
				}
			}
			c.instead = func(uint64, *kvrpcpb.Context) *reply {
				if r.IntN(20) > 0 {
					return nil
				}
				all := []reply{
					refuses(busy), refuses(staleCommand), refuses(regionNotFound), refuses(keyNotInRegion),
					refuses(notLeader), refuses(noKind), fails(client.Answered, codes.Unavailable),
				}
				return &all[r.IntN(len(all))]
			}
			// Sooner or later the scheduler hears of everything.
			hearing := time.NewTicker(3 * time.Second)
			defer hearing.Stop()
			stop := make(chan struct{})
			defer close(stop)
			go func() {
				for {
					select {
					case <-hearing.C:
						c.scheduler.hears()
					case <-stop:
						return
					}
				}
			}()
			cl := c.client()
			defer cl.Close()
			model := map[string]string{}
			within(t, func(ctx context.Context) {
				for n := range 60 {
					k := key(r)
					switch r.IntN(6) {
					case 0, 1, 2:
						model[k] = fmt.Sprint(n)
						require.NoError(t, putAt(ctx, cl, k, model[k]), "seed %d", seed)
						require.Equal(t, 1, c.applied[model[k]], "seed %d", seed)
					case 3:
						delete(model, k)
						require.NoError(t, cl.Delete(ctx, engine.CFDefault, []byte(k)), "seed %d", seed)
					case 4:
						value, err := getAt(ctx, cl, k)
						require.NoError(t, err, "seed %d", seed)
						require.Equal(t, model[k], value, "seed %d", seed)
					default:
						limit := r.IntN(30)
						pairs, _, err := cl.Scan(ctx, engine.CFDefault, []byte(k), uint32(limit))
						require.NoError(t, err, "seed %d", seed)
						var got, want []string
						for _, p := range pairs {
							got = append(got, string(p.Key)+"="+string(p.Value))
						}
						for x := k[0]; x <= 'z' && len(want) < limit; x++ {
							if value, found := model[string(x)]; found {
								want = append(want, string(x)+"="+value)
							}
						}
						require.Equal(t, want, got, "seed %d", seed)
					}
				}
			})
		})
	}
}

// A scanStore answers scans as a test says.
type scanStore struct {
	*fakeStore
	answer func(*kvrpcpb.RawScanRequest, *kvrpcpb.RawScanResponse)
}

func (s *scanStore) Invoke(_ context.Context, _ string, args, out any, _ ...grpc.CallOption) error {
	s.answer(args.(*kvrpcpb.RawScanRequest), out.(*kvrpcpb.RawScanResponse))
	return nil
}
