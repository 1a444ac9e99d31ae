//go:debug randseednop=0

package sim_test

import (
	"context"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/check"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/lab/sim"
	"github.com/labkv/labkv/lab/sim/kvload"
	"github.com/labkv/labkv/lab/trace"
)

// The bodies below run in processes of their own, started by child.
var bodies = map[string]func(t *testing.T){
	"TestExplained": func(t *testing.T) {
		sc := scenario(readsLocally)
		sc.Nemesis = sim.Together(sim.IsolateLeaders(2*time.Second), sim.Crashes(3*time.Second))
		sim.Test(t, sc)
	},
	"TestNondeterministic": func(t *testing.T) {
		sc := scenario(dependsOnMaps)
		sc.Check = func(*check.History) error { return &check.Violation{Rule: "something", Found: "something is wrong"} }
		sim.Test(t, sc)
	},
	"TestNeverAnsweredAndWrong": func(t *testing.T) {
		sc := scenario(forgetsAnswer)
		sc.Check = func(*check.History) error { return &check.Violation{Rule: "something", Found: "a promise is broken"} }
		sim.Test(t, sc)
	},
	"TestNotImplemented": func(t *testing.T) { sim.Test(t, scenario(notImplemented)) },
	"TestNeverAnswered":  func(t *testing.T) { sim.Test(t, scenario(forgetsAnswer)) },
	"TestNoGoal": func(t *testing.T) {
		sc := scenario(none)
		sc.Seeds, sc.Nemesis, sc.Reach = 2, nil, []sim.Goal{sim.MessageRepeated, "pigs fly"}
		sim.Test(t, sc)
	},
	"TestUndecided": func(t *testing.T) {
		sc := scenario(none)
		sc.Check = func(*check.History) error {
			return &check.Violation{Rule: check.RuleUndecided, Undecided: true, Found: "not decided"}
		}
		sim.Test(t, sc)
	},
}

// TestMain runs one of bodies if child asks for it.
func TestMain(m *testing.M) {
	if name := os.Getenv("SIM_CHILD"); name != "" {
		testing.Main(func(string, string) (bool, error) { return true, nil },
			[]testing.InternalTest{{Name: name, F: bodies[name]}}, nil, nil)
		return
	}
	os.Exit(m.Run())
}

// childBound is how long, in real time, the process of a body may take. It needs a few
// seconds.
const childBound = 3 * time.Minute

// child runs a body in a new process and returns what it printed, and whether it
// exited with status 0.
func child(t *testing.T, name string, env ...string) (output string, ok bool) {
	require.Contains(t, bodies, name)
	ctx, cancel := context.WithTimeout(t.Context(), childBound)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(append(os.Environ(), "LABKV_REPORT=", "SIM_CHILD="+name), env...)
	out, err := cmd.CombinedOutput()
	require.NoError(t, ctx.Err(), "the process for %s has not ended after %v:\n%s", name, childBound, out)
	return string(out), err == nil
}

func linearizable(h *check.History) error { return check.Linearizable(h, 10*time.Second) }

// scenario is one with everything going wrong, for a register with a flaw.
func scenario(f flaw) sim.Scenario {
	const ms = time.Millisecond
	return sim.Scenario{
		Claim:   graded.Claim{Text: "the register is linearizable whatever happens", Source: "the contract"},
		Seeds:   20,
		System:  newCluster(f),
		Clients: append(sim.Clients(4, kvload.PutsAndScans), kvload.Gets),
		Finally: sim.Clients(1, kvload.ReadEverything),
		Nemesis: sim.Swarm(
			sim.RandomPartitions(1200*ms),
			sim.IsolateLeaders(2000*ms),
			sim.Unreliable(),
			sim.UnreliableClients(),
			sim.Crashes(1800*ms),
			sim.CrashesWhileWriting(1500*ms),
			sim.SlowLinks(1600*ms),
			sim.WrongClocks(1400*ms),
		),
		For:   5 * time.Second,
		Check: linearizable,
		Reach: []sim.Goal{
			sim.MessageLost, sim.MessageRepeated, sim.Crashed, sim.CrashedWriting, sim.LeaderCrashed,
			sim.LeaderDeposed, sim.Restarted, sim.RequestLost, sim.ReplyLost, sim.UnknownOutcome,
		},
	}
}

func TestRegister(t *testing.T) { sim.Test(t, scenario(none)) }

// What a solution does in the order of a map makes no difference to a run.
func TestReplay(t *testing.T) {
	for seed := uint64(1); seed <= 10; seed++ {
		var digests []uint64
		for _, f := range []flaw{none, none, shuffles, shuffles} {
			sc := scenario(f)
			out := sim.Run(t, &sc, sim.MakeSchedule(&sc, seed), false)
			require.Nil(t, out.Failure, "seed %d: %v", seed, out.Failure)
			digests = append(digests, out.Digest)
		}
		require.Equal(t, []uint64{digests[0], digests[0], digests[0], digests[0]}, digests, "seed %d", seed)
	}
}

// fails runs seeds until one fails, and returns it with its outcome.
func fails(t *testing.T, sc *sim.Scenario, seeds uint64) (sim.Schedule, *sim.Outcome) {
	for seed := uint64(1); seed <= seeds; seed++ {
		s := sim.MakeSchedule(sc, seed)
		if out := sim.Run(t, sc, s, true); out.Failure != nil {
			t.Logf("seed %d: %v", seed, out.Failure)
			return s, out
		}
	}
	require.FailNow(t, "no seed fails")
	return sim.Schedule{}, nil
}

func TestFlaws(t *testing.T) {
	for _, c := range []struct {
		flaw  flaw
		rule  string
		found string
	}{
		{readsLocally, check.RuleLinearizable, "was read as"},
		{answersEarly, check.RuleLinearizable, "acknowledged at"},
		{doesNotSync, "", ""},
		{answersTwice, check.RuleAnswers, "was answered twice"},
		{waitsForAll, "a majority that is well serves its clients", "became well and stayed well, client"},
		{forgetsAnswer, "recovers", "client"},
		{panics, "panic", "): a broken invariant"},
		{waitsForever, "blocked", "register).misbehave"},
		{leaksGoroutines, "leak", "sim_test.leak"},
		{chatters, "the stores make progress", "without a single request of a client being served; the last were messages from store"},
		{neverIdle, "idle", "does not run out of work"},
	} {
		t.Run(strings.ReplaceAll(string(c.flaw), " ", "-"), func(t *testing.T) {
			sc := scenario(c.flaw)
			switch c.flaw {
			case waitsForAll:
				sc.Nemesis = nil // it is only the core phase that shows it
			case forgetsAnswer:
				sc.NoCore = true
			case readsLocally:
				sc.Nemesis = sim.IsolateLeaders(2 * time.Second)
			}
			_, out := fails(t, &sc, 40)
			if c.rule != "" {
				require.Equal(t, c.rule, out.Failure.Rule)
			}
			require.Contains(t, out.Failure.Found, c.found)
			if c.flaw == panics {
				first, _, _ := strings.Cut(out.Failure.Stack, "\n")
				require.Contains(t, first, "(*register).misbehave")
			}
		})
	}
}

// A process that has crashed may panic as it likes.
func TestPanicAfterCrash(t *testing.T) {
	sc := scenario(panicsWhenDead)
	sc.Nemesis = sim.CrashesWhileWriting(200 * time.Millisecond)
	out := sim.Run(t, &sc, sim.MakeSchedule(&sc, 1), false)
	require.Nil(t, out.Failure, "%v", out.Failure)
	require.True(t, out.Reached[sim.CrashedWriting])
}

func TestMinimize(t *testing.T) {
	sc := scenario(readsLocally)
	sc.Nemesis = sim.Together(sim.IsolateLeaders(2*time.Second), sim.Crashes(900*time.Millisecond), sim.Unreliable())
	s, out := fails(t, &sc, 20)
	small, least, complete := sim.Minimize(t, &sc, s, out)
	require.True(t, complete)
	require.Equal(t, out.Failure.Rule, least.Failure.Rule)
	require.Less(t, len(small.Faults), len(s.Faults))
	t.Logf("%d faults, of them needed:\n%v", len(s.Faults), small)

	// It is data: what was printed is what is run.
	parsed, err := sim.ParseSchedule(small.String())
	require.NoError(t, err)
	require.Equal(t, small, parsed)
	require.Equal(t, least.Digest, sim.Run(t, &sc, parsed, false).Digest)
	for i := range small.Faults {
		without := small
		without.Faults = append(append([]sim.Fault{}, small.Faults[:i]...), small.Faults[i+1:]...)
		o := sim.Run(t, &sc, without, false)
		require.False(t, o.Failure != nil && o.Failure.Rule == least.Failure.Rule, "%v could be left out", small.Faults[i])
	}
}

// A failure is explained: what broke, what became of the request, the smallest
// schedule, and whether it replays.
func TestExplain(t *testing.T) {
	dir := t.TempDir()
	out, ok := child(t, "TestExplained", "LABKV_TRACE="+dir)
	require.False(t, ok)
	for _, want := range []string{
		"    guarantee   the register is linearizable whatever happens",
		"    found       at ",
		"was read as",
		"    broken      linearizable",
		"    fate        operations on key",
		"    schedule    seed=",
		"isolate leader",
		"(minimized from ",
		"    again       replays exactly",
		"make replay TEST=TestExplained SEED=",
	} {
		require.Contains(t, out, want)
	}
	logs, err := filepath.Glob(filepath.Join(dir, "TestExplained-*.jsonl"))
	require.NoError(t, err)
	require.NotEmpty(t, logs)
	for _, name := range logs {
		file, err := os.Open(name)
		require.NoError(t, err)
		log, err := trace.Read(file)
		require.NoError(t, err)
		require.NoError(t, file.Close())
		require.NotEmpty(t, log.Events)
		require.Equal(t, "TestExplained", log.Header.Test)
		require.NotEmpty(t, log.Header.Machines)
		requireViolation(t, log)
	}

	// Only a failure leaves its log if no other one is asked for.
	dir = t.TempDir()
	for test, logs := range map[string]int{"TestExplained": 1, "TestNoGoal": 0} {
		dir := filepath.Join(dir, test)
		_, ok = child(t, test, trace.FailuresVariable+"="+dir, "LABKV_SEED=1")
		require.Equal(t, logs == 0, ok)
		kept, err := filepath.Glob(filepath.Join(dir, "*"))
		require.NoError(t, err)
		require.Len(t, kept, logs)
	}

	// Where none can be left, the failure is what it was.
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o644))
	out, ok = child(t, "TestExplained", trace.FailuresVariable+"="+file, "LABKV_SEED=1")
	require.False(t, ok)
	require.Contains(t, out, "    found       at ")
	require.Contains(t, out, "    trace       none: mkdir "+file+": not a directory")

	out, ok = child(t, "TestNeverAnswered")
	require.False(t, ok)
	require.Contains(t, out, "still waits for")
	require.Contains(t, out, "    fate        ")
	require.Contains(t, out, "call #")
}

// requireViolation requires that the log of a run that failed says where.
func requireViolation(t *testing.T, log *trace.Log) {
	t.Helper()
	var found []trace.Event
	for i, e := range log.Events {
		if i > 0 {
			require.GreaterOrEqual(t, e.At, log.Events[i-1].At)
		}
		if e.Kind == trace.Violation {
			found = append(found, e)
		}
	}
	if log.Header.Found == "" {
		require.Empty(t, found)
		return
	}
	require.Len(t, found, 1)
	require.Contains(t, log.Header.Found, found[0].Text)
	require.NotEmpty(t, log.Header.Fate)
}

// What does not go on hides no promise that was broken before.
func TestGravestIsReported(t *testing.T) {
	out, ok := child(t, "TestNeverAnsweredAndWrong")
	require.False(t, ok)
	require.Contains(t, out, "a promise is broken")
	require.NotContains(t, out, "still waits for")
}

func TestNondeterminism(t *testing.T) {
	out, ok := child(t, "TestNondeterministic")
	require.False(t, ok, "a system that loses messages at random")
	require.Contains(t, out, "your code is nondeterministic here: event ")
}

func TestNotImplemented(t *testing.T) {
	out, ok := child(t, "TestNotImplemented")
	require.False(t, ok)
	require.Contains(t, out, "not implemented: (*register).misbehave; stage 9")
}

// A test that tests nothing, and a check that does not come to an end, are
// failures of the harness.
func TestHarnessFailures(t *testing.T) {
	out, ok := child(t, "TestNoGoal")
	require.False(t, ok)
	require.Contains(t, out, "in none of its 2 runs did this happen: a message arrived twice")
	_, ok = child(t, "TestNoGoal", "LABKV_SEED=1")
	require.True(t, ok, "one seed need not reach every goal")

	out, ok = child(t, "TestUndecided")
	require.False(t, ok)
	require.Contains(t, out, "harness     the test itself failed")
}

func TestWaitingForLock(t *testing.T) {
	defer sim.SetPatience(time.Second / 2)()
	sc := scenario(locksTwice)
	_, out := fails(t, &sc, 5)
	require.Equal(t, "blocked", out.Failure.Rule)
	require.Contains(t, out.Failure.Found, "(*register).misbehave")
}

// The register survives a crash at each of its writes; one that does not sync
// does not.
func TestEveryWrite(t *testing.T) {
	for _, c := range []struct {
		flaw  flaw
		fails bool
	}{{none, false}, {doesNotSync, true}} {
		sc := scenario(c.flaw)
		sc.Nemesis, sc.For, sc.Stores, sc.Clients = nil, time.Second, 3, sim.Clients(1, kvload.PutsAndScans)
		s := sim.MakeSchedule(&sc, 1)
		clean := sim.Run(t, &sc, s, false)
		require.Nil(t, clean.Failure)
		schedules := sim.EveryWrite(s, clean)
		require.Greater(t, len(schedules), 30)
		failures, crashes := 0, 0
		for _, s := range schedules {
			out := sim.Run(t, &sc, s, false)
			if out.Reached[sim.CrashedWriting] {
				crashes++
			}
			if out.Failure != nil {
				failures++
				if !c.fails {
					require.Fail(t, out.Failure.Found, s.String())
				}
			}
		}
		require.Equal(t, len(schedules), crashes)
		require.Equal(t, c.fails, failures > 0)
	}
}

// A disk that fails or is full costs time, and nothing else.
func TestDiskFailures(t *testing.T) {
	reached := map[sim.Goal]bool{}
	for seed := uint64(1); seed <= 15; seed++ {
		sc := scenario(none)
		sc.Nemesis = sim.DiskFailures(500 * time.Millisecond)
		out := sim.Run(t, &sc, sim.MakeSchedule(&sc, seed), false)
		require.Nil(t, out.Failure, "seed %d: %v", seed, out.Failure)
		maps.Copy(reached, out.Reached)
	}
	require.True(t, reached[sim.DiskFailed])
	require.True(t, reached[diskFull])
}
