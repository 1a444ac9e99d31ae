package enginetest

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"

	"github.com/labkv/labkv/kv/engine"
)

const (
	benchKeys  = 10_000
	benchValue = 64
)

// Benchmark measures engines. open returns an empty engine with
// engine.Families, which Benchmark closes.
func Benchmark(b *testing.B, open func(b *testing.B) engine.Engine) {
	keys := benchmarkKeys()
	value := make([]byte, benchValue)

	// run measures f on an engine that holds keys in the default family.
	run := func(name string, f func(b *testing.B, e engine.Engine)) {
		b.Run(name, func(b *testing.B) {
			e := open(b)
			defer func() { fatal(b, e.Close()) }()
			var fill engine.Batch
			for _, k := range keys {
				fill.Put(engine.CFDefault, k, value)
			}
			fatal(b, e.Write(&fill, true))
			b.ReportAllocs()
			f(b, e)
		})
	}

	for _, size := range []int{1, 100} {
		for _, sync := range []bool{false, true} {
			run(fmt.Sprintf("Write/batch=%d/sync=%t", size, sync), func(b *testing.B, e engine.Engine) {
				var batch engine.Batch
				for i := 0; b.Loop(); {
					batch.Reset()
					for range size {
						batch.Put(engine.CFDefault, keys[i%len(keys)], value)
						i++
					}
					fatal(b, e.Write(&batch, sync))
				}
				b.ReportMetric(float64(size*b.N)/b.Elapsed().Seconds(), "puts/s")
			})
		}
	}

	for _, writers := range []int{1, 16, 64} {
		run("WriteSynced/writers="+strconv.Itoa(writers), func(b *testing.B, e engine.Engine) {
			var wg sync.WaitGroup
			next := make(chan int, writers)
			for range writers {
				wg.Go(func() {
					var batch engine.Batch
					for i := range next {
						batch.Reset()
						batch.Put(engine.CFDefault, keys[i%len(keys)], value)
						if err := e.Write(&batch, true); err != nil {
							b.Error(err)
						}
					}
				})
			}
			for i := 0; b.Loop(); i++ {
				next <- i
			}
			close(next)
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "writes/s")
		})
	}

	run("Get/hit", func(b *testing.B, e engine.Engine) {
		for i := 0; b.Loop(); i++ {
			_, found, err := e.Get(engine.CFDefault, keys[i%len(keys)])
			fatal(b, err)
			if !found {
				b.Fatal("key is missing")
			}
		}
	})
	run("Get/miss", func(b *testing.B, e engine.Engine) {
		for i := 0; b.Loop(); i++ {
			_, _, err := e.Get(engine.CFLock, keys[i%len(keys)])
			fatal(b, err)
		}
	})
	run("Snapshot", func(b *testing.B, e engine.Engine) {
		for b.Loop() {
			s, err := e.Snapshot()
			fatal(b, err)
			fatal(b, s.Close())
		}
	})
	run("Snapshot/get", func(b *testing.B, e engine.Engine) {
		s, err := e.Snapshot()
		fatal(b, err)
		for i := 0; b.Loop(); i++ {
			_, _, err := s.Get(engine.CFDefault, keys[i%len(keys)])
			fatal(b, err)
		}
		fatal(b, s.Close())
	})
	run("Snapshot/after=write", func(b *testing.B, e engine.Engine) {
		var batch engine.Batch
		for i := 0; b.Loop(); i++ {
			batch.Reset()
			batch.Put(engine.CFDefault, keys[i%len(keys)], value)
			fatal(b, e.Write(&batch, false))
			s, err := e.Snapshot()
			fatal(b, err)
			fatal(b, s.Close())
		}
	})
	for _, length := range []int{1, 100} {
		run(fmt.Sprintf("Snapshot/iterate=%d", length), func(b *testing.B, e engine.Engine) {
			for i := 0; b.Loop(); i++ {
				s, err := e.Snapshot()
				fatal(b, err)
				it, err := s.Iterate(engine.CFDefault, engine.Range{Start: keys[i%(len(keys)/2)]})
				fatal(b, err)
				n := 0
				for it.Seek(nil); it.Valid() && n < length; it.Next() {
					if len(it.Key()) == 0 || len(it.Value()) != benchValue {
						b.Fatal("wrong entry")
					}
					n++
				}
				fatal(b, it.Close())
				fatal(b, s.Close())
			}
		})
	}
}

// benchmarkKeys returns keys in random order, always the same.
func benchmarkKeys() [][]byte {
	rng := rand.New(rand.NewPCG(1, 2))
	keys := make([][]byte, benchKeys)
	for i, n := range rng.Perm(benchKeys) {
		keys[i] = fmt.Appendf(nil, "key-%010d", n)
	}
	return keys
}

func fatal(b *testing.B, err error) {
	if err != nil {
		b.Helper()
		b.Fatal(err)
	}
}
