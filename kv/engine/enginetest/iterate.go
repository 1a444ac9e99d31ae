package enginetest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/engine"
)

func testIterate(t *testing.T, s Store) {
	e := open(t, s)
	for _, k := range []string{"d", "b", "f", "bb"} {
		put(t, e, engine.CFDefault, k, "v"+k)
		put(t, e, engine.CFLock, k+"x", "")
	}
	snap, err := e.Snapshot()
	require.NoError(t, err)
	defer func() { require.NoError(t, snap.Close()) }()

	for _, r := range []engine.Reader{e, snap} {
		for _, c := range []struct {
			start, end string
			want       []string
		}{
			{"", "", []string{"b", "bb", "d", "f"}},
			{"a", "", []string{"b", "bb", "d", "f"}},
			{"b", "", []string{"b", "bb", "d", "f"}},
			{"b\x00", "", []string{"bb", "d", "f"}},
			{"c", "", []string{"d", "f"}},
			{"f", "", []string{"f"}},
			{"g", "", []string{}},
			{"", "b", []string{}},
			{"", "b\x00", []string{"b"}},
			{"", "f", []string{"b", "bb", "d"}},
			{"", "z", []string{"b", "bb", "d", "f"}},
			{"bb", "f", []string{"bb", "d"}},
			{"c", "d", []string{}},
			{"d", "d", []string{}},
			{"f", "b", []string{}},
		} {
			require.Equal(t, c.want, keys(t, r, engine.CFDefault, c.start, c.end), "[%q, %q)", c.start, c.end)
		}
		require.Equal(t, []kv{{"b", "vb"}, {"bb", "vbb"}, {"d", "vd"}, {"f", "vf"}}, scan(t, r, engine.CFDefault, engine.Range{}))
		require.Empty(t, keys(t, r, engine.CFWrite, "", ""))
	}
}

func testIterateSeek(t *testing.T, s Store) {
	e := open(t, s)
	for _, k := range []string{"a", "b", "d", "e", "g"} {
		put(t, e, engine.CFDefault, k, "v"+k)
	}
	it, err := e.Iterate(engine.CFDefault, engine.Range{Start: []byte("b"), End: []byte("f")})
	require.NoError(t, err)
	defer func() { require.NoError(t, it.Close()) }()

	require.False(t, it.Valid(), "an iterator is not positioned before the first Seek")
	// Forward and back, in and out of the range.
	for _, c := range []struct{ seek, want string }{
		{"", "b"}, {"c", "d"}, {"a", "b"}, {"e", "e"}, {"b", "b"}, {"f", ""}, {"d", "d"}, {"z", ""}, {"\x00", "b"}, {"e\x00", ""}, {"", "b"},
	} {
		it.Seek([]byte(c.seek))
		require.Equal(t, c.want != "", it.Valid(), "after Seek(%q)", c.seek)
		if it.Valid() {
			require.Equal(t, c.want, string(it.Key()), "after Seek(%q)", c.seek)
			require.Equal(t, "v"+c.want, string(it.Value()), "after Seek(%q)", c.seek)
		}
	}
	it.Next()
	require.Equal(t, "d", string(it.Key()))
	it.Seek([]byte("b"))
	require.Equal(t, "b", string(it.Key()))
}

func testIterateShowsTheMomentItWasMade(t *testing.T, s Store) {
	e := open(t, s)
	put(t, e, engine.CFDefault, "a", "1")
	put(t, e, engine.CFDefault, "b", "1")
	put(t, e, engine.CFDefault, "c", "1")
	it, err := e.Iterate(engine.CFDefault, engine.Range{})
	require.NoError(t, err)

	it.Seek(nil)
	put(t, e, engine.CFDefault, "aa", "new")
	put(t, e, engine.CFDefault, "b", "changed")
	var b engine.Batch
	b.Delete(engine.CFDefault, []byte("c"))
	require.NoError(t, e.Write(&b, false))

	for range 2 {
		got := []kv{}
		for ; it.Valid(); it.Next() {
			got = append(got, kv{string(it.Key()), string(it.Value())})
		}
		require.Equal(t, []kv{{"a", "1"}, {"b", "1"}, {"c", "1"}}, got)
		it.Seek(nil)
	}
	require.NoError(t, it.Close())
	require.Equal(t, []kv{{"a", "1"}, {"aa", "new"}, {"b", "changed"}}, scan(t, e, engine.CFDefault, engine.Range{}))
}

func testIteratorMisuse(t *testing.T, s Store) {
	e := open(t, s)
	put(t, e, engine.CFDefault, "a", "1")
	it, err := e.Iterate(engine.CFDefault, engine.Range{})
	require.NoError(t, err)

	idle := func() {
		t.Helper()
		require.False(t, it.Valid())
		require.Nil(t, it.Key())
		require.Nil(t, it.Value())
		it.Next()
		require.False(t, it.Valid())
	}
	idle()
	it.Seek(nil)
	it.Next()
	idle()
	it.Seek(nil)
	require.True(t, it.Valid())
	require.NoError(t, it.Close())
	idle()
	it.Seek(nil)
	idle()
	require.NoError(t, it.Close())
}
