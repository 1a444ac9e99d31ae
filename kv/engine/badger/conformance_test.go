//go:build cgo

package badger_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/engine/badger"
	"github.com/labkv/labkv/kv/engine/enginetest"
)

// A position is a place in the log.
type position struct{ file, offset uint32 }

func (p position) after(q position) bool {
	return p.file > q.file || p.file == q.file && p.offset > q.offset
}

// A store is a directory as the conformance suite sees it. Crash copies the
// directory without the data that were not synced, and goes on with the copy.
type store struct {
	t            testing.TB
	dir          string
	memTableSize int64
	full         bool

	mu   sync.Mutex
	open *badger.Engine
	// ends are the positions in the log at which the batches end that were
	// not synced when they were written.
	ends []position
}

var (
	_ enginetest.Crasher = (*store)(nil)
	_ enginetest.Failer  = (*store)(nil)
)

func newStore(memTableSize int64) enginetest.Factory {
	return func(t testing.TB) enginetest.Store {
		return &store{t: t, dir: t.TempDir(), memTableSize: memTableSize}
	}
}

func (s *store) Open(families ...engine.CF) (engine.Engine, error) {
	e, err := badger.Open(s.dir, badger.Options{Families: families, MemTableSize: s.memTableSize})
	if err != nil {
		return nil, err
	}
	// A test of the suite may fail before it closes the engine.
	s.t.Cleanup(func() { _ = e.Close() })
	s.open, s.ends = e, nil
	s.SetFull(s.full)
	return tracked{e, s}, nil
}

// A tracked engine notes the positions in the log at which its batches end.
type tracked struct {
	*badger.Engine
	store *store
}

func (e tracked) Write(b *engine.Batch, sync bool) error {
	err := e.Engine.Write(b, sync)
	if err == nil && b.Len() > 0 && !sync {
		e.store.note()
	}
	return err
}

func (e tracked) DeleteRange(cf engine.CF, r engine.Range) error {
	err := e.Engine.DeleteRange(cf, r)
	e.store.note()
	return err
}

func (s *store) note() {
	s.mu.Lock()
	defer s.mu.Unlock()
	file, offset := s.open.LogEnd()
	end := position{file, offset}
	if len(s.ends) == 0 || end.after(s.ends[len(s.ends)-1]) { // a DeleteRange may have found nothing
		s.ends = append(s.ends, end)
	}
}

func (s *store) Unsynced() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	file, offset := s.open.SyncedEnd()
	for len(s.ends) > 0 && !s.ends[0].after(position{file, offset}) {
		s.ends = s.ends[1:]
	}
	return len(s.ends)
}

func (s *store) Crash(keep int) {
	s.Unsynced()
	file, offset := s.open.SyncedEnd()
	end := position{file, offset}
	if keep > 0 {
		end = s.ends[keep-1]
	}
	dir := s.t.TempDir()
	copyAfterPowerCut(s.t, s.dir, dir, end)
	s.dir = dir
	_ = s.open.Close() // fences it; an injected sync failure may have made it fail
}

// copyAfterPowerCut copies the directory of a running engine as a power cut
// would leave it: without the log after end, except for the files that badger
// itself has synced.
func copyAfterPowerCut(t testing.TB, from, to string, end position) {
	t.Helper()
	read := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join(from, name))
		if !os.IsNotExist(err) {
			require.NoError(t, err)
		}
		return data
	}
	// Compactions run meanwhile. If the manifest has not changed, the
	// tables that were copied belong together.
	for {
		manifest := read("MANIFEST")
		require.NoError(t, os.RemoveAll(to))
		require.NoError(t, os.Mkdir(to, 0o755))
		entries, err := os.ReadDir(from)
		require.NoError(t, err)
		for _, entry := range entries {
			if name := entry.Name(); name != "MANIFEST" {
				data := read(name)
				// Files of the log are mostly zeros, which need
				// no writing.
				path := filepath.Join(to, name)
				require.NoError(t, os.WriteFile(path, bytes.TrimRight(data, "\x00"), 0o644))
				require.NoError(t, os.Truncate(path, int64(len(data))))
			}
		}
		if bytes.Equal(manifest, read("MANIFEST")) {
			require.NoError(t, os.WriteFile(filepath.Join(to, "MANIFEST"), manifest, 0o644))
			break
		}
	}
	cutLog(t, to, end)
}

// cutLog zeros the newest file of the log from end on, or as a whole if it is
// newer than the file of end. The older files were synced.
func cutLog(t testing.TB, dir string, end position) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.vlog"))
	require.NoError(t, err)
	newest := files[len(files)-1]
	number, err := strconv.ParseUint(filepath.Base(newest)[:6], 10, 32)
	require.NoError(t, err)
	offset := end.offset
	if uint32(number) > end.file {
		offset = 0
	}
	info, err := os.Stat(newest)
	require.NoError(t, err)
	require.NoError(t, os.Truncate(newest, min(int64(offset), info.Size())))
	require.NoError(t, os.Truncate(newest, info.Size()))
}

func (s *store) SetFull(full bool) {
	s.full = full
	if full {
		s.open.SetFree(0)
	} else {
		s.open.SetFree(-1)
	}
}

func (s *store) FailSync(err error) { s.open.FailSync(err) }

func TestConformance(t *testing.T) {
	enginetest.Run(t, newStore(8<<20))
}

// With tables in memory this small, rare events happen all the time: tables are
// written to disk and compacted, files of the log end, batches straddle two
// tables.
func TestConformanceOfSmallTables(t *testing.T) {
	enginetest.Run(t, newStore(1<<20))
}

func TestRandomPrograms(t *testing.T) {
	for seed := range uint64(30) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			check(t, enginetest.RandomProgram(seed, 1000))
		})
	}
}

// Badger works in the background, so the coverage of a program varies. Fuzz
// with -fuzzminimizetime=1x, or all the time goes into minimizing programs that
// found nothing.
func FuzzEngine(f *testing.F) {
	for seed := range uint64(5) {
		f.Add([]byte(enginetest.RandomProgram(seed, 200)))
	}
	f.Fuzz(func(t *testing.T, program []byte) {
		check(t, program)
	})
}

// check runs a program in a bubble of testing/synctest, where badger's pauses
// cost no time.
func check(t *testing.T, program enginetest.Program) {
	synctest.Test(t, func(t *testing.T) {
		enginetest.Check(t, newStore(1<<20)(t), program)
	})
}
