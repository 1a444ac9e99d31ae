package client_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/labkv/labkv/kv/client"
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/lab/await"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/metapb"
)

func put(ctx context.Context, c *client.Raw) error {
	return c.Put(ctx, engine.CFDefault, []byte("k"), []byte("v"))
}

func get(ctx context.Context, c *client.Raw) error {
	_, _, err := c.Get(ctx, engine.CFDefault, []byte("k"))
	return err
}

// Whatever stores answer, and however long, requests come no faster than the
// back-off lets them. Every store that may be the right one is asked again and
// again until the deadline, and the error says what the last one said.
func TestNoAnswerMakesAClientSpin(t *testing.T) {
	unavailable := status.Error(codes.Unavailable, "reason")
	never := func(r reply) func() stores {
		return func() stores { return stores{always(r), always(r), always(r)} }
	}
	for name, c := range map[string]struct {
		stores func() stores
		says   string
		silent []int // stores that need not be asked
	}{
		"not leader":         {never(refuses(notLeader)), "not leader", nil},
		"busy":               {never(refuses(busy)), "busy", []int{1, 2}},
		"stale command":      {never(refuses(staleCommand)), "stale", nil},
		"region not found":   {never(refuses(regionNotFound)), "no such region", nil},
		"key not in region":  {never(refuses(keyNotInRegion)), "key outside", nil},
		"epoch, nothing new": {never(refuses(epochNotMatch(wholeSpace(1, 1)))), "epoch", nil},
		"epoch, no region":   {never(refuses(epochNotMatch())), "epoch", nil},
		"epoch, no epoch":    {never(refuses(epochNotMatch(&metapb.Region{Id: 1}))), "epoch", nil},
		"another store":      {never(refuses(storeNotMatch(7))), "another store", nil},
		"no store":           {never(refuses(storeNotMatch(0))), "another store", nil},
		"led by a stranger":  {never(refuses(ledBy(7))), "not leader", nil},
		"led by the first":   {never(refuses(ledBy(1))), "not leader", nil},
		"unreachable":        {never(fails(client.Unsent, codes.Unavailable)), unavailable.Error(), nil},
		"stopping":           {never(fails(client.Answered, codes.Unavailable)), unavailable.Error(), nil},
		"of no known kind":   {never(refuses(noKind)), "no kind", nil},
		"each names the other": {func() stores {
			return stores{always(refuses(ledBy(2))), always(refuses(ledBy(1))), always(refuses(notLeader))}
		}, "not leader", nil},
		"each names the next": {func() stores {
			return stores{always(refuses(ledBy(2))), always(refuses(ledBy(3))), always(refuses(ledBy(1)))}
		}, "not leader", nil},
		"another version":       {func() stores { return stores{growing(), growing(), growing()} }, "epoch", nil},
		"another store yet":     {func() stores { return stores{renaming(10), renaming(20), renaming(30)} }, "another store", nil},
		"a single one, epochs":  {func() stores { return stores{growing()} }, "epoch", nil},
		"a single one, refuses": {func() stores { return stores{always(refuses(notLeader))} }, "not leader", nil},
	} {
		for kind, do := range map[string]func(context.Context, *client.Raw) error{"put": put, "get": get} {
			t.Run(name+", "+kind, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					all := c.stores()
					begin := time.Now()
					ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
					defer cancel()
					err := do(ctx, known(t, all...))
					require.Equal(t, time.Minute, time.Since(begin))
					var refused *client.RefusedError
					require.ErrorAs(t, err, &refused)
					require.ErrorContains(t, err, c.says)
					seconds := make([]int, 61)
					for i, s := range all {
						for _, at := range s.asked {
							seconds[at.Sub(begin)/time.Second]++
						}
						if !slices.Contains(c.silent, i) {
							require.Greater(t, len(s.asked), 50, "requests to store %d in a minute", i+1)
						}
					}
					// In the first second pauses are of 5, 10, 20, … ms, then of 250 ms
					// at least. Between two of them each store is asked once, and one
					// of them twice.
					round := len(all) + 1
					require.LessOrEqual(t, seconds[0], 10*round, "requests in the first second")
					for i, n := range seconds[1:] {
						require.LessOrEqual(t, n, 5*round, "requests in second %d", i+1)
					}
				})
			})
		}
	}
}

// growing returns a store whose region is of another version each time.
func growing() *fakeStore {
	return &fakeStore{answer: func(_ context.Context, _ int, rc *kvrpcpb.Context) reply {
		return refuses(epochNotMatch(wholeSpace(rc.RegionEpoch.GetVersion()+1, 1)))
	}}
}

// renaming returns a store that has another id each time.
func renaming(from uint64) *fakeStore {
	return &fakeStore{answer: func(_ context.Context, n int, _ *kvrpcpb.Context) reply {
		return refuses(storeNotMatch(from + uint64(n%2)))
	}}
}

// A refusal sends the request to where it says, and a request that was refused is
// sent again, also a write. The store that serves it is the first to be asked
// next time.
func TestWhereRequestsGo(t *testing.T) {
	pause := 5 * time.Millisecond // the first one
	for name, c := range map[string]struct {
		stores stores
		asked  []int // how often, by store
		took   time.Duration
	}{
		"leader":                    {stores{always(served), always(served), always(served)}, []int{2, 0, 0}, 0},
		"no hint":                   {stores{always(refuses(notLeader)), always(refuses(notLeader)), always(served)}, []int{1, 1, 2}, 0},
		"hint":                      {stores{always(refuses(ledBy(3))), always(served), always(served)}, []int{1, 0, 2}, 0},
		"hint to an unknown store":  {stores{always(refuses(ledBy(9))), always(served), always(served)}, []int{1, 2, 0}, 0},
		"hint to itself":            {stores{always(refuses(ledBy(1))), always(served), always(served)}, []int{1, 2, 0}, 0},
		"two followers of a third":  {stores{always(refuses(ledBy(2))), always(refuses(ledBy(1))), always(served)}, []int{1, 1, 2}, 0},
		"busy":                      {stores{first(refuses(busy)), always(served), always(served)}, []int{3, 0, 0}, pause},
		"stale command":             {stores{first(refuses(staleCommand)), always(served), always(served)}, []int{1, 2, 0}, 0},
		"region not found":          {stores{always(refuses(regionNotFound)), always(served), always(served)}, []int{1, 2, 0}, 0},
		"another store":             {stores{first(refuses(storeNotMatch(7))), always(served), always(served)}, []int{3, 0, 0}, 0},
		"new epoch":                 {stores{first(refuses(epochNotMatch(wholeSpace(1, 1)))), always(served), always(served)}, []int{3, 0, 0}, 0},
		"new epoch, then a hint":    {stores{first(refuses(epochNotMatch(wholeSpace(1, 1))), refuses(ledBy(3))), always(refuses(ledBy(3))), always(served)}, []int{2, 0, 2}, 0},
		"hint after an election":    {stores{script(refuses(notLeader), refuses(ledBy(3))), always(refuses(notLeader)), first(refuses(notLeader))}, []int{2, 1, 3}, pause},
		"epoch of the past":         {stores{script(refuses(epochNotMatch(wholeSpace(2, 1))), served, refuses(epochNotMatch(wholeSpace(1, 1)))), always(served), always(served)}, []int{3, 1, 0}, 0},
		"the store it should be":    {stores{always(refuses(storeNotMatch(1))), always(served), always(served)}, []int{1, 2, 0}, 0},
		"a single one, longer":      {stores{first(refuses(notLeader), refuses(notLeader), refuses(notLeader))}, []int{5}, (1 + 2 + 4) * pause},
		"down":                      {stores{always(fails(client.Unsent, codes.Unavailable)), always(served), always(served)}, []int{1, 2, 0}, 0},
		"stopping":                  {stores{always(fails(client.Answered, codes.Unavailable)), always(served), always(served)}, []int{1, 2, 0}, 0},
		"all down for a while":      {stores{first(fails(client.Unsent, codes.Unavailable)), always(fails(client.Unsent, codes.Unavailable)), always(fails(client.Unsent, codes.Unavailable))}, []int{3, 1, 1}, pause},
		"a single one, for a while": {stores{first(fails(client.Unsent, codes.Unavailable))}, []int{3}, pause},
	} {
		for kind, do := range map[string]func(context.Context, *client.Raw) error{"put": put, "get": get} {
			synctest.Test(t, func(t *testing.T) {
				for _, s := range c.stores {
					s.asked = nil
				}
				begin := time.Now()
				cl := known(t, c.stores...)
				ctx := await.Context(t, "the outcomes of requests")
				require.NoError(t, do(ctx, cl), "%s, %s", name, kind)
				require.NoError(t, do(ctx, cl), "%s, %s", name, kind)
				for i, s := range c.stores {
					require.Len(t, s.asked, c.asked[i], "%s, %s: requests to store %d", name, kind, i+1)
				}
				require.Equal(t, c.took, time.Since(begin), "%s, %s", name, kind)
			})
		}
	}
}

// A request says what the client knows: the region's id at first, its epoch once a
// store has told it, and the peer it means if it knows the store's id.
func TestWhatRequestsSay(t *testing.T) {
	demanding := func() *fakeStore {
		return &fakeStore{answer: func(_ context.Context, _ int, rc *kvrpcpb.Context) reply {
			if rc.GetRegionEpoch().GetVersion() != 2 {
				return refuses(epochNotMatch(wholeSpace(2, 5)))
			}
			return served
		}}
	}
	ctx := await.Context(t, "the outcomes of requests")
	s := demanding()
	c := known(t, s)
	require.NoError(t, put(ctx, c))
	require.NoError(t, get(ctx, c))
	require.Len(t, s.said, 3)
	require.Equal(t, uint64(1), s.said[0].RegionId)
	require.Nil(t, s.said[0].RegionEpoch)
	require.Nil(t, s.said[0].Peer)
	for _, said := range s.said[1:] {
		require.Equal(t, uint64(1), said.RegionId)
		require.Equal(t, uint64(2), said.RegionEpoch.Version)
		require.Equal(t, uint64(5), said.RegionEpoch.ConfVer)
		require.Equal(t, uint64(101), said.Peer.GetId())
		require.Equal(t, uint64(1), said.Peer.GetStoreId())
	}

	// What turns out to be wrong is not said again.
	a, b := script(refuses(epochNotMatch(wholeSpace(1, 1))), refuses(keyNotInRegion)), always(served)
	require.NoError(t, put(ctx, known(t, a, b)))
	require.Nil(t, b.said[0].RegionEpoch)

	// Stores whose ids are not known are asked in turn.
	a, b, s = always(refuses(notLeader)), always(refuses(notLeader)), always(served)
	require.NoError(t, put(ctx, newFakeClient(t, client.Config{Stores: client.At("a", "b", "c")}, a, b, s)))
	require.Len(t, a.asked, 1)
	s = demanding()
	require.NoError(t, put(ctx, newFakeClient(t, client.Config{Stores: client.At("a")}, s)))
	require.Nil(t, s.said[1].Peer, "of a store whose id is not known")

	// Two addresses were exchanged. A store that names itself is asked by its own
	// name, and hints lead to it.
	first := &fakeStore{answer: func(_ context.Context, _ int, rc *kvrpcpb.Context) reply {
		switch {
		case rc.RegionEpoch == nil:
			return refuses(epochNotMatch(wholeSpace(1, 1)))
		case rc.Peer.GetStoreId() != 2:
			return refuses(storeNotMatch(2))
		}
		return refuses(ledBy(1))
	}}
	second := always(served)
	c = known(t, first, second)
	require.NoError(t, put(ctx, c))
	require.Nil(t, second.said[0].Peer, "its id is not known now: store 2 is elsewhere")
}

// A write whose outcome is not known is never sent again. A read is.
func TestUnknownOutcomes(t *testing.T) {
	for name, answer := range map[string]reply{
		"lost track":                 fails(client.Answered, codes.Unknown),
		"panicked":                   fails(client.Answered, codes.Internal),
		"too late":                   fails(client.Answered, codes.DeadlineExceeded),
		"canceled there":             fails(client.Answered, codes.Canceled),
		"connection broke":           fails(client.Lost, codes.Unavailable),
		"a status of unknown origin": fails(client.Lost, codes.InvalidArgument),
		"tried and could not":        {text: "disk full"},
	} {
		ctx := await.Context(t, "an outcome: "+name)
		a, b := always(answer), always(served)
		c := known(t, a, b)
		err := put(ctx, c)
		var unknown *client.OutcomeUnknownError
		require.ErrorAs(t, err, &unknown, name)
		require.Equal(t, "store 1", unknown.Addr, name)
		require.Len(t, a.asked, 1, name)
		require.Empty(t, b.asked, name)

		err = get(ctx, known(t, a, b))
		require.NotErrorAs(t, err, &unknown, name)
		if name == "panicked" || name == "tried and could not" {
			var refused *client.RefusedError
			require.ErrorAs(t, err, &refused, name)
			require.Empty(t, b.asked, name)
		} else {
			require.NoError(t, err, name)
			require.Len(t, b.asked, 1, name)
		}
	}
}

// Some refusals are the same everywhere and forever.
func TestFinalRefusals(t *testing.T) {
	for name, answer := range map[string]reply{
		"bad request":       fails(client.Answered, codes.InvalidArgument),
		"too large":         fails(client.Answered, codes.ResourceExhausted),
		"not a store":       fails(client.Answered, codes.Unimplemented),
		"cannot be encoded": fails(client.Unsent, codes.Internal),
	} {
		ctx := await.Context(t, "a refusal: "+name)
		a, b := always(answer), always(served)
		c := known(t, a, b)
		for _, do := range []func(context.Context, *client.Raw) error{put, get} {
			var refused *client.RefusedError
			require.ErrorAs(t, do(ctx, c), &refused, name)
			require.Equal(t, "store 1", refused.Addr, name)
		}
		require.Len(t, a.asked, 2, name)
		require.Empty(t, b.asked, name)
	}
}

// silent returns a store that never answers.
func silent() *fakeStore {
	return &fakeStore{answer: func(ctx context.Context, _ int, _ *kvrpcpb.Context) reply {
		<-ctx.Done()
		return reply{err: status.FromContextError(ctx.Err()).Err()}
	}}
}

// A store that does not answer holds up a read for two seconds, a write until its
// deadline, and nothing that comes after it.
func TestSilentStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := silent(), always(served)
		c := known(t, a, b)
		begin := time.Now()
		ctx := await.Context(t, "answers to reads")
		require.NoError(t, get(ctx, c))
		require.NoError(t, get(ctx, c))
		require.Equal(t, 2*time.Second, time.Since(begin))
		require.Len(t, a.asked, 1)
	})
	synctest.Test(t, func(t *testing.T) {
		a, b := silent(), always(served)
		c := known(t, a, b)
		begin := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var unknown *client.OutcomeUnknownError
		require.ErrorAs(t, put(ctx, c), &unknown)
		require.Equal(t, codes.DeadlineExceeded, status.Code(unknown))
		require.NoError(t, put(await.Context(t, "the outcome of a write"), c))
		require.Equal(t, time.Minute, time.Since(begin))
		require.Len(t, a.asked, 1)
	})
	synctest.Test(t, func(t *testing.T) {
		// The deadline ends the last attempt of a read; it says less than the
		// refusal before.
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := get(ctx, known(t, always(refuses(notLeader)), silent()))
		require.ErrorContains(t, err, "store 1: region error: not leader")
		// Alone, a store may take its time.
		err = get(ctx, known(t, silent()))
		require.Equal(t, codes.DeadlineExceeded, status.Code(errors.Unwrap(err)))
		begin := time.Now()
		ctx, cancel = context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		a := silent()
		require.Error(t, get(ctx, known(t, a)))
		require.Equal(t, time.Minute, time.Since(begin))
		require.Len(t, a.asked, 1)
	})
}

// Without a scheduler, too, the client follows splits that stores tell it of in full,
// and its scans go through the halves.
func TestSplitsWithoutAScheduler(t *testing.T) {
	f := newFakeCluster(t, 3)
	f.halves = true
	ctx := await.Context(t, "the outcomes of requests")
	newClient := func() *client.Raw {
		c, err := client.NewRaw(client.Config{
			Stores: []client.Store{{ID: 1, Addr: "store 1"}, {ID: 2, Addr: "store 2"}, {ID: 3, Addr: "store 3"}},
			Dial:   f.dial,
		})
		require.NoError(t, err)
		return c
	}
	c := newClient()
	require.NoError(t, putAt(ctx, c, "a", "value of a"))
	f.split("m")
	require.NoError(t, putAt(ctx, c, "z", "value of z"))
	require.Equal(t, []string{"a", "z"}, scanAll(t, ctx, c, "", 10))
	f.lead("m", 3)
	for _, c := range []*client.Raw{c, newClient()} {
		require.Equal(t, []string{"z"}, scanAll(t, ctx, c, "n", 10))
		require.Equal(t, []string{"a", "z"}, scanAll(t, ctx, c, "", 10))
	}
	require.Empty(t, f.scheduler.asked)
}
