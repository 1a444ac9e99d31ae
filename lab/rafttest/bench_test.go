package rafttest

import "testing"

// BenchmarkSchedule measures schedules of the largest test of each stage. One op
// is one schedule, with every invariant checked after every step.
func BenchmarkSchedule(b *testing.B) {
	for _, name := range []string{"RandomSchedulesOfThree2AC", "RandomSchedulesOfFive2AC", "RandomSchedulesWithSnapshots2C", "RandomSchedulesWithEverything3A"} {
		for _, s := range scheduledTests {
			if s.name != name {
				continue
			}
			b.Run(name, func(b *testing.B) {
				b.ReportAllocs()
				events := 0
				for seed := uint64(0); b.Loop(); seed++ {
					events += perform(reference{}, s.schedules(seed%100 + 1)[0]).events
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(events), "ns/event")
			})
		}
	}
}
