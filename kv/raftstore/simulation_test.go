//go:debug randseednop=0

package raftstore_test

import (
	"time"

	"github.com/labkv/labkv/lab/check"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/lab/sim"
	"github.com/labkv/labkv/lab/sim/kvload"
	"github.com/labkv/labkv/lab/sim/storesim"
)

const ms = time.Millisecond

// linearizable checks what clients may rely on.
func linearizable(h *check.History) error { return check.Linearizable(h, 10*time.Second) }

// replicated is a scenario of stores that never compact their logs, and clients
// that share a few keys. Each test adds what goes wrong.
func replicated(claim graded.Claim, clients int) sim.Scenario {
	return sim.Scenario{
		Claim:   claim,
		Seeds:   20,
		System:  storesim.New(storesim.Options{}),
		Clients: sim.Clients(clients, kvload.PutsAndScans),
		Finally: sim.Clients(1, kvload.ReadEverything),
		For:     5 * time.Second,
		Check:   linearizable,
	}
}
