package enginetest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/engine"
)

func testBadKeys(t *testing.T, s Store) {
	e := open(t, s)
	snap, err := e.Snapshot()
	require.NoError(t, err)
	defer func() { require.NoError(t, snap.Close()) }()
	for _, r := range []engine.Reader{e, snap} {
		for _, k := range [][]byte{nil, {}} {
			_, _, err := r.Get(engine.CFDefault, k)
			require.ErrorIs(t, err, engine.ErrEmptyKey)
		}
	}
	for _, spoil := range []func(b *engine.Batch){
		func(b *engine.Batch) { b.Put(engine.CFDefault, nil, []byte("v")) },
		func(b *engine.Batch) { b.Delete(engine.CFDefault, []byte{}) },
	} {
		var b engine.Batch
		b.Put(engine.CFDefault, []byte("before"), []byte("v"))
		spoil(&b)
		b.Put(engine.CFDefault, []byte("after"), []byte("v"))
		require.ErrorIs(t, e.Write(&b, true), engine.ErrEmptyKey)
	}
	require.Empty(t, keys(t, e, engine.CFDefault, "", ""))
}

func testTooLarge(t *testing.T, s Store) {
	e := open(t, s)
	requireTooLarge := func(b *engine.Batch) {
		t.Helper()
		var tooLarge *engine.TooLargeError
		require.ErrorAs(t, e.Write(b, false), &tooLarge)
		require.Greater(t, tooLarge.Size, tooLarge.Limit)
		require.Empty(t, keys(t, e, engine.CFDefault, "", ""))
	}

	var b engine.Batch
	b.Put(engine.CFDefault, []byte("small"), []byte("v"))
	b.Put(engine.CFDefault, make([]byte, engine.MaxKeySize+1), []byte("v"))
	requireTooLarge(&b)
	_, _, err := e.Get(engine.CFDefault, make([]byte, engine.MaxKeySize+1))
	require.ErrorAs(t, err, new(*engine.TooLargeError))

	b.Reset()
	b.Put(engine.CFDefault, []byte("small"), []byte("v"))
	b.Put(engine.CFDefault, []byte("k"), make([]byte, engine.MaxValueSize+1))
	requireTooLarge(&b)

	b.Reset()
	for i := 0; b.Size() <= engine.MaxBatchSize; i++ {
		b.Put(engine.CFDefault, []byte{byte(i)}, make([]byte, 1<<20))
	}
	requireTooLarge(&b)

	b.Reset()
	for range engine.MaxBatchLen + 1 {
		b.Put(engine.CFDefault, []byte("k"), nil)
	}
	requireTooLarge(&b)

	// The largest key is accepted, and all of its bytes count.
	k := make([]byte, engine.MaxKeySize)
	put(t, e, engine.CFDefault, string(k), "v")
	requireGet(t, e, engine.CFDefault, string(k), "v")
	k[len(k)-1]++
	requireAbsent(t, e, engine.CFDefault, string(k))
	require.NoError(t, e.Close())
	e = open(t, s)
	k[len(k)-1]--
	requireGet(t, e, engine.CFDefault, string(k), "v")
}

func testUnknownFamily(t *testing.T, s Store) {
	e := open(t, s)
	snap, err := e.Snapshot()
	require.NoError(t, err)
	defer func() { require.NoError(t, snap.Close()) }()

	requireUnknown := func(err error) {
		t.Helper()
		var unknown *engine.UnknownFamilyError
		require.ErrorAs(t, err, &unknown)
		require.Equal(t, "nowhere", unknown.CF)
		require.EqualError(t, err, `unknown column family "nowhere"`)
	}
	for _, r := range []engine.Reader{e, snap} {
		_, _, err := r.Get("nowhere", []byte("k"))
		requireUnknown(err)
		_, err = r.Iterate("nowhere", engine.Range{})
		requireUnknown(err)
	}
	requireUnknown(e.DeleteRange("nowhere", engine.Range{}))
	_, err = e.ApproximateSize("nowhere", engine.Range{})
	requireUnknown(err)

	var b engine.Batch
	b.Put(engine.CFDefault, []byte("before"), []byte("v"))
	b.Put("nowhere", []byte("k"), []byte("v"))
	requireUnknown(e.Write(&b, true))
	require.Empty(t, keys(t, e, engine.CFDefault, "", ""), "a batch applies as a whole or not at all")
}

func testBadFamilies(t *testing.T, s Store) {
	for _, c := range []struct {
		name     string
		families []engine.CF
		want     string
	}{
		{"none", nil, "no column families"},
		{"empty name", []engine.CF{"a", ""}, `column family ""`},
		{"separator", []engine.CF{"a\x00"}, `column family "a\x00"`},
		{"punctuation", []engine.CF{"!a"}, `column family "!a"`},
		{"upper case", []engine.CF{"A"}, `column family "A"`},
		{"twice", []engine.CF{"a", "b", "a"}, `column family "a" is given twice`},
	} {
		_, err := s.Open(c.families...)
		require.ErrorContains(t, err, c.want, c.name)
	}
	open(t, s) // none of these attempts has fixed the families
}

func testOtherFamilies(t *testing.T, s Store) {
	e, err := s.Open("a", "b")
	require.NoError(t, err)
	put(t, e, "b", "k", "v")
	require.NoError(t, e.Close())

	for _, families := range [][]engine.CF{{"a"}, {"a", "b", "c"}, {"a", "c"}} {
		_, err := s.Open(families...)
		var other *engine.FamiliesError
		require.ErrorAs(t, err, &other)
		require.Equal(t, []engine.CF{"a", "b"}, other.Have)
		require.Equal(t, families, other.Want)
	}
	e, err = s.Open("b", "a") // the order does not matter
	require.NoError(t, err)
	requireGet(t, e, "b", "k", "v")
	requireAbsent(t, e, "a", "k")
	require.NoError(t, e.Close())
}

func testOpenTwice(t *testing.T, s Store) {
	e := open(t, s)
	_, err := s.Open(engine.Families...)
	require.ErrorIs(t, err, engine.ErrInUse)
	put(t, e, engine.CFDefault, "k", "v")
	require.NoError(t, e.Close())
	requireGet(t, open(t, s), engine.CFDefault, "k", "v")
}

// requireClosed requires that every operation of e returns engine.ErrClosed,
// except Close.
func requireClosed(t *testing.T, e engine.Engine) {
	t.Helper()
	_, _, err := e.Get(engine.CFDefault, []byte("k"))
	require.ErrorIs(t, err, engine.ErrClosed)
	_, err = e.Iterate(engine.CFDefault, engine.Range{})
	require.ErrorIs(t, err, engine.ErrClosed)
	_, err = e.Snapshot()
	require.ErrorIs(t, err, engine.ErrClosed)
	require.ErrorIs(t, e.Write(pair("k", "v"), false), engine.ErrClosed)
	require.ErrorIs(t, e.Write(pair("k", "v"), true), engine.ErrClosed)
	require.ErrorIs(t, e.Write(&engine.Batch{}, false), engine.ErrClosed)
	require.ErrorIs(t, e.Sync(), engine.ErrClosed)
	require.ErrorIs(t, e.DeleteRange(engine.CFDefault, engine.Range{}), engine.ErrClosed)
	_, err = e.ApproximateSize(engine.CFDefault, engine.Range{})
	require.ErrorIs(t, err, engine.ErrClosed)
	require.NoError(t, e.Close())
}

func testClosed(t *testing.T, s Store) {
	e := open(t, s)
	put(t, e, engine.CFDefault, "k", "v")
	snap, err := e.Snapshot()
	require.NoError(t, err)
	its := make([]engine.Iterator, 2)
	its[0], err = e.Iterate(engine.CFDefault, engine.Range{})
	require.NoError(t, err)
	its[1], err = snap.Iterate(engine.CFDefault, engine.Range{})
	require.NoError(t, err)
	for _, it := range its {
		it.Seek(nil)
		require.True(t, it.Valid())
	}

	require.NoError(t, e.Close())
	requireClosed(t, e)
	for _, it := range its {
		require.False(t, it.Valid())
		it.Next()
		it.Seek(nil)
		require.False(t, it.Valid())
		require.ErrorIs(t, it.Close(), engine.ErrClosed)
		require.ErrorIs(t, it.Close(), engine.ErrClosed)
	}
	_, _, err = snap.Get(engine.CFDefault, []byte("k"))
	require.ErrorIs(t, err, engine.ErrClosed)
	_, err = snap.Iterate(engine.CFDefault, engine.Range{})
	require.ErrorIs(t, err, engine.ErrClosed)
	require.NoError(t, snap.Close())
}
