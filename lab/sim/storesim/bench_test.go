//go:debug randseednop=0

package storesim_test

import (
	"testing"
	"time"

	"github.com/labkv/labkv/lab/check"
	"github.com/labkv/labkv/lab/sim"
	"github.com/labkv/labkv/lab/sim/kvload"
	"github.com/labkv/labkv/lab/sim/storesim"
)

// BenchmarkScenario runs 15 virtual seconds of five stores and five clients, with
// partitions, loss and crashes, and with logs that are compacted and snapshots that
// are sent. The history is checked.
func BenchmarkScenario(b *testing.B) {
	sc := sim.Scenario{
		System:  storesim.New(storesim.Options{MaxLogEntries: 100}),
		Stores:  5,
		Clients: sim.Clients(5, kvload.PutsAndScans),
		Finally: sim.Clients(1, kvload.ReadEverything),
		Nemesis: sim.Together(sim.RandomPartitions(3*time.Second), sim.Unreliable(), sim.Crashes(3*time.Second)),
		For:     15 * time.Second,
		Check:   func(h *check.History) error { return check.Linearizable(h, time.Minute) },
	}
	// A bubble needs a *testing.T.
	testing.RunTests(func(string, string) (bool, error) { return true, nil }, []testing.InternalTest{{Name: b.Name(), F: func(t *testing.T) {
		events, virtual, operations := 0, 0.0, 0
		b.ReportAllocs()
		b.ResetTimer()
		for i := range b.N {
			out := sim.Run(t, &sc, sim.MakeSchedule(&sc, uint64(i%20)+1), false)
			if out.Failure != nil {
				b.Fatal(out.Failure)
			}
			events += out.Events
			operations += len(out.History.Operations())
			virtual += out.Took.Seconds()
		}
		real := b.Elapsed().Seconds()
		b.ReportMetric(virtual/real, "virtual-s/s")
		b.ReportMetric(float64(events)/real, "events/s")
		b.ReportMetric(float64(operations)/float64(b.N), "operations/run")
	}}})
}
