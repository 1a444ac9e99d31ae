// Package enginetest is the conformance suite of package engine: it requires of
// every engine what that package promises, and nothing else.
//
// Run runs the suite, one subtest for each promise. Check executes a program of
// operations, written as bytes, on an engine and on a model made of plain
// sorted maps, and compares the two after every step; the programs come from
// fuzzing and from RandomProgram. Benchmark measures engines.
//
// The test of an engine passes a Factory, which makes Stores: places whose data
// outlives the engines that open them. A Store that can crash or fail
// implements Crasher or Failer; for other Stores the tests that need it are
// skipped.
package enginetest

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/engine"
)

// A Store is a place that holds the data of an engine, whether or not an engine
// has it open.
type Store interface {
	// Open opens an engine on the data of the store.
	Open(families ...engine.CF) (engine.Engine, error)
}

// A Crasher is a Store whose machine can lose its power.
type Crasher interface {
	Store
	// Unsynced returns the number of batches that a crash could lose.
	Unsynced() int
	// Crash ends the open engine as a power cut does. It loses as many of
	// the unsynced batches, from the end, as it can, but it keeps the first
	// keep.
	Crash(keep int)
}

// A Failer is a Store whose disk can be made to fail.
type Failer interface {
	Store
	// SetFull makes the disk full, or gives it room again.
	SetFull(full bool)
	// FailSync makes the next sync fail with err.
	FailSync(err error)
}

// A Factory makes an empty Store, and registers its cleanup with t.
type Factory func(t testing.TB) Store

// Run runs the suite on stores made by f. Each test runs in a bubble of
// testing/synctest, so the pauses of an engine cost no time, and an engine with
// a goroutine that outlives its Close fails.
func Run(t *testing.T, f Factory) {
	for _, c := range []struct {
		name string
		test func(t *testing.T, s Store)
	}{
		{"GetPutDelete", testGetPutDelete},
		{"EmptyValues", testEmptyValues},
		{"BinaryKeys", testBinaryKeys},
		{"FamiliesDoNotMix", testFamiliesDoNotMix},
		{"LastWriteInBatchWins", testLastWriteInBatchWins},
		{"SlicesAreNotShared", testSlicesAreNotShared},
		{"EmptyBatch", testEmptyBatch},
		{"Iterate", testIterate},
		{"IterateSeek", testIterateSeek},
		{"IterateShowsTheMomentItWasMade", testIterateShowsTheMomentItWasMade},
		{"IteratorMisuse", testIteratorMisuse},
		{"SnapshotIsolation", testSnapshotIsolation},
		{"SnapshotOfHotKey", testSnapshotOfHotKey},
		{"SnapshotClosed", testSnapshotClosed},
		{"DeleteRange", testDeleteRange},
		{"DeleteRangeKeepsSnapshots", testDeleteRangeKeepsSnapshots},
		{"ApproximateSize", testApproximateSize},
		{"BadKeys", testBadKeys},
		{"TooLarge", testTooLarge},
		{"UnknownFamily", testUnknownFamily},
		{"BadFamilies", testBadFamilies},
		{"OtherFamilies", testOtherFamilies},
		{"Reopen", testReopen},
		{"OpenTwice", testOpenTwice},
		{"Closed", testClosed},
		{"CloseUnderReaders", testCloseUnderReaders},
		{"ConcurrentWriters", testConcurrentWriters},
		{"ConcurrentSyncs", testConcurrentSyncs},
		{"CrashKeepsAPrefix", testCrashKeepsAPrefix},
		{"CrashFences", testCrashFences},
		{"CrashKeepsWhatConcurrentWritersSynced", testCrashKeepsWhatConcurrentWritersSynced},
		{"DiskFull", testDiskFull},
		{"SyncFails", testSyncFails},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { c.test(t, f(t)) })
		})
	}
}

// open opens s with engine.Families, and closes the engine when t ends.
func open(t testing.TB, s Store) engine.Engine {
	t.Helper()
	e, err := s.Open(engine.Families...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.Close()) })
	return e
}

// crasher returns s as a Crasher or skips t.
func crasher(t testing.TB, s Store) Crasher {
	c, ok := s.(Crasher)
	if !ok {
		t.Skip("this store cannot crash")
	}
	return c
}

// failer returns s as a Failer or skips t.
func failer(t testing.TB, s Store) Failer {
	f, ok := s.(Failer)
	if !ok {
		t.Skip("this store cannot be made to fail")
	}
	return f
}

// put writes one pair, unsynced.
func put(t testing.TB, e engine.Engine, cf engine.CF, key, value string) {
	t.Helper()
	var b engine.Batch
	b.Put(cf, []byte(key), []byte(value))
	require.NoError(t, e.Write(&b, false))
}

// pair returns a batch of one pair in the default family.
func pair(key, value string) *engine.Batch {
	var b engine.Batch
	b.Put(engine.CFDefault, []byte(key), []byte(value))
	return &b
}

// requireGet requires that key has value.
func requireGet(t testing.TB, r engine.Reader, cf engine.CF, key, value string) {
	t.Helper()
	got, found, err := r.Get(cf, []byte(key))
	require.NoError(t, err)
	require.True(t, found, "key %q of family %s is absent", key, cf)
	require.NotNil(t, got, "an empty value is not an absent one")
	require.Equal(t, value, string(got), "key %q of family %s", key, cf)
}

// requireAbsent requires that key has no value.
func requireAbsent(t testing.TB, r engine.Reader, cf engine.CF, key string) {
	t.Helper()
	got, found, err := r.Get(cf, []byte(key))
	require.NoError(t, err)
	require.False(t, found, "key %q of family %s has value %q", key, cf, got)
	require.Nil(t, got)
}

// A kv is one key and its value.
type kv struct{ Key, Value string }

// scan returns the keys and values that an iterator over in shows.
func scan(t testing.TB, r engine.Reader, cf engine.CF, in engine.Range) []kv {
	t.Helper()
	it, err := r.Iterate(cf, in)
	require.NoError(t, err)
	kvs := []kv{}
	for it.Seek(nil); it.Valid(); it.Next() {
		kvs = append(kvs, kv{string(it.Key()), string(it.Value())})
	}
	require.NoError(t, it.Close())
	return kvs
}

// keys returns the keys that an iterator over [start, end) shows.
func keys(t testing.TB, r engine.Reader, cf engine.CF, start, end string) []string {
	t.Helper()
	ks := []string{}
	for _, kv := range scan(t, r, cf, engine.Range{Start: []byte(start), End: []byte(end)}) {
		ks = append(ks, kv.Key)
	}
	return ks
}
