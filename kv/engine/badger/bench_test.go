//go:build cgo

package badger_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/engine/badger"
	"github.com/labkv/labkv/kv/engine/enginetest"
)

func BenchmarkEngine(b *testing.B) {
	enginetest.Benchmark(b, func(b *testing.B) engine.Engine {
		e, err := badger.Open(b.TempDir(), badger.Options{Families: engine.Families})
		if err != nil {
			b.Fatal(err)
		}
		return e
	})
}

// BenchmarkOpen opens an engine with little in it: most of its log is empty.
func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	var batch engine.Batch
	batch.Put(engine.CFDefault, []byte("key"), []byte("value"))
	for b.Loop() {
		e, err := badger.Open(dir, badger.Options{Families: engine.Families})
		require.NoError(b, err)
		b.StopTimer()
		require.NoError(b, e.Write(&batch, true))
		require.NoError(b, e.Close())
		b.StartTimer()
	}
}

// BenchmarkGroupCommit shows how many synced writes share a sync.
func BenchmarkGroupCommit(b *testing.B) {
	for _, writers := range []int{1, 4, 16, 64} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			e, err := badger.Open(b.TempDir(), badger.Options{Families: engine.Families})
			require.NoError(b, err)
			defer func() { require.NoError(b, e.Close()) }()
			syncs := e.CountSyncs()

			b.ResetTimer()
			var wg sync.WaitGroup
			for w := range writers {
				wg.Go(func() {
					var batch engine.Batch
					for i := w; i < b.N; i += writers {
						batch.Reset()
						batch.Put(engine.CFDefault, fmt.Appendf(nil, "key-%08d", i%100_000), make([]byte, 64))
						if err := e.Write(&batch, true); err != nil {
							b.Error(err)
						}
					}
				})
			}
			wg.Wait()
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "writes/s")
			b.ReportMetric(float64(syncs.Load())/float64(b.N), "syncs/write")
		})
	}
}
