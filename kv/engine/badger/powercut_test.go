//go:build cgo

package badger_test

import (
	"fmt"
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

// TestPowerCut cuts the power while batches straddle tables in memory. It loses
// the unsynced end of the log, from any byte on, but keeps the tables that were
// written from it. Only then can a batch be torn.
func TestPowerCut(t *testing.T) {
	intents := 0
	for seed := range uint64(6) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { intents += powerCut(t, seed) })
		})
	}
	require.NotZero(t, intents, "no batch could have straddled two tables")
}

func powerCut(t *testing.T, seed uint64) (intents int) {
	const memTableSize = 1 << 20
	rng := rand.New(rand.NewPCG(seed, 3))
	opt := badger.Options{Families: engine.Families, MemTableSize: memTableSize}
	dir := t.TempDir()
	n, tries := 0, 0
	for range 3 {
		e, err := badger.Open(dir, opt)
		require.NoError(t, err)
		n = enginetest.RequireNumbered(t, e, 0, n)
		synced := n
		for i := 10 + rng.IntN(50); i > 0; i-- {
			n++
			sync := rng.IntN(40) == 0
			require.NoError(t, e.Write(enginetest.Numbered(n, rng.IntN(60_000)), sync))
			if sync {
				synced = n
			}
			if e.Intended() {
				intents++
			}
			if e.Intended() || i == 1 {
				// Wait until badger has written the tables that
				// it is about to write, then lose the end of
				// the log.
				synctest.Wait()
				if tries++; tries <= 12 {
					n := n
					cut := t.TempDir()
					copyAfterPowerCut(t, dir, cut, cutPoint(rng, e))
					e, err := badger.Open(cut, opt)
					require.NoError(t, err)
					n = enginetest.RequireNumbered(t, e, synced, n)
					// The engine that survived accepts
					// further batches.
					require.NoError(t, e.Write(enginetest.Numbered(n+1, 0), true))
					require.NoError(t, e.Close())
					e, err = badger.Open(cut, opt)
					require.NoError(t, err)
					enginetest.RequireNumbered(t, e, n+1, n+1)
					require.NoError(t, e.Close())
				}
			}
		}
		cut := t.TempDir()
		copyAfterPowerCut(t, dir, cut, cutPoint(rng, e))
		require.NoError(t, e.Close())
		dir = cut
	}
	return intents
}

// cutPoint returns a random position in the log between its synced end and its
// end.
func cutPoint(rng *rand.Rand, e *badger.Engine) position {
	file, from := e.SyncedEnd()
	last, to := e.LogEnd()
	if last > file {
		from = 0 // the older files were synced
	}
	return position{last, from + uint32(rng.IntN(int(to-from)+1))}
}

// TestTornTail puts garbage into the unsynced end of the log, as a power cut
// may if the file system has allocated blocks but not written them.
func TestTornTail(t *testing.T) {
	for seed := range uint64(8) {
		synctest.Test(t, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 4))
			dir, cut := t.TempDir(), t.TempDir()
			opt := badger.Options{Families: engine.Families, MemTableSize: 1 << 20}
			e, err := badger.Open(dir, opt)
			require.NoError(t, err)
			const n = 20
			for i := 1; i <= n; i++ {
				require.NoError(t, e.Write(enginetest.Numbered(i, 100), i <= n/2))
			}
			file, synced := e.SyncedEnd()
			_, end := e.LogEnd()
			copyAfterPowerCut(t, dir, cut, position{file, end})
			require.NoError(t, e.Close())

			// A part of the unsynced end becomes garbage.
			path := filepath.Join(cut, filepath.Base(badger.LogPath(dir, file)))
			f, err := os.OpenFile(path, os.O_RDWR, 0)
			require.NoError(t, err)
			at := int64(synced) + int64(rng.IntN(int(end-synced)))
			garbage := make([]byte, 1+rng.IntN(50))
			for i := range garbage {
				garbage[i] = byte(rng.Uint32())
			}
			_, err = f.WriteAt(garbage, at)
			require.NoError(t, err)
			require.NoError(t, f.Close())

			survived := n
			for range 3 {
				e, err = badger.Open(cut, opt)
				require.NoError(t, err)
				survived = enginetest.RequireNumbered(t, e, n/2, survived)
				// Write another batch and crash: no batch that
				// was cut off may come back after it.
				survived++
				require.NoError(t, e.Write(enginetest.Numbered(survived, 100), false))
				next := t.TempDir()
				file, end := e.LogEnd()
				copyAfterPowerCut(t, cut, next, position{file, end})
				require.NoError(t, e.Close())
				cut = next
			}
		})
	}
}
