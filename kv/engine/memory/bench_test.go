package memory_test

import (
	"testing"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/engine/enginetest"
	"github.com/labkv/labkv/kv/engine/memory"
)

func BenchmarkEngine(b *testing.B) {
	enginetest.Benchmark(b, func(b *testing.B) engine.Engine {
		e, err := memory.Open(memory.NewDisk(), engine.Families...)
		if err != nil {
			b.Fatal(err)
		}
		return e
	})
}
