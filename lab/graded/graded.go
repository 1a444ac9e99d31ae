// Package graded is the half of grading that lives inside a test binary: a
// graded test states the guarantee it holds a solution to, runs, and leaves a
// record that the grading process reads.
//
// A graded test looks like this:
//
//	func TestOneVotePerTerm2AA(t *testing.T) {
//		graded.Test(t, graded.Claim{
//			Text:   "a server grants at most one vote in a term",
//			Source: "Raft §5.2",
//		}, func(t *graded.T) {
//			...
//			require.Equal(t, uint64(2), vote.To)
//		})
//	}
//
// [Seeds] is the same for a test that runs once per seed. T behaves like
// *testing.T, and remembers the first failure so that it can be explained in
// one block: the guarantee, its source, what was found, and the command that
// runs exactly this again.
//
// # Environment
//
//	LABKV_REPORT  the two files of the [Channel] to the grading process
//	LABKV_TAPE    what a process does with a tape, and the file of it
//	LABKV_SEEDS   seeds to run instead of 1..n, such as "1-20" or "3,17"
//	LABKV_SEED    the same, for one seed; LABKV_SEEDS wins
//	LABKV_BRIEF   not empty: one sentence describes a failure, see [Brief]
//	LABKV_MINIMIZE  not empty: the search for the fewest faults that a
//	              failure needs takes as long as it takes, see [Thorough]
//
// Without LABKV_REPORT, as in a plain "go test ./raft -run 2AA", the same block
// goes to the test's log, and one line if the test called a function that is not
// written yet.
package graded

import (
	"fmt"
	"math/rand"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/labkv/labkv/lab/course"
)

// Claim is the guarantee a test holds a solution to, and where it is stated.
type Claim struct {
	Text   string // one sentence: "a server grants at most one vote in a term"
	Source string // "Raft §5.2", "thesis §3.10", "the Ready contract"
}

// Test runs body as a graded test without a seed.
func Test(t *testing.T, c Claim, body func(t *T)) {
	t.Helper()
	newRecorder(t, t.Name(), c, 0).run(t, func(t *T) uint64 {
		t.Helper()
		body(t)
		return 0
	})
}

// Seeds runs body once per seed, each as a subtest named like "seed=17", in
// ascending order, and stops after the first seed that fails: that one is the
// lowest, and thus the one to report. LABKV_SEEDS names the seeds, else LABKV_SEED,
// else they are 1 to n.
//
// body returns the digest of its run, or 0 for none. A body that is about to
// fail leaves its digest with [T.SetDigest] first, so that a replay can be
// compared.
//
// Top-level math/rand functions are seeded with the seed before each run (as
// far as GODEBUG=randseednop=0 allows), so that a solution that draws from them
// still replays.
//
// A goal that no run reached fails the test, if no seeds were named. Where they
// were, the runs are a part of the test, and the process that reads the report
// adds up what the parts reached.
func Seeds(t *testing.T, c Claim, n int, body func(t *T, seed uint64) (digest uint64)) {
	t.Helper()
	seeds, err := chosenSeeds(n)
	if err != nil {
		t.Fatal(err)
	}
	test := t.Name()
	var reached [][]Goal
	for _, seed := range seeds {
		var r *recorder
		ok := t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			t.Helper()
			//lint:ignore SA1019 rand.Seed is the only way to pin what solutions draw from the top-level source
			rand.Seed(int64(seed))
			r = newRecorder(t, test, c, seed)
			r.run(t, func(t *T) uint64 {
				t.Helper()
				return body(t, seed)
			})
		})
		if !ok {
			return
		}
		if r != nil { // nil if a pattern chose other seeds
			reached = append(reached, r.goals)
		}
	}
	if seedsChosen() || len(reached) < len(seeds) {
		return
	}
	if reason, ok := MissedGoal(reached); ok {
		rec := Record{Test: test, Claim: c.Text, Source: c.Source, Reason: reason, Sections: []Section{GoalAdvice}}
		f := failureHere(rec)
		f.AllSeeds = true
		t.Fatal("\n" + f.String())
	}
}

// Explain adds a section such as "fate" or "schedule" to the failure report of
// the test or seed that t runs. Text may have several lines; they are aligned
// under the section's name. On a t that graded did not make, the section is
// logged.
func Explain(t testing.TB, section, text string) {
	t.Helper()
	if g, ok := t.(*T); ok {
		g.record.explain(section, text)
		return
	}
	t.Logf("%s: %s", section, text)
}

// TraceSection is the section that names the file with the log of the run.
const TraceSection = "trace"

// Brief reports whether only the first sentence of a failure counts, so that a test
// spends no time on explaining it: it does not run again, and does not look for the
// fewest faults that the failure needs.
func Brief() bool { return os.Getenv("LABKV_BRIEF") != "" }

// Thorough reports whether a test whose schedule fails looks for the fewest faults that
// the failure needs until none can be taken out, however long that takes.
func Thorough() bool { return os.Getenv("LABKV_MINIMIZE") != "" }

// seedVariables name the seeds to run; the first that is set wins.
var seedVariables = []string{"LABKV_SEEDS", "LABKV_SEED"}

// seedsChosen reports whether the environment names the seeds to run.
func seedsChosen() bool {
	return slices.ContainsFunc(seedVariables, func(name string) bool { return os.Getenv(name) != "" })
}

func chosenSeeds(n int) ([]uint64, error) {
	for _, name := range seedVariables {
		if text := os.Getenv(name); text != "" {
			seeds, err := course.ParseSeeds(text)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			return seeds, nil
		}
	}
	if n < 1 {
		return nil, fmt.Errorf("graded.Seeds needs at least one seed, got n = %d", n)
	}
	return course.ParseSeeds(fmt.Sprintf("1-%d", n))
}

// newRecorder returns the recorder of one run, after it has checked that the run
// may be graded.
func newRecorder(t *testing.T, test string, c Claim, seed uint64) *recorder {
	t.Helper()
	if c.Text == "" || c.Source == "" {
		t.Fatal("graded: a test states its claim and the claim's source")
	}
	if strings.Contains(test, "/") {
		t.Fatalf("graded: %s is a subtest; only top-level tests are graded", test)
	}
	return &recorder{test: test, seed: seed, claim: c}
}

// run executes body and records how it ended. The verdict is written by the
// cleanup that is registered first and therefore runs last, so that it also
// covers failures in body's own cleanups and subtests.
func (r *recorder) run(t *testing.T, body func(t *T) uint64) {
	t.Helper()
	r.start(t)
	returned := false
	t.Cleanup(func() { r.end(t, returned, t.Log) })
	defer r.left(t, &returned)
	r.setDigest(body(&T{T: t, record: r}))
	returned = true
}
