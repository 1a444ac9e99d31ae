package enginetest

import (
	"fmt"
	"testing"

	"github.com/pingcap/errors"
	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/engine"
)

func testReopen(t *testing.T, s Store) {
	want := []string{}
	for i := range 5 {
		e := open(t, s)
		require.Equal(t, want, keys(t, e, engine.CFDefault, "", ""))
		// Close syncs the batches that were written without a sync.
		for j := range 20 {
			k := fmt.Sprintf("%d-%03d", i, j)
			want = append(want, k)
			require.NoError(t, e.Write(pair(k, k), j%3 == 0))
		}
		if i > 0 {
			gone := fmt.Sprintf("%d-%03d", i-1, 7)
			var b engine.Batch
			b.Delete(engine.CFDefault, []byte(gone))
			require.NoError(t, e.Write(&b, false))
			for j, k := range want {
				if k == gone {
					want = append(want[:j:j], want[j+1:]...)
					break
				}
			}
		}
		require.NoError(t, e.Close())
	}
	e := open(t, s)
	for _, k := range want {
		requireGet(t, e, engine.CFDefault, k, k)
	}
}

func testCrashKeepsAPrefix(t *testing.T, s Store) {
	c := crasher(t, s)
	n := 0 // the number of batches that are there
	for round := range 12 {
		e := open(t, s)
		synced := n
		for i := range 3 + round {
			n++
			sync := (round+i)%5 == 0
			require.NoError(t, e.Write(Numbered(n, 997*(i%3)), sync))
			if sync {
				synced = n
			}
		}
		if round%4 == 3 {
			require.NoError(t, e.Sync())
			synced = n
		}
		require.Equal(t, n-synced, c.Unsynced())
		keep := 0
		if unsynced := n - synced; unsynced > 0 {
			keep = round % (unsynced + 1)
		}
		c.Crash(keep)
		e = open(t, s)
		n = RequireNumbered(t, e, synced+keep, n)
		require.NoError(t, e.Close())
	}
	require.NotZero(t, n)
}

func testCrashFences(t *testing.T, s Store) {
	c := crasher(t, s)
	e := open(t, s)
	require.NoError(t, e.Write(pair("k", "old"), true))
	snap, err := e.Snapshot()
	require.NoError(t, err)
	it, err := snap.Iterate(engine.CFDefault, engine.Range{})
	require.NoError(t, err)
	it.Seek(nil)
	require.True(t, it.Valid())

	c.Crash(0)
	next := open(t, s)
	requireClosed(t, e)
	require.False(t, it.Valid())
	require.ErrorIs(t, it.Close(), engine.ErrClosed)
	_, _, err = snap.Get(engine.CFDefault, []byte("k"))
	require.ErrorIs(t, err, engine.ErrClosed)
	require.NoError(t, snap.Close())

	requireGet(t, next, engine.CFDefault, "k", "old")
	put(t, next, engine.CFDefault, "k", "new")
	requireGet(t, next, engine.CFDefault, "k", "new")
}

func testDiskFull(t *testing.T, s Store) {
	f := failer(t, s)
	e := open(t, s)
	require.NoError(t, e.Write(pair("a", "1"), true))
	f.SetFull(true)
	for range 3 {
		require.ErrorIs(t, e.Write(pair("b", "2"), false), engine.ErrDiskFull)
		require.ErrorIs(t, e.Write(pair("b", "2"), true), engine.ErrDiskFull)
		require.Equal(t, []kv{{"a", "1"}}, scan(t, e, engine.CFDefault, engine.Range{}))
		require.NoError(t, e.Sync())
	}
	f.SetFull(false)
	require.NoError(t, e.Write(pair("b", "2"), true))
	require.NoError(t, e.Close())
	require.Equal(t, []kv{{"a", "1"}, {"b", "2"}}, scan(t, open(t, s), engine.CFDefault, engine.Range{}))
}

func testSyncFails(t *testing.T, s Store) {
	f := failer(t, s)
	cause := errors.NewNoStackError("the cable fell out")
	n := 0
	for round, fail := range []func(e engine.Engine) error{
		func(e engine.Engine) error { return e.Sync() },
		func(e engine.Engine) error { n++; return e.Write(Numbered(n, 0), true) },
		func(e engine.Engine) error { return e.Close() },
	} {
		e, err := s.Open(engine.Families...)
		require.NoError(t, err)
		n++
		require.NoError(t, e.Write(Numbered(n, 0), true))
		synced := n
		n++
		require.NoError(t, e.Write(Numbered(n, 0), false))

		f.FailSync(cause)
		var failed *engine.SyncError
		require.ErrorAs(t, fail(e), &failed)
		require.ErrorIs(t, failed, cause)
		if round < 2 { // the engine is still open, but for reading only
			visible := RequireNumbered(t, e, synced, n)
			for range 3 {
				require.ErrorAs(t, e.Write(pair("x", ""), false), &failed)
				require.ErrorAs(t, e.Write(pair("x", ""), true), &failed)
				require.ErrorAs(t, e.DeleteRange(engine.CFDefault, engine.Range{}), &failed)
				require.ErrorAs(t, e.Sync(), &failed)
			}
			RequireNumbered(t, e, visible, visible)
			require.ErrorAs(t, e.Close(), &failed)
		}
		require.NoError(t, e.Close())

		e = open(t, s)
		n = RequireNumbered(t, e, synced, n)
		require.NoError(t, e.Close())
	}
}
