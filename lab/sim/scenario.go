package sim

import (
	stderrors "errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
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
// If all the seeds that the scenario asks for were run, and no others, the goals
// must have been reached.
func Test(t *testing.T, sc Scenario) {
	t.Helper()
	reached := map[Goal]bool{}
	runs := 0
	graded.Seeds(t, sc.Claim, sc.Seeds, func(t *graded.T, seed uint64) uint64 {
		t.Helper()
		runs++
		return one(t, &sc, MakeSchedule(&sc, seed), reached)
	})
	conclude(t, &sc, runs, reached)
}

// one runs s, fails t if it fails, and adds the goals that it reached.
func one(t *graded.T, sc *Scenario, s Schedule, reached map[Goal]bool) (digest uint64) {
	t.Helper()
	out := Run(t.T, sc, s, traceDir() != "")
	t.SetDigest(out.Digest)
	if out.Failure != nil {
		explain(t, sc, s, out)
	}
	keepTrace(t, s, out)
	maps.Copy(reached, out.Reached)
	return out.Digest
}

// TestEveryWrite is Test for short scenarios. Each seed runs its schedule, and
// then again and again, so that a store crashes once at each of its writes to a
// disk: before it, after it but before it is acknowledged, and after that.
func TestEveryWrite(t *testing.T, sc Scenario) {
	t.Helper()
	reached := map[Goal]bool{}
	runs := 0
	graded.Seeds(t, sc.Claim, sc.Seeds, func(t *graded.T, seed uint64) uint64 {
		t.Helper()
		runs++
		s := MakeSchedule(&sc, seed)
		out := Run(t.T, &sc, s, false)
		t.SetDigest(out.Digest)
		if out.Failure != nil {
			explain(t, &sc, s, out)
		}
		digest := out.Digest
		for _, crash := range EveryWrite(s, out) {
			digest = dice.Mix(digest ^ one(t, &sc, crash, reached))
		}
		return digest
	})
	conclude(t, &sc, runs, reached)
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

// conclude checks that the goals of the scenario were reached, if that can be
// said of the seeds that were run.
func conclude(t *testing.T, sc *Scenario, runs int, reached map[Goal]bool) {
	t.Helper()
	if t.Failed() || t.Skipped() || runs != sc.Seeds ||
		os.Getenv("LABKV_SEED") != "" || os.Getenv("LABKV_SEEDS") != "" {
		return
	}
	if missed := missed(sc.Reach, reached); len(missed) > 0 {
		t.Fatalf("the test tests nothing: in none of %d runs did it come to pass that %s", runs, strings.Join(missed, ", or that "))
	}
}

// missed returns the goals that were not reached.
func missed(goals []Goal, reached map[Goal]bool) []string {
	var all []string
	for _, g := range goals {
		if !reached[g] {
			all = append(all, string(g))
		}
	}
	return all
}

// traceDir is where logs of runs are wanted, "" for nowhere.
func traceDir() string { return os.Getenv("LABKV_TRACE") }

// keepTrace writes the log of a run to the directory that LABKV_TRACE names.
func keepTrace(t *graded.T, s Schedule, out *Outcome) {
	t.Helper()
	if traceDir() == "" {
		return
	}
	test, _, _ := strings.Cut(t.Name(), "/")
	log := trace.Log{
		Header: trace.Header{
			Test: test, Seed: s.Seed, Stores: s.Setting.Stores, Clients: s.Setting.Clients,
			Digest: fmt.Sprintf("%016x", out.Digest), Schedule: strings.Split(s.String(), "\n"),
		},
		Events: out.Trace,
	}
	if out.Failure != nil {
		log.Header.Found, log.Header.Rule = out.Failure.String(), out.Failure.Rule
	}
	name := filepath.Join(traceDir(), fmt.Sprintf("%s-%d.jsonl", test, s.Seed))
	file, err := os.Create(name)
	if err == nil {
		_, err = log.WriteTo(file)
		err = stderrors.Join(err, file.Close())
	}
	if err != nil {
		t.Fatalf("cannot write the log of the run: %v", err)
	}
	graded.Explain(t, "trace", name)
}
