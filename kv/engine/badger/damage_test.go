//go:build cgo

package badger_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/engine/badger"
	"github.com/labkv/labkv/kv/engine/enginetest"
)

// batches is the number of batches that makeData writes.
const batches = 100

// makeData makes a directory as a killed process leaves it: with tables for
// half of the batches, and the rest in several files of the log that Open must
// replay.
func makeData(t *testing.T) string {
	t.Helper()
	dir, crashed := t.TempDir(), t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		e, err := badger.Open(dir, families)
		require.NoError(t, err)
		for n := 1; n <= batches; n++ {
			require.NoError(t, e.Write(enginetest.Numbered(n, 20_000), n%2 == 0))
			if n == batches/2 {
				synctest.Wait() // for the tables
				file, end := e.LogEnd()
				copyAfterPowerCut(t, dir, crashed, position{file, end})
			}
		}
		// The log has grown since. Tables were written, too, but a
		// table that the manifest does not list was not finished before
		// the crash.
		for _, f := range files(t, dir, "*.vlog") {
			data, err := os.ReadFile(f)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join(crashed, filepath.Base(f)), data, 0o644))
		}
		require.NoError(t, e.Close())
	})
	return crashed
}

// files returns the files of dir that match pattern, oldest first.
func files(t *testing.T, dir, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, pattern))
	require.NoError(t, err)
	require.NotEmpty(t, found)
	return found
}

// change replaces the contents of a file.
func change(t *testing.T, path string, f func(data []byte) []byte) {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, f(data), 0o644))
}

func half(data []byte) []byte { return data[:len(data)/2] }

func flipAt(i int) func([]byte) []byte {
	return func(data []byte) []byte {
		data[i] ^= 0x10
		return data
	}
}

// newestLog returns the file of the log that was written last.
func newestLog(t *testing.T, dir string) string {
	logs := files(t, dir, "*.vlog")
	return logs[len(logs)-1]
}

func TestDamage(t *testing.T) {
	data := makeData(t)
	for _, c := range []struct {
		name string
		file string // what the error names
		do   func(t *testing.T, dir string)
	}{
		{"manifest is missing", "MANIFEST", func(t *testing.T, dir string) {
			require.NoError(t, os.Remove(filepath.Join(dir, "MANIFEST")))
		}},
		{"manifest is empty", "MANIFEST", func(t *testing.T, dir string) {
			change(t, filepath.Join(dir, "MANIFEST"), func([]byte) []byte { return nil })
		}},
		{"manifest begins wrong", "MANIFEST", func(t *testing.T, dir string) {
			change(t, filepath.Join(dir, "MANIFEST"), flipAt(1))
		}},
		{"manifest has a wrong byte", "MANIFEST", func(t *testing.T, dir string) {
			change(t, filepath.Join(dir, "MANIFEST"), flipAt(30))
		}},
		{"manifest has a wrong length", "MANIFEST", func(t *testing.T, dir string) {
			change(t, filepath.Join(dir, "MANIFEST"), func(data []byte) []byte {
				data[8] = 0x7f
				return data
			})
		}},
		{"table is missing", ".sst", func(t *testing.T, dir string) {
			require.NoError(t, os.Remove(files(t, dir, "*.sst")[0]))
		}},
		{"table is empty", ".sst", func(t *testing.T, dir string) {
			change(t, files(t, dir, "*.sst")[0], func([]byte) []byte { return nil })
		}},
		{"table is cut off", ".sst", func(t *testing.T, dir string) {
			change(t, files(t, dir, "*.sst")[0], half)
		}},
		{"table ends in garbage", ".sst", func(t *testing.T, dir string) {
			change(t, files(t, dir, "*.sst")[0], func(data []byte) []byte { return append(data, "garbage"...) })
		}},
		{"table has a wrong index", ".sst", func(t *testing.T, dir string) {
			change(t, files(t, dir, "*.sst")[0], func(data []byte) []byte { return flipAt(len(data) - 15)(data) })
		}},
		{"all of the log is missing", ".vlog", func(t *testing.T, dir string) {
			for _, f := range files(t, dir, "*.vlog") {
				require.NoError(t, os.Remove(f))
			}
		}},
		{"older file of the log is missing", ".vlog", func(t *testing.T, dir string) {
			logs := files(t, dir, "*.vlog")
			require.Greater(t, len(logs), 3)
			require.NoError(t, os.Remove(logs[len(logs)-2]))
		}},
		{"older file of the log has a wrong byte", ".vlog", func(t *testing.T, dir string) {
			logs := files(t, dir, "*.vlog")
			change(t, logs[len(logs)-2], func(data []byte) []byte { return flipAt(len(data) - 1000)(data) })
		}},
		{"newest file of the log has a wrong byte", ".vlog", func(t *testing.T, dir string) {
			change(t, newestLog(t, dir), flipAt(60))
		}},
		{"newest file of the log is cut off", ".vlog", func(t *testing.T, dir string) {
			change(t, newestLog(t, dir), func(data []byte) []byte {
				return data[:len(bytes.TrimRight(data, "\x00"))/2]
			})
		}},
		{"newest file of the log has a hole", ".vlog", func(t *testing.T, dir string) {
			const from, to = 8 << 10, 24 << 10 // in whole pages
			path := newestLog(t, dir)
			data, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Greater(t, len(bytes.TrimRight(data, "\x00")), to)
			f, err := os.Create(path)
			require.NoError(t, err)
			_, err = f.WriteAt(data[:from], 0)
			require.NoError(t, err)
			_, err = f.WriteAt(data[to:], to)
			require.NoError(t, err)
			require.NoError(t, f.Close())
		}},
		{"file of the log has another name", "x.vlog", func(t *testing.T, dir string) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, "x.vlog"), nil, 0o644))
		}},
		{"values are kept apart", "blob_change.log", func(t *testing.T, dir string) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, "blob_change.log"), []byte("123"), 0o644))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, os.CopyFS(dir, os.DirFS(data)))
			c.do(t, dir)
			before := contents(t, dir)
			for range 2 {
				err := requireCannotOpen(t, dir, families, c.file)
				var damaged *badger.CorruptError
				require.ErrorAs(t, err, &damaged)
				require.Contains(t, damaged.File, c.file)
			}
			require.Equal(t, before, contents(t, dir), "Open must not change a damaged directory")
		})
	}

	// The undamaged data can be opened.
	synctest.Test(t, func(t *testing.T) {
		e, err := badger.Open(data, families)
		require.NoError(t, err)
		enginetest.RequireNumbered(t, e, batches, batches)
		require.NoError(t, e.Close())
	})
}

// contents returns the content of the files of dir, by name.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, f := range files(t, dir, "*") {
		data, err := os.ReadFile(f)
		require.NoError(t, err)
		all[filepath.Base(f)] = string(data)
	}
	return all
}

// The state that a crash may leave is not damage.
func TestTraceOfCrash(t *testing.T) {
	data := makeData(t)
	for _, c := range []struct {
		name string
		do   func(t *testing.T, dir string)
	}{
		{"last record of the manifest is torn", func(t *testing.T, dir string) {
			change(t, filepath.Join(dir, "MANIFEST"), func(data []byte) []byte { return append(data, 0, 0, 0, 50, 1, 2, 3, 4, 5, 6) })
		}},
		{"table of an unfinished compaction", func(t *testing.T, dir string) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, "0000ffff.sst"), []byte("half"), 0o644))
		}},
		{"next file of the log is empty", func(t *testing.T, dir string) {
			// Badger starts a file once the one before it has no
			// room left.
			change(t, newestLog(t, dir), func(data []byte) []byte { return bytes.TrimRight(data, "\x00") })
			next := uint32(0)
			for badger.LogPath(dir, next) <= newestLog(t, dir) {
				next++
			}
			require.NoError(t, os.WriteFile(badger.LogPath(dir, next), nil, 0o644))
		}},
		{"format file was being written", func(t *testing.T, dir string) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, "FORMAT.tmp"), []byte("{"), 0o644))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, os.CopyFS(dir, os.DirFS(data)))
			c.do(t, dir)
			synctest.Test(t, func(t *testing.T) {
				for range 2 {
					e, err := badger.Open(dir, families)
					require.NoError(t, err)
					enginetest.RequireNumbered(t, e, batches, batches)
					require.NoError(t, e.Close())
				}
			})
		})
	}
}

// Wrong bytes in a table never end the program: Open refuses the table, or all
// of its entries can be read.
func TestDamagedTables(t *testing.T) {
	data := makeData(t)
	refused := 0
	for seed := range uint64(100) {
		dir := t.TempDir()
		require.NoError(t, os.CopyFS(dir, os.DirFS(data)))
		rng := rand.New(rand.NewPCG(seed, 5))
		change(t, files(t, dir, "*.sst")[0], func(data []byte) []byte {
			for range 1 + rng.IntN(10) {
				data[rng.IntN(len(data))] = byte(rng.Uint32())
			}
			return data
		})
		synctest.Test(t, func(t *testing.T) {
			e, err := badger.Open(dir, families)
			if err != nil {
				require.ErrorAs(t, err, new(*badger.CorruptError))
				refused++
				return
			}
			n := 0
			it, err := e.Iterate(engine.CFDefault, engine.Range{})
			require.NoError(t, err)
			for it.Seek(nil); it.Valid(); it.Next() {
				require.NotNil(t, it.Value())
				n++
			}
			require.NoError(t, it.Close())
			require.Equal(t, batches+1, n)
			require.NoError(t, e.Close())
		})
	}
	require.Greater(t, refused, 50)
}
