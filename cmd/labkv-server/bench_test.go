package main

import (
	"testing"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/engine/memory"
)

// What the metrics add to a pass that writes.
func BenchmarkMetrics(b *testing.B) {
	m := newMetrics(engineRaft)
	for _, measured := range []bool{false, true} {
		name := "without"
		if measured {
			name = "with"
		}
		b.Run(name, func(b *testing.B) {
			disk, err := memory.NewDisk().Open(engine.Families...)
			if err != nil {
				b.Fatal(err)
			}
			var e engine.Engine = disk
			pass := func(pass func()) { pass() }
			if measured {
				e, pass = m.engine(engineRaft, e), m.around
			}
			var batch engine.Batch
			batch.Put(engine.CFDefault, []byte("key"), []byte("value"))
			for b.Loop() {
				pass(func() {
					if err := e.Write(&batch, false); err != nil {
						b.Fatal(err)
					}
				})
			}
		})
	}
}
