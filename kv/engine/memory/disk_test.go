package memory_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/pingcap/errors"
	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/engine/memory"
)

func open(t *testing.T, d *memory.Disk) *memory.Engine {
	t.Helper()
	e, err := memory.Open(d, engine.Families...)
	require.NoError(t, err)
	return e
}

func put(key string) *engine.Batch {
	var b engine.Batch
	b.Put(engine.CFDefault, []byte(key), []byte("value of "+key))
	return &b
}

// keys returns the keys of the default family.
func keys(t *testing.T, r engine.Reader) []string {
	t.Helper()
	it, err := r.Iterate(engine.CFDefault, engine.Range{})
	require.NoError(t, err)
	ks := []string{}
	for it.Seek(nil); it.Valid(); it.Next() {
		ks = append(ks, string(it.Key()))
	}
	require.NoError(t, it.Close())
	return ks
}

func TestCrashKeepsSoMany(t *testing.T) {
	for unsynced := range 5 {
		for keep := -1; keep <= unsynced+1; keep++ {
			d := memory.NewDisk()
			e := open(t, d)
			want := []string{"0", "1"}
			require.NoError(t, e.Write(put("0"), false))
			require.NoError(t, e.Write(put("1"), true))
			for i := range unsynced {
				k := fmt.Sprint(2 + i)
				require.NoError(t, e.Write(put(k), false))
				if i < keep {
					want = append(want, k)
				}
			}
			require.Equal(t, unsynced, d.Unsynced())
			d.Crash(keep)
			require.Zero(t, d.Unsynced())
			require.Equal(t, want, keys(t, open(t, d)), "%d unsynced, keep %d", unsynced, keep)
			require.EqualValues(t, len(want)*len("0value of 0"), d.Used())
		}
	}
}

// A crash brings back the values that lost batches have replaced and deleted.
func TestCrashRestoresReplacedValues(t *testing.T) {
	d := memory.NewDisk()
	e := open(t, d)
	var b engine.Batch
	b.Put(engine.CFDefault, []byte("replaced"), []byte("old"))
	b.Put(engine.CFDefault, []byte("deleted"), []byte("old"))
	b.Put(engine.CFLock, []byte("twice"), []byte("old"))
	require.NoError(t, e.Write(&b, true))
	used := d.Used()

	b.Reset()
	b.Put(engine.CFDefault, []byte("replaced"), []byte("longer than before"))
	b.Delete(engine.CFDefault, []byte("deleted"))
	b.Delete(engine.CFDefault, []byte("absent"))
	b.Put(engine.CFDefault, []byte("added"), nil)
	b.Delete(engine.CFLock, []byte("twice"))
	b.Put(engine.CFLock, []byte("twice"), []byte("new"))
	b.Delete(engine.CFLock, []byte("twice"))
	require.NoError(t, e.Write(&b, false))
	require.Equal(t, []string{"added", "replaced"}, keys(t, e))

	d.Crash(0)
	e = open(t, d)
	require.Equal(t, []string{"deleted", "replaced"}, keys(t, e))
	for cf, k := range map[engine.CF]string{engine.CFDefault: "replaced", engine.CFLock: "twice"} {
		v, _, err := e.Get(cf, []byte(k))
		require.NoError(t, err)
		require.Equal(t, "old", string(v))
	}
	require.Equal(t, used, d.Used())
}

// A crash after Close loses nothing: Close has synced the disk.
func TestCrashAfterClose(t *testing.T) {
	d := memory.NewDisk()
	e := open(t, d)
	require.NoError(t, e.Write(put("a"), false))
	require.NoError(t, e.Close())
	d.Crash(0)
	require.Equal(t, []string{"a"}, keys(t, open(t, d)))
}

// A scripted write is a step of TestEveryCrash.
type scripted struct {
	key  string // "": only a sync
	sync bool
}

// TestEveryCrash crashes a short run at every write, in every way, with every
// number of unsynced batches surviving, and derives from the script which keys
// must be there afterwards.
func TestEveryCrash(t *testing.T) {
	script := []scripted{
		{"a", false}, {"b", true}, {"c", false}, {"d", false}, {"", true}, {"e", false}, {"f", false}, {"g", true}, {"h", false},
	}
	run := func(e *memory.Engine) (acknowledged int) {
		for i, w := range script {
			b := &engine.Batch{}
			if w.key != "" {
				b = put(w.key)
			}
			if err := e.Write(b, w.sync); err != nil {
				require.ErrorIs(t, err, engine.ErrClosed)
				return i
			}
		}
		return len(script)
	}
	outcomes := 0
	for n := 1; n <= len(script); n++ {
		for _, kind := range []memory.FaultKind{memory.CrashBefore, memory.CrashUnacknowledged, memory.CrashAfter} {
			for keep := 0; keep <= 4; keep++ {
				// The keys that are durable and unsynced when
				// the machine crashes.
				durable, unsynced := []string{}, []string{}
				for i, w := range script[:n] {
					last := i == n-1
					if last && kind == memory.CrashBefore {
						break
					}
					if w.key != "" {
						unsynced = append(unsynced, w.key)
					}
					if w.sync && !(last && kind == memory.CrashUnacknowledged) {
						durable, unsynced = append(durable, unsynced...), nil
					}
				}
				if keep > len(unsynced) {
					break
				}

				d := memory.NewDisk()
				d.Inject(memory.At(uint64(n), memory.Fault{Kind: kind, Keep: keep}))
				acknowledged := run(open(t, d))
				if kind == memory.CrashAfter {
					require.Equal(t, n, acknowledged)
				} else {
					require.Equal(t, n-1, acknowledged)
				}
				require.EqualValues(t, n, d.Writes(), "an incarnation that has ended writes nothing")
				require.Equal(t, append(durable, unsynced[:keep]...), keys(t, open(t, d)), "write %d, kind %d, keep %d", n, kind, keep)
				outcomes++
			}
		}
	}
	require.Greater(t, outcomes, 3*len(script))
}

func TestInjectSeesEveryWrite(t *testing.T) {
	d := memory.NewDisk()
	e := open(t, d)
	var seen []memory.Write
	d.Inject(func(w memory.Write) memory.Fault {
		seen = append(seen, w)
		return memory.Fault{}
	})
	b := put("a")
	require.NoError(t, e.Write(b, false))
	require.NoError(t, e.Write(&engine.Batch{}, false)) // nothing to write
	require.NoError(t, e.Write(b, true))
	require.NoError(t, e.Sync())
	require.NoError(t, e.DeleteRange(engine.CFDefault, engine.Range{}))
	require.NoError(t, e.DeleteRange(engine.CFDefault, engine.Range{})) // nothing to delete
	require.NoError(t, e.Close())
	require.Equal(t, []memory.Write{
		{N: 1, Len: 1, Bytes: b.Size()},
		{N: 2, Len: 1, Bytes: b.Size(), Sync: true, Unsynced: 1},
		{N: 3, Sync: true},
		{N: 4, Len: 1, Bytes: 1},
		{N: 5, Sync: true, Unsynced: 1},
	}, seen)
	require.EqualValues(t, 5, d.Writes())

	d.Inject(nil)
	require.NoError(t, open(t, d).Write(b, false))
	require.Len(t, seen, 5)
	require.EqualValues(t, 6, d.Writes(), "the count continues over incarnations")
}

func TestFailWrite(t *testing.T) {
	cause := errors.New("bad sector")
	for _, sync := range []bool{false, true} {
		d := memory.NewDisk()
		e := open(t, d)
		require.NoError(t, e.Write(put("a"), false))
		d.Inject(memory.At(2, memory.Fault{Kind: memory.FailWrite, Err: cause}))
		require.Equal(t, cause, e.Write(put("b"), sync))
		require.Equal(t, []string{"a"}, keys(t, e))
		require.Equal(t, 1, d.Unsynced(), "the write has failed before its sync")

		require.NoError(t, e.Write(put("c"), false), "the engine still accepts writes")
		d.Crash(memory.All)
		require.Equal(t, []string{"a", "c"}, keys(t, open(t, d)))
	}
}

func TestFailSync(t *testing.T) {
	d := memory.NewDisk()
	e := open(t, d)
	d.Inject(memory.At(2, memory.Fault{Kind: memory.FailSync}))
	require.NoError(t, e.Write(put("a"), false))
	err := e.Write(put("b"), true)
	var failed *engine.SyncError
	require.ErrorAs(t, err, &failed)
	require.ErrorIs(t, err, memory.ErrIO)
	require.Equal(t, []string{"a", "b"}, keys(t, e))
	require.Equal(t, 2, d.Unsynced())
	require.Equal(t, err, e.Write(put("c"), false))
	require.EqualValues(t, 2, d.Writes())
	d.Crash(1)
	require.Equal(t, []string{"a"}, keys(t, open(t, d)))
}

// A write without a sync cannot meet a failure of its sync.
func TestFailSyncOfUnsyncedWrite(t *testing.T) {
	d := memory.NewDisk()
	e := open(t, d)
	d.Inject(memory.At(1, memory.Fault{Kind: memory.FailSync}))
	require.NoError(t, e.Write(put("a"), false))
	require.NoError(t, e.Sync())
}

func TestCrashInDeleteRange(t *testing.T) {
	const n = 100
	left := map[int]bool{}
	for at := uint64(2); ; at++ {
		d := memory.NewDisk()
		e := open(t, d)
		var b engine.Batch
		for i := range n {
			b.Put(engine.CFDefault, fmt.Appendf(nil, "%03d", i), nil)
		}
		require.NoError(t, e.Write(&b, true))
		d.Inject(memory.At(at, memory.Fault{Kind: memory.CrashBefore, Keep: memory.All}))
		err := e.DeleteRange(engine.CFDefault, engine.Range{})
		if err == nil {
			break
		}
		require.ErrorIs(t, err, engine.ErrClosed)
		e = open(t, d)
		left[len(keys(t, e))] = true
		require.NoError(t, e.DeleteRange(engine.CFDefault, engine.Range{}), "it can be repeated")
		require.Empty(t, keys(t, e))
	}
	require.Greater(t, len(left), 3, "a crash can fall between its batches")
}

func TestCrashInClose(t *testing.T) {
	d := memory.NewDisk()
	e := open(t, d)
	require.NoError(t, e.Write(put("a"), false))
	d.Inject(memory.At(2, memory.Fault{Kind: memory.CrashBefore}))
	require.ErrorIs(t, e.Close(), engine.ErrClosed)
	require.NoError(t, e.Close())
	require.Empty(t, keys(t, open(t, d)))
}

// A crash of a machine ends the incarnations on all of its disks at once.
func TestCrashOfTwoDisks(t *testing.T) {
	a, b := memory.NewDisk(), memory.NewDisk()
	ea, eb := open(t, a), open(t, b)
	a.Inject(func(w memory.Write) memory.Fault {
		if w.N < 2 {
			return memory.Fault{}
		}
		b.Crash(1)
		return memory.Fault{Kind: memory.CrashBefore}
	})
	for _, k := range []string{"1", "2"} {
		require.NoError(t, eb.Write(put(k), false))
	}
	require.NoError(t, ea.Write(put("1"), true))
	require.ErrorIs(t, ea.Write(put("2"), true), engine.ErrClosed)
	require.ErrorIs(t, eb.Write(put("3"), true), engine.ErrClosed)
	require.Equal(t, []string{"1"}, keys(t, open(t, a)))
	require.Equal(t, []string{"1"}, keys(t, open(t, b)))
}

func TestCapacity(t *testing.T) {
	d := memory.NewDisk()
	e := open(t, d)
	write := func(put, del string) error {
		var b engine.Batch
		if put != "" {
			b.Put(engine.CFDefault, []byte(put), make([]byte, 10-len(put)))
		}
		if del != "" {
			b.Delete(engine.CFDefault, []byte(del))
		}
		return e.Write(&b, false)
	}
	d.SetCapacity(30)
	require.NoError(t, write("a", ""))
	require.NoError(t, write("b", ""))
	require.NoError(t, write("c", ""))
	require.EqualValues(t, 30, d.Used())
	require.ErrorIs(t, write("d", ""), engine.ErrDiskFull)
	require.ErrorIs(t, write("a", ""), engine.ErrDiskFull, "an overwrite needs room before it frees any")
	require.ErrorIs(t, write("d", "a"), engine.ErrDiskFull, "so does a replacement")
	require.Equal(t, []string{"a", "b", "c"}, keys(t, e))
	require.NoError(t, write("", "a"), "room can be made")
	require.EqualValues(t, 20, d.Used())
	require.NoError(t, write("d", "b"))
	require.NoError(t, write("e", ""))
	require.ErrorIs(t, write("f", ""), engine.ErrDiskFull)

	d.SetCapacity(0)
	require.NoError(t, e.Sync())
	require.NoError(t, write("", "e"))
	require.ErrorIs(t, write("f", ""), engine.ErrDiskFull)
	d.SetCapacity(memory.Unlimited)
	require.NoError(t, write("f", ""))
	require.Equal(t, []string{"c", "d", "f"}, keys(t, e))
}

func TestOpenCounts(t *testing.T) {
	e := open(t, memory.NewDisk())
	require.NoError(t, e.Write(put("a"), false))
	s1, err := e.Snapshot()
	require.NoError(t, err)
	s2, err := e.Snapshot()
	require.NoError(t, err)
	it, err := s1.Iterate(engine.CFDefault, engine.Range{})
	require.NoError(t, err)
	require.Equal(t, 2, e.OpenSnapshots())
	require.Equal(t, 1, e.OpenIterators())

	// An iterator that could not be opened does not count. A second Close
	// does not count either.
	_, err = s1.Iterate("nowhere", engine.Range{})
	require.Error(t, err)
	require.NoError(t, it.Close())
	require.NoError(t, it.Close())
	require.NoError(t, s1.Close())
	require.NoError(t, s1.Close())
	require.Equal(t, 1, e.OpenSnapshots())
	require.Zero(t, e.OpenIterators())
	require.NoError(t, s2.Close())
	require.Zero(t, e.OpenSnapshots())
}

// Durable reads exactly the data that remain after a crash that keeps no
// unsynced batch.
func TestDurable(t *testing.T) {
	families := []engine.CF{engine.CFDefault, engine.CFLock}
	for seed := range uint64(50) {
		d := memory.NewDisk()
		e := open(t, d)
		random := rand.New(rand.NewPCG(seed, 0))
		for range 200 {
			var b engine.Batch
			for range random.IntN(4) {
				cf, key := families[random.IntN(2)], fmt.Appendf(nil, "%d", random.IntN(8))
				if random.IntN(3) == 0 {
					b.Delete(cf, key)
				} else {
					b.Put(cf, key, fmt.Appendf(nil, "%d", random.Uint64()))
				}
			}
			require.NoError(t, e.Write(&b, random.IntN(6) == 0))
		}
		type place struct {
			cf  engine.CF
			key string
		}
		read := func(get func(engine.CF, []byte) ([]byte, bool, error)) map[place]string {
			all := map[place]string{}
			for _, cf := range families {
				for n := range 8 {
					key := fmt.Sprint(n)
					value, found, err := get(cf, []byte(key))
					require.NoError(t, err)
					if found {
						all[place{cf, key}] = string(value)
					}
				}
			}
			return all
		}
		durable := read(e.Durable().Get)
		d.Crash(0)
		require.Equal(t, read(open(t, d).Get), durable, "seed %d", seed)
		_, _, err := e.Durable().Get(engine.CFDefault, []byte("0"))
		require.ErrorIs(t, err, engine.ErrClosed)
	}
}
