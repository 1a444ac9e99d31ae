package enginetest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/engine"
)

func testGetPutDelete(t *testing.T, s Store) {
	e := open(t, s)
	requireAbsent(t, e, engine.CFDefault, "k")

	put(t, e, engine.CFDefault, "k", "1")
	requireGet(t, e, engine.CFDefault, "k", "1")

	put(t, e, engine.CFDefault, "k", "2")
	requireGet(t, e, engine.CFDefault, "k", "2")

	var b engine.Batch
	b.Delete(engine.CFDefault, []byte("k"))
	b.Delete(engine.CFDefault, []byte("never there"))
	require.NoError(t, e.Write(&b, false))
	requireAbsent(t, e, engine.CFDefault, "k")
	require.Empty(t, keys(t, e, engine.CFDefault, "", ""))

	put(t, e, engine.CFDefault, "k", "3")
	requireGet(t, e, engine.CFDefault, "k", "3")
}

func testEmptyValues(t *testing.T, s Store) {
	e := open(t, s)
	var b engine.Batch
	b.Put(engine.CFDefault, []byte("nil"), nil)
	b.Put(engine.CFDefault, []byte("none"), []byte{})
	require.NoError(t, e.Write(&b, true))

	check := func(r engine.Reader) {
		requireGet(t, r, engine.CFDefault, "nil", "")
		requireGet(t, r, engine.CFDefault, "none", "")
		it, err := r.Iterate(engine.CFDefault, engine.Range{})
		require.NoError(t, err)
		it.Seek(nil)
		require.True(t, it.Valid())
		require.NotNil(t, it.Value())
		require.Empty(t, it.Value())
		require.NoError(t, it.Close())
	}
	check(e)
	snap, err := e.Snapshot()
	require.NoError(t, err)
	check(snap)
	require.NoError(t, snap.Close())

	require.NoError(t, e.Close())
	check(open(t, s))
}

func testBinaryKeys(t *testing.T, s Store) {
	e := open(t, s)
	// In bytewise order, with the bytes that an encoding could get wrong.
	sorted := []string{
		"\x00", "\x00\x00", "\x00\xff", "\x01", "!", "!badger", "a", "a\x00", "a\x00\x00", "a\x00b", "a\x01", "ab",
		"a\xff", "b", "default", "lock\x00", "\x7f", "\x80", "\xfe\xff", "\xff", "\xff\x00", "\xff\xff", "\xff\xff\xff\xff\xff\xff\xff\xff\xff",
	}
	var b engine.Batch
	for i := range sorted {
		k := sorted[(i*7)%len(sorted)] // not in order: 7 and the length are coprime
		b.Put(engine.CFLock, []byte(k), []byte("v"+k))
	}
	require.NoError(t, e.Write(&b, false))
	for _, k := range sorted {
		requireGet(t, e, engine.CFLock, k, "v"+k)
	}
	require.Equal(t, sorted, keys(t, e, engine.CFLock, "", ""))
	for i := range sorted {
		require.Equal(t, sorted[i:], keys(t, e, engine.CFLock, sorted[i], ""))
		require.Equal(t, sorted[:i:i], keys(t, e, engine.CFLock, "", sorted[i]))
	}
	require.Empty(t, keys(t, e, engine.CFDefault, "", ""))
	require.Empty(t, keys(t, e, engine.CFWrite, "", ""))
}

func testFamiliesDoNotMix(t *testing.T, s Store) {
	// Names that are prefixes of each other, and keys that look like names.
	families := []engine.CF{"a", "ab", "a-b", "b"}
	e, err := s.Open(families...)
	require.NoError(t, err)
	defer func() { require.NoError(t, e.Close()) }()

	ks := []string{"a", "ab", "b", "b\x00a", "\x00a"}
	for i, cf := range families {
		for _, k := range ks {
			put(t, e, cf, k, cf+k)
		}
		requireAbsent(t, e, families[(i+1)%len(families)], "only in "+cf)
		put(t, e, cf, "only in "+cf, "x")
	}
	for _, cf := range families {
		for _, k := range ks {
			requireGet(t, e, cf, k, cf+k)
		}
		require.Len(t, scan(t, e, cf, engine.Range{}), len(ks)+1)
	}
	require.NoError(t, e.DeleteRange("a", engine.Range{}))
	require.Empty(t, scan(t, e, "a", engine.Range{}))
	for _, cf := range families[1:] {
		require.Len(t, scan(t, e, cf, engine.Range{}), len(ks)+1)
	}
}

func testLastWriteInBatchWins(t *testing.T, s Store) {
	e := open(t, s)
	var b engine.Batch
	b.Put(engine.CFDefault, []byte("put put"), []byte("1"))
	b.Put(engine.CFDefault, []byte("put put"), []byte("2"))
	b.Put(engine.CFDefault, []byte("put delete"), []byte("1"))
	b.Delete(engine.CFDefault, []byte("put delete"))
	b.Delete(engine.CFDefault, []byte("delete put"))
	b.Put(engine.CFDefault, []byte("delete put"), []byte("1"))
	b.Put(engine.CFLock, []byte("put put"), []byte("another family"))
	require.NoError(t, e.Write(&b, false))
	requireGet(t, e, engine.CFDefault, "put put", "2")
	requireAbsent(t, e, engine.CFDefault, "put delete")
	requireGet(t, e, engine.CFDefault, "delete put", "1")
	requireGet(t, e, engine.CFLock, "put put", "another family")
}

func testSlicesAreNotShared(t *testing.T, s Store) {
	e := open(t, s)
	key, value := []byte("key"), []byte("value")
	var b engine.Batch
	b.Put(engine.CFDefault, key, value)
	require.NoError(t, e.Write(&b, false))

	// The batch and the slices in it belong to the caller again.
	copy(key, "xxx")
	copy(value, "xxxxx")
	b.Reset()
	b.Put(engine.CFDefault, []byte("other"), []byte("value"))
	require.NoError(t, e.Write(&b, false))
	requireGet(t, e, engine.CFDefault, "key", "value")
	requireAbsent(t, e, engine.CFDefault, "xxx")

	// A value that was read belongs to the caller, too.
	got, _, err := e.Get(engine.CFDefault, []byte("key"))
	require.NoError(t, err)
	copy(got, "xxxxx")
	requireGet(t, e, engine.CFDefault, "key", "value")

	// The slices of a range belong to the caller once Iterate has returned.
	r := engine.Range{Start: []byte("k"), End: []byte("l")}
	it, err := e.Iterate(engine.CFDefault, r)
	require.NoError(t, err)
	copy(r.Start, "z")
	copy(r.End, "z")
	it.Seek(nil)
	require.True(t, it.Valid())
	require.Equal(t, "key", string(it.Key()))
	it.Next()
	require.False(t, it.Valid())
	require.NoError(t, it.Close())
}

func testEmptyBatch(t *testing.T, s Store) {
	e := open(t, s)
	put(t, e, engine.CFDefault, "k", "v")
	require.NoError(t, e.Write(&engine.Batch{}, false))
	require.NoError(t, e.Write(&engine.Batch{}, true))
	require.NoError(t, e.Sync())
	requireGet(t, e, engine.CFDefault, "k", "v")
}

func testDeleteRange(t *testing.T, s Store) {
	e := open(t, s)
	all := []string{}
	var b engine.Batch
	for i := range 1000 {
		k := fmt.Sprintf("%03d", i)
		all = append(all, k)
		b.Put(engine.CFDefault, []byte(k), []byte("v"))
		b.Put(engine.CFWrite, []byte(k), []byte("v"))
	}
	require.NoError(t, e.Write(&b, false))

	del := func(start, end string) {
		t.Helper()
		require.NoError(t, e.DeleteRange(engine.CFDefault, engine.Range{Start: []byte(start), End: []byte(end)}))
	}
	require.NoError(t, e.DeleteRange(engine.CFLock, engine.Range{}))
	del("5", "5")
	del("6", "5")
	require.Equal(t, all, keys(t, e, engine.CFDefault, "", ""))
	del("100", "900")
	require.Equal(t, append(all[:100:100], all[900:]...), keys(t, e, engine.CFDefault, "", ""))
	requireAbsent(t, e, engine.CFDefault, "100")
	requireGet(t, e, engine.CFDefault, "900", "v")
	del("", "050")
	require.Equal(t, append(all[50:100:100], all[900:]...), keys(t, e, engine.CFDefault, "", ""))
	del("950", "")
	require.Equal(t, append(all[50:100:100], all[900:950]...), keys(t, e, engine.CFDefault, "", ""))
	del("", "")
	require.Empty(t, keys(t, e, engine.CFDefault, "", ""))
	require.Equal(t, all, keys(t, e, engine.CFWrite, "", ""))

	put(t, e, engine.CFDefault, "500", "again")
	require.NoError(t, e.Close())
	e = open(t, s)
	require.Equal(t, []kv{{"500", "again"}}, scan(t, e, engine.CFDefault, engine.Range{}))
	require.Equal(t, all, keys(t, e, engine.CFWrite, "", ""))
}

func testApproximateSize(t *testing.T, s Store) {
	e := open(t, s)
	size := func(start, end string) int {
		t.Helper()
		n, err := e.ApproximateSize(engine.CFDefault, engine.Range{Start: []byte(start), End: []byte(end)})
		require.NoError(t, err)
		return int(n)
	}
	require.Zero(t, size("", ""))

	const n, each = 1000, 1000
	value := strings.Repeat("x", each-4)
	for i := 0; i < n; i += 100 {
		var b engine.Batch
		for j := range 100 {
			b.Put(engine.CFDefault, fmt.Appendf(nil, "%04d", i+j), []byte(value))
			b.Put(engine.CFLock, fmt.Appendf(nil, "%04d", i+j), []byte("other families do not count"))
		}
		require.NoError(t, e.Write(&b, false))
	}
	require.NoError(t, e.Close()) // so that no write is too recent to be counted
	e = open(t, s)

	const within = n * each / 10
	require.InDelta(t, n*each, size("", ""), within)
	require.InDelta(t, n*each/2, size("0500", ""), within)
	require.InDelta(t, n*each/2, size("", "0500"), within)
	require.InDelta(t, n*each/5, size("0400", "0600"), within)
	require.Zero(t, size("5", ""))
	require.Zero(t, size("0600", "0400"))
}
