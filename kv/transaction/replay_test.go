package transaction_test

import (
	"flag"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/lab/sim"
)

var (
	replaySeeds = flag.Int("seeds", 10, "`number` of schedules that TestRunsReplay runs twice")
	replayFrom  = flag.Uint64("from", 1, "`seed` of the first of these schedules")
)

// The same seed gives the same run, with several clients whose transactions wait for each
// other, and crash. In the second run stores send the messages of one moment in any order,
// and the log of the run is kept.
func TestRunsReplay(t *testing.T) {
	scenario := func(disorder bool) *sim.Scenario {
		sc := anythingHappens(graded.Claim{})
		sc.System = spread(disorder)
		return &sc
	}
	for seed := *replayFrom; seed < *replayFrom+uint64(*replaySeeds); seed++ {
		s := sim.MakeSchedule(scenario(false), seed)
		first := sim.Run(t, scenario(false), s, false)
		require.Nil(t, first.Failure, "%v\n%v", first.Failure, s)
		second := sim.Run(t, scenario(true), s, true)
		require.Equal(t, first.Digest, second.Digest, "seed %d: two runs differ", seed)
		require.Equal(t, first.Events, second.Events, "seed %d: two runs differ", seed)
		require.Equal(t, first.Reached, second.Reached, "seed %d: two runs differ", seed)
	}
}
