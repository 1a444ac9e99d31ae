//go:build cgo

package badger_test

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/engine/badger"
	"github.com/labkv/labkv/kv/engine/enginetest"
)

// requireCannotOpen requires a one-line error that names dir and says want.
func requireCannotOpen(t *testing.T, dir string, opt badger.Options, want string) error {
	t.Helper()
	_, err := badger.Open(dir, opt)
	var open *badger.OpenError
	require.ErrorAs(t, err, &open)
	require.ErrorContains(t, err, dir)
	require.ErrorContains(t, err, want)
	require.NotContains(t, err.Error(), "\n")
	return err
}

var families = badger.Options{Families: engine.Families, MemTableSize: 1 << 20}

func TestOpenErrors(t *testing.T) {
	t.Run("file", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "file")
		require.NoError(t, os.WriteFile(file, nil, 0o644))
		requireCannotOpen(t, file, families, "not a directory")
		requireCannotOpen(t, filepath.Join(file, "below"), families, "not a directory")
	})
	t.Run("holds something else", func(t *testing.T) {
		dir := t.TempDir()
		thesis := filepath.Join(dir, "thesis.txt")
		require.NoError(t, os.WriteFile(thesis, []byte("years of work"), 0o644))
		requireCannotOpen(t, dir, families, "thesis.txt")
		require.FileExists(t, thesis)
	})
	t.Run("options", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "db")
		requireCannotOpen(t, dir, badger.Options{}, "no column families")
		requireCannotOpen(t, dir, badger.Options{Families: engine.Families, MemTableSize: 1}, "memory table size of 1 bytes")
		require.NoDirExists(t, dir)
	})
	t.Run("format", func(t *testing.T) {
		dir := t.TempDir()
		write := func(format string) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, "FORMAT"), []byte(format), 0o644))
		}
		write("")
		requireCannotOpen(t, dir, families, "FORMAT is damaged")
		write(`{"Format":"of something else","Version":1}`)
		requireCannotOpen(t, dir, families, "FORMAT is damaged")
		write(`{"Format":"labkv engine badger","Version":99}`)
		requireCannotOpen(t, dir, families, "format version 99")
		write(`{"Format":"labkv engine badger","Version":1,"Families":["a","b"]}`)
		err := requireCannotOpen(t, dir, families, "column families a, b")
		require.ErrorAs(t, err, new(*engine.FamiliesError))
	})
}

func TestOpenCreatesParents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, err := badger.Open(filepath.Join(t.TempDir(), "a", "b"), families)
		require.NoError(t, err)
		require.NoError(t, e.Close())
	})
}

// An engine that another process has open is in use, and not harmed by the
// attempt to open it.
func TestOpenInUse(t *testing.T) {
	dir := t.TempDir()
	cmd := childCommand(t, "writer", dir)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	defer func() {
		require.NoError(t, cmd.Process.Kill())
		require.Error(t, cmd.Wait())
	}()
	_, err = io.ReadFull(out, make([]byte, 2)) // its first output: the engine is open
	require.NoError(t, err)
	err = requireCannotOpen(t, dir, families, "in use")
	require.ErrorIs(t, err, engine.ErrInUse)
	_, err = io.ReadFull(out, make([]byte, 100)) // it still writes
	require.NoError(t, err)
}

// Small tables lower the limit of a batch. The error says so, and up to the
// limit everything works.
func TestSmallTablesLowerBatchLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, err := badger.Open(t.TempDir(), families)
		require.NoError(t, err)
		const limit = 1 << 20 / 4
		var b engine.Batch
		b.Put(engine.CFDefault, []byte("k"), make([]byte, limit))
		var tooLarge *engine.TooLargeError
		require.ErrorAs(t, e.Write(&b, false), &tooLarge)
		require.Equal(t, &engine.TooLargeError{What: "batch", Size: limit + 1, Limit: limit}, tooLarge)

		b.Reset()
		for i := range 50_000 {
			b.Delete(engine.CFDefault, []byte{byte(i)})
		}
		require.ErrorAs(t, e.Write(&b, false), &tooLarge)
		require.Equal(t, 50_000, tooLarge.Size)
		// The longest batch, often enough to straddle tables.
		b.Reset()
		for i := range tooLarge.Limit {
			b.Put(engine.CFLock, []byte{byte(i), byte(i >> 8)}, nil)
		}
		for range 10 {
			require.NoError(t, e.Write(&b, false))
		}

		for i := range 30 {
			b.Reset()
			b.Put(engine.CFDefault, []byte{byte(i)}, []byte(strings.Repeat("x", limit-1)))
			require.NoError(t, e.Write(&b, false))
		}
		for i := range 30 {
			v, found, err := e.Get(engine.CFDefault, []byte{byte(i)})
			require.NoError(t, err)
			require.True(t, found)
			require.Len(t, v, limit-1)
		}
		require.NoError(t, e.Close())
	})
}

// The largest batch that the interface allows fits with the default options.
func TestLargestBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		opt := badger.Options{Families: engine.Families}
		e, err := badger.Open(dir, opt)
		require.NoError(t, err)
		var b engine.Batch
		b.Put(engine.CFDefault, []byte("a"), make([]byte, engine.MaxValueSize))
		for i := 1; i < engine.MaxBatchLen; i++ {
			b.Put(engine.CFDefault, []byte{'b', byte(i >> 16), byte(i >> 8), byte(i)}, make([]byte, (engine.MaxBatchSize-engine.MaxValueSize)/engine.MaxBatchLen-5))
		}
		require.Equal(t, engine.MaxBatchLen, b.Len())
		for range 5 { // often enough to straddle tables
			require.NoError(t, e.Write(&b, true))
		}
		check := func() {
			it, err := e.Iterate(engine.CFDefault, engine.Range{})
			require.NoError(t, err)
			n := 0
			for it.Seek(nil); it.Valid(); it.Next() {
				n++
			}
			require.NoError(t, it.Close())
			require.Equal(t, engine.MaxBatchLen, n)
		}
		check()
		require.NoError(t, e.Close())
		e, err = badger.Open(dir, opt)
		require.NoError(t, err)
		check()
		require.NoError(t, e.Close())
	})
}

// A file of the log that was created with one size of tables is continued with
// a larger one: Open does not take it for a file that was cut off.
func TestLogFileOfSmallerTables(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		for n, size := range []int64{1 << 20, 4 << 20, 8 << 20} {
			e, err := badger.Open(dir, badger.Options{Families: engine.Families, MemTableSize: size})
			require.NoError(t, err)
			enginetest.RequireNumbered(t, e, 2*n, 2*n)
			for i := range 2 {
				require.NoError(t, e.Write(enginetest.Numbered(2*n+i+1, 100), true))
			}
			crashed := t.TempDir()
			file, end := e.LogEnd()
			copyAfterPowerCut(t, dir, crashed, position{file, end})
			require.NoError(t, e.Close())
			dir = crashed
		}
	})
}

// Data written with one size of tables can be opened with another.
func TestChangeOfMemTableSize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		n := 0
		for _, size := range []int64{1 << 20, 4 << 20, 2 << 20, 1 << 20} {
			e, err := badger.Open(dir, badger.Options{Families: engine.Families, MemTableSize: size})
			require.NoError(t, err)
			enginetest.RequireNumbered(t, e, n, n)
			for range 40 {
				n++
				require.NoError(t, e.Write(enginetest.Numbered(n, 30_000), n%7 == 0))
			}
			crashed := t.TempDir()
			file, end := e.LogEnd()
			copyAfterPowerCut(t, dir, crashed, position{file, end})
			require.NoError(t, e.Close())
			dir = crashed
		}
	})
}
