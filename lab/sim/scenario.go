package sim

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/labkv/labkv/lab/check"
	"github.com/labkv/labkv/lab/dice"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/lab/trace"
)

// A Scenario is what a test is about.
type Scenario struct {
	// Claim is the guarantee that the system is held to.
	Claim graded.Claim
	// Seeds is how many schedules are run unless others are asked for.
	Seeds int

	// System makes what runs on the machines, new for each run.
	System func(w *World) System
	// Stores is the number of stores; 0 leaves it to the seed. Beside are machines of
	// other roles.
	Stores int
	Beside []Fleet
	// Tick is the time between two ticks of a store's clock, DefaultTick if 0.
	Tick time.Duration

	// Clients work from the beginning. Finally have their turn once everything
	// has recovered; they look whether all is there.
	Clients []Client
	Finally []Client

	// Nemesis makes what goes wrong; nil for nothing.
	Nemesis Nemesis
	// For is how long things go wrong and clients begin something new.
	For time.Duration

	// NoCore leaves out the core phase, for clients that need every store once
	// things have stopped going wrong.
	NoCore bool

	// Check checks what the clients saw, nil for not.
	Check func(h *check.History) error

	// Reach are situations that some of the seeds must get into.
	Reach []Goal
}

// Test runs a scenario with each seed, as a graded test. A failure is run again
// to see whether it replays, and its schedule made as small as it gets.
//
// Some of the seeds must reach each goal of the scenario.
func Test(t *testing.T, sc Scenario) {
	t.Helper()
	graded.Seeds(t, sc.Claim, sc.Seeds, func(t *graded.T, seed uint64) uint64 {
		t.Helper()
		return one(t, &sc, MakeSchedule(&sc, seed))
	})
}

// one runs s, fails t if it fails, and states which goals it reached.
func one(t *graded.T, sc *Scenario, s Schedule) (digest uint64) {
	t.Helper()
	out := Run(t.T, sc, s, trace.Wants(false))
	t.SetDigest(out.Digest)
	if out.Failure != nil {
		explain(t, sc, s, out)
	}
	keepTrace(t, s, out)
	for _, g := range sc.Reach {
		t.Goal(string(g), out.Reached[g])
	}
	return out.Digest
}

// TestEveryWrite is Test for short scenarios. Each seed runs its schedule, and
// then again and again, so that a store crashes once at each of its writes to a
// disk: before it, after it but before it is acknowledged, and after that.
func TestEveryWrite(t *testing.T, sc Scenario) {
	t.Helper()
	testEach(t, sc, EveryWrite)
}

// TestEveryCall is Test for short scenarios. Each seed runs its schedule, and then again
// and again, so that a client comes to grief once at each of its calls: it crashes before
// the call, or when the request is on its way, or stands still before it for LongPause.
func TestEveryCall(t *testing.T, sc Scenario) {
	t.Helper()
	testEach(t, sc, EveryCall)
}

// testEach runs the schedule of each seed, and then those that vary makes of it.
func testEach(t *testing.T, sc Scenario, vary func(Schedule, *Outcome) []Schedule) {
	t.Helper()
	graded.Seeds(t, sc.Claim, sc.Seeds, func(t *graded.T, seed uint64) uint64 {
		t.Helper()
		s := MakeSchedule(&sc, seed)
		out := Run(t.T, &sc, s, false)
		t.SetDigest(out.Digest)
		if out.Failure != nil {
			explain(t, &sc, s, out)
		}
		digest := out.Digest
		for _, varied := range vary(s, out) {
			digest = dice.Mix(digest ^ one(t, &sc, varied))
		}
		return digest
	})
}

// EveryWrite returns schedules that are s with one more fault: the crash of a store,
// which the seed chooses, at one of the writes that it did in the run of s that had the
// outcome out. Each write and each point has one schedule.
func EveryWrite(s Schedule, out *Outcome) []Schedule {
	var all []Schedule
	d := dice.NewDrawer(dice.Dice(s.Seed), askTarget, 0)
	store := d.Between(1, s.Setting.Stores)
	for n := range out.Writes[store-1] {
		for p := CrashBefore; p <= CrashAfter; p++ {
			one := s
			one.Faults = append(slices.Clone(s.Faults), Fault{
				Kind: CrashWrite, Who: store, Count: int(n) + 1, Point: p, ID: len(s.Faults) + 1,
				Delay: 5 * s.Setting.Tick, Until: s.Setting.Span,
			})
			all = append(all, one)
		}
	}
	return all
}

// LongPause is long enough for others to think that a client is dead: in kv/client, the
// locks of a transaction live for less.
const LongPause = 4 * time.Second

// EveryCall returns schedules that are s with one more fault: the crash of a client, which
// the seed chooses, or its pause, at one of the calls that it made in the run of s that had
// the outcome out.
func EveryCall(s Schedule, out *Outcome) []Schedule {
	var all []Schedule
	d := dice.NewDrawer(dice.Dice(s.Seed), askTarget, 0)
	client := d.Between(1, s.Setting.Clients)
	for n := range out.Calls[client-1] {
		for _, f := range []Fault{
			{Kind: CrashClient, Point: CrashBefore}, {Kind: CrashClient, Point: CrashUnacknowledged}, {Kind: PauseClient, Delay: LongPause},
		} {
			f.Role, f.Who, f.Count, f.ID, f.Until = ClientRole, client, int(n)+1, len(s.Faults)+1, s.Setting.Span
			one := s
			one.Faults = append(slices.Clone(s.Faults), f)
			all = append(all, one)
		}
	}
	return all
}

// keepTrace writes the log of a run to where it is wanted.
func keepTrace(t *graded.T, s Schedule, out *Outcome) {
	t.Helper()
	test, _, _ := strings.Cut(t.Name(), "/")
	log := trace.Log{
		Header: trace.Header{
			Test: test, Seed: s.Seed, Machines: castOf(s.Setting), Clients: clientsIn(out.Trace),
			Digest: fmt.Sprintf("%016x", out.Digest), Schedule: strings.Split(s.String(), "\n"),
		},
		Events: out.Trace,
	}
	if f := out.Failure; f != nil {
		log.Header.Found, log.Header.Rule = f.String(), f.Rule
		if fate := fate(f, out.Trace); fate != "" {
			log.Header.Fate = strings.Split(fate, "\n")
		}
	}
	name, err := log.Keep(out.Failure != nil)
	if err != nil {
		// The log is a help: that there is none must not hide what the run has found.
		name = fmt.Sprintf("none: %v", err)
	}
	if name != "" {
		graded.Explain(t, graded.TraceSection, name)
	}
}

// clientsIn returns the number of clients in a log: those of the scenario, and those that
// look at the end whether all is well.
func clientsIn(events []trace.Event) int {
	most := uint64(0)
	for i := range events {
		most = max(most, events[i].Client)
	}
	return int(most)
}

// castOf returns the machines of a run.
func castOf(s Setting) []trace.Machine {
	var all []trace.Machine
	for _, f := range s.fleets() {
		for range f.Machines {
			all = append(all, trace.Machine{ID: uint64(len(all)) + 1, Role: string(f.Role)})
		}
	}
	return all
}
