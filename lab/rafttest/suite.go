package rafttest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/labkv/labkv/lab/graded"
)

// A Test is one test of the suite. It sets Run or, if it repeats a schedule for
// many seeds, Seeds and RunSeed.
type Test struct {
	// Name ends with the stage, as in "GrantsOneVotePerTerm2AA".
	Name  string
	Claim graded.Claim

	Run func(t *graded.T, impl Implementation)

	// Seeds is the number of seeds unless others are asked for. RunSeed
	// returns the digest of the run.
	Seeds   int
	RunSeed func(t *graded.T, impl Implementation, seed uint64) (digest uint64)
}

// Tests returns the whole suite, in the order of the stages.
func Tests() []Test {
	var all []Test
	for _, part := range [][]Test{
		electionTests,
		clockTests,
		replicationTests,
		logPairTests,
		readyTests,
		handedOutTests,
		snapshotTests,
		membershipTests,
		transferTests,
		changeTests,
		scheduleTests,
	} {
		all = append(all, part...)
	}
	return all
}

// Run runs the test that t is named after on impl: TestX runs X.
func Run(t *testing.T, impl Implementation) {
	t.Helper()
	name, _, _ := strings.Cut(strings.TrimPrefix(t.Name(), "Test"), "/")
	for _, test := range Tests() {
		if test.Name == name {
			onTape(t, impl, test.run)
			return
		}
	}
	panic(fmt.Sprintf("the Raft suite has no test %q", name))
}

func (test Test) run(t *testing.T, impl Implementation) {
	t.Helper()
	if test.Run != nil {
		graded.Test(t, test.Claim, func(t *graded.T) { test.Run(t, impl) })
		return
	}
	graded.Seeds(t, test.Claim, test.Seeds, func(t *graded.T, seed uint64) uint64 {
		return test.RunSeed(t, impl, seed)
	})
}
