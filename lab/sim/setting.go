package sim

import (
	"fmt"
	"time"

	"github.com/labkv/labkv/lab/dice"
)

// A Setting is what holds for a whole run.
type Setting struct {
	// Stores is the number of machines that are stores, Beside are the machines of
	// other roles.
	Stores  int
	Beside  []Fleet
	Clients int

	// Tick is the time between two ticks of a clock that is right.
	Tick time.Duration
	// LatencyMin and LatencyMax bound how long a packet is on its way while
	// nothing is wrong.
	LatencyMin, LatencyMax time.Duration
	// SlowWork bounds how long slow work takes, until its result is handed over.
	SlowWork time.Duration
	// Disk bounds how long a sync of a disk or of a file takes. Another write takes up
	// to a fortieth of it. 0: no time.
	Disk time.Duration
	// Reorder has packets of a stream overtake each other.
	Reorder bool
	// ReportsLoss has senders hear of some of their lost packets.
	ReportsLoss bool

	// Span is when all faults end.
	Span time.Duration
}

// DefaultTick is the time between two ticks if a scenario does not say.
const DefaultTick = 50 * time.Millisecond

// drawSetting picks what the scenario leaves open. A run with few liberties
// reaches what a run with all of them does not, and the other way round: so the
// seed decides about each.
func drawSetting(d *dice.Drawer, sc *Scenario) Setting {
	s := Setting{
		Stores:      sc.Stores,
		Beside:      sc.Beside,
		Clients:     len(sc.Clients),
		Tick:        sc.Tick,
		LatencyMin:  dice.Pick[time.Duration](d, 100, 300, 1000) * time.Microsecond,
		SlowWork:    dice.Pick[time.Duration](d, 1, 20, 200) * time.Millisecond,
		Reorder:     d.Chance(0.3),
		ReportsLoss: d.Chance(0.5),
		Span:        sc.For,
	}
	s.LatencyMax = s.LatencyMin * dice.Pick[time.Duration](d, 1, 3, 20)
	if s.Stores == 0 {
		s.Stores = dice.Pick(d, 3, 3, 5)
	}
	if s.Tick == 0 {
		s.Tick = DefaultTick
	}
	// A disk as slow as the clock would leave no time for anything else.
	s.Disk = min(dice.Pick[time.Duration](d, 0, 0, 1, 5, 20)*time.Millisecond, s.Tick/2)
	return s
}

// String returns the setting as ParseSchedule reads it.
func (s Setting) String() string {
	beside := ""
	if len(s.Beside) > 0 {
		beside = " beside=" + printFleets(s.Beside)
	}
	return fmt.Sprintf("stores=%d%s clients=%d tick=%s latency=%s..%s slow-work=%s disk=%s reorder=%t reports-loss=%t span=%s",
		s.Stores, beside, s.Clients, s.Tick, s.LatencyMin, s.LatencyMax, s.SlowWork, s.Disk, s.Reorder, s.ReportsLoss, s.Span)
}
