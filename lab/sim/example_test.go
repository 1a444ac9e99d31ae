package sim_test

import (
	"testing"
	"time"

	"github.com/labkv/labkv/lab/check"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/lab/sim"
	"github.com/labkv/labkv/lab/sim/kvload"
	"github.com/labkv/labkv/lab/sim/storesim"
)

// A test runs the replicated store on three machines, whose leader loses its
// connection again and again while clients put and scan the same few keys.
func ExampleTest() {
	var t *testing.T // of the test function
	sim.Test(t, sim.Scenario{
		Claim: graded.Claim{
			Text:   "what a client sees could have happened on one machine, whoever leads",
			Source: "thesis §6.3, §6.4",
		},
		Seeds:   20,
		System:  storesim.New(storesim.Options{}),
		Stores:  3,
		Clients: sim.Clients(4, kvload.PutsAndScans),
		Finally: sim.Clients(1, kvload.ReadEverything),
		Nemesis: sim.IsolateLeaders(2 * time.Second),
		For:     10 * time.Second,
		Check:   func(h *check.History) error { return check.Linearizable(h, 10*time.Second) },
		Reach:   []sim.Goal{sim.LeaderDeposed},
	})
}
