package enginetest

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/engine"
)

func testSnapshotIsolation(t *testing.T, s Store) {
	e := open(t, s)
	const versions, perVersion = 8, 20
	snaps := []engine.Snapshot{}
	want := [][]kv{}
	// Version v changes some keys, adds some and deletes some.
	for v := range versions {
		var b engine.Batch
		for i := range perVersion {
			k := fmt.Appendf(nil, "%03d", (v*7+i*3)%(2*perVersion))
			if (v+i)%4 == 0 {
				b.Delete(engine.CFDefault, k)
			} else {
				b.Put(engine.CFDefault, k, fmt.Appendf(nil, "version %d", v))
			}
		}
		require.NoError(t, e.Write(&b, false))
		snap, err := e.Snapshot()
		require.NoError(t, err)
		snaps = append(snaps, snap)
		want = append(want, scan(t, e, engine.CFDefault, engine.Range{}))
	}
	require.NotEqual(t, want[0], want[1])

	check := func(v int) {
		t.Helper()
		require.Equal(t, want[v], scan(t, snaps[v], engine.CFDefault, engine.Range{}), "version %d", v)
		has := map[string]string{}
		for _, kv := range want[v] {
			has[kv.Key] = kv.Value
		}
		for i := range 2 * perVersion {
			k := fmt.Sprintf("%03d", i)
			if value, ok := has[k]; ok {
				requireGet(t, snaps[v], engine.CFDefault, k, value)
			} else {
				requireAbsent(t, snaps[v], engine.CFDefault, k)
			}
		}
	}
	for v := range versions {
		check(v)
	}
	// Closing one snapshot does not affect the others.
	for v := 0; v < versions; v += 2 {
		require.NoError(t, snaps[v].Close())
	}
	require.NoError(t, e.DeleteRange(engine.CFDefault, engine.Range{}))
	for v := 1; v < versions; v += 2 {
		check(v)
		require.NoError(t, snaps[v].Close())
	}
}

// An engine that keeps versions of a key must find the right one among many.
func testSnapshotOfHotKey(t *testing.T, s Store) {
	e := open(t, s)
	const versions = 3000
	pad := strings.Repeat("x", 1000) // several megabytes, so that small buffers spill
	value := func(i int) string { return strconv.Itoa(i) + pad }
	snaps := map[int]engine.Snapshot{}
	for i := range versions {
		var b engine.Batch
		b.Put(engine.CFDefault, []byte("hot"), []byte(value(i)))
		b.Put(engine.CFDefault, fmt.Appendf(nil, "cold %d", i%300), []byte("c"))
		require.NoError(t, e.Write(&b, false))
		if i == 0 || i == 1000 || i == versions-5 {
			snap, err := e.Snapshot()
			require.NoError(t, err)
			snaps[i] = snap
		}
	}
	requireGet(t, e, engine.CFDefault, "hot", value(versions-1))
	for _, i := range []int{0, 1000, versions - 5} {
		requireGet(t, snaps[i], engine.CFDefault, "hot", value(i))
		require.Equal(t, []kv{{"hot", value(i)}}, scan(t, snaps[i], engine.CFDefault, engine.Range{Start: []byte("d")}))
		requireAbsent(t, snaps[i], engine.CFDefault, "hot\x00")
		require.NoError(t, snaps[i].Close())
	}
}

func testSnapshotClosed(t *testing.T, s Store) {
	e := open(t, s)
	put(t, e, engine.CFDefault, "k", "v")
	snap, err := e.Snapshot()
	require.NoError(t, err)
	_, _, err = snap.Get("nowhere", []byte("k"))
	require.ErrorAs(t, err, new(*engine.UnknownFamilyError))
	require.NoError(t, snap.Close())
	require.NoError(t, snap.Close())

	_, _, err = snap.Get(engine.CFDefault, []byte("k"))
	require.ErrorIs(t, err, engine.ErrClosed)
	_, err = snap.Iterate(engine.CFDefault, engine.Range{})
	require.ErrorIs(t, err, engine.ErrClosed)
	requireGet(t, e, engine.CFDefault, "k", "v")
}

func testDeleteRangeKeepsSnapshots(t *testing.T, s Store) {
	e := open(t, s)
	var b engine.Batch
	want := []string{}
	for i := range 100 {
		k := fmt.Sprintf("%03d", i)
		want = append(want, k)
		b.Put(engine.CFDefault, []byte(k), []byte("v"))
	}
	require.NoError(t, e.Write(&b, false))
	snap, err := e.Snapshot()
	require.NoError(t, err)
	require.NoError(t, e.DeleteRange(engine.CFDefault, engine.Range{}))
	require.Empty(t, keys(t, e, engine.CFDefault, "", ""))
	require.Equal(t, want, keys(t, snap, engine.CFDefault, "", ""))
	require.NoError(t, snap.Close())
}
