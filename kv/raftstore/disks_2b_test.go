package raftstore_test

import (
	"testing"
	"time"

	"github.com/labkv/labkv/lab/dice"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/lab/sim"
	"github.com/labkv/labkv/lab/sim/storesim"
)

// TestDiskFull2B fills the disks of a store, and makes room again. While they
// are full the store can save nothing, so it can promise nothing. It must
// neither give up nor forget what it was about to do: it tries again.
func TestDiskFull2B(t *testing.T) {
	sc := replicated(graded.Claim{
		Text:   "a store whose disk is full promises nothing that it cannot save, and continues once there is room",
		Source: "doc.go: What is durable when",
	}, 3)
	sc.For = 3 * time.Second
	sc.Nemesis = everySoOften(900*ms, func(d *dice.Drawer, s sim.Setting) (sim.Fault, time.Duration) {
		who := dice.Pick(d, sim.TheLeader, sim.AFollower, d.Between(1, s.Stores))
		return sim.Fault{Kind: sim.DiskFull, Who: who}, d.Duration(20*ms, 1500*ms)
	})
	sc.Reach = []sim.Goal{storesim.DiskWasFull}
	sim.Test(t, sc)
}

// TestDiskFails2B makes single writes and syncs fail. After that the state of
// the disk is not known, and the store stops. It is started again, and takes
// part as before.
func TestDiskFails2B(t *testing.T) {
	sc := replicated(graded.Claim{
		Text:   "a store that could not write stops before it promises anything more",
		Source: "doc.go: What is durable when",
	}, 3)
	sc.For = 3 * time.Second
	sc.Nemesis = everySoOften(900*ms, func(d *dice.Drawer, s sim.Setting) (sim.Fault, time.Duration) {
		return sim.Fault{
			Kind: sim.CrashWrite, Who: dice.Pick(d, sim.TheLeader, sim.AFollower, d.Between(1, s.Stores)),
			Count: d.Between(1, 12), Point: dice.Pick(d, sim.FailWrite, sim.FailSync),
		}, d.Duration(100*ms, 1500*ms)
	})
	sc.Reach = []sim.Goal{sim.DiskFailed, sim.Exited, sim.Restarted}
	sim.Test(t, sc)
}
