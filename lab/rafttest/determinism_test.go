package rafttest

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/await"
	pb "github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/raft"
)

var seedsFlag = flag.Int("seeds", 200, "how many schedules TestDeterminism runs twice")

// shuffled is a Raft that hands out the messages of a Ready in no particular
// order, as an implementation does that walks a map of its members. Messages to
// the same member stay in order.
type shuffled struct{ reference }

func (shuffled) NewRawNode(c *raft.Config) (RawNode, error) {
	n, err := raft.NewRawNode(c)
	if err != nil {
		return nil, err
	}
	return &altered{RawNode: n, ready: func(rd *raft.Ready) {
		msgs := slices.Clone(rd.Messages)
		place := rand.Perm(maxNodes + 1)
		slices.SortStableFunc(msgs, func(a, b *pb.Message) int { return place[a.To] - place[b.To] })
		rd.Messages = msgs
	}}, nil
}

// someSchedules calls f with n schedules, each time of another test.
func someSchedules(n int, f func(s scheduledTest, seed uint64)) {
	for i := range n {
		f(scheduledTests[i%len(scheduledTests)], uint64(i/len(scheduledTests))+1)
	}
}

// TestDeterminism runs schedules again, on nodes that shuffle what they send
// and on nodes that are asked for HasReady around every call, and expects the
// same events in the same order. To see it for more schedules than usual:
//
//	go test ./lab/rafttest -run Determinism -seeds 1000
func TestDeterminism(t *testing.T) {
	events, distinct := 0, map[uint64]bool{}
	someSchedules(*seedsFlag, func(s scheduledTest, seed uint64) {
		plan := s.schedules(seed)[0]
		first := perform(reference{}, plan)
		for _, impl := range []Implementation{shuffled{}, inquisitive{reference{}}} {
			again := perform(impl, plan)
			require.Equal(t, first.digest, again.digest, "%s, seed %d: a run on %T differs", s.name, seed, impl)
			require.Equal(t, first.events, again.events, "%s, seed %d: a run on %T differs", s.name, seed, impl)
			require.Equal(t, first.reached, again.reached, "%s, seed %d: a run on %T differs", s.name, seed, impl)
		}
		events += first.events
		distinct[first.digest] = true
	})
	require.Len(t, distinct, *seedsFlag, "different schedules have different digests")
	t.Logf("%d schedules with %d events, each run three times: equal digests", *seedsFlag, events)
}

// childVariable makes TestDeterminismOfProcesses print digests.
const childVariable = "RAFTTEST_PRINT_DIGESTS"

// TestDeterminismOfProcesses compares the digests of this process with those of
// another one.
func TestDeterminismOfProcesses(t *testing.T) {
	const n = 48
	var digests bytes.Buffer
	someSchedules(n, func(s scheduledTest, seed uint64) {
		fmt.Fprintf(&digests, "%s %d: %016x\n", s.name, seed, perform(reference{}, s.schedules(seed)[0]).digest)
	})
	if os.Getenv(childVariable) != "" {
		fmt.Print(digests.String())
		return
	}
	self, err := os.Executable()
	require.NoError(t, err)
	child := await.Command(t, await.Limit, self, "-test.run=^"+t.Name()+"$", "-test.count=1")
	child.Env = append(os.Environ(), childVariable+"=1")
	out, err := child.Output()
	require.NoError(t, err)
	theirs := bufio.NewScanner(bytes.NewReader(out))
	for ours := range bytes.Lines(digests.Bytes()) {
		require.True(t, theirs.Scan(), "the other process printed too little")
		require.Equal(t, string(bytes.TrimSpace(ours)), theirs.Text(), "the same schedule in another process")
	}
}

// TestSchedulesReachTheirGoals sees that the schedules of each test get into the
// situations that the test is about, and that the reference gets out of them.
func TestSchedulesReachTheirGoals(t *testing.T) {
	for _, s := range scheduledTests {
		t.Run(s.name, func(t *testing.T) {
			var reached goals
			for seed := uint64(1); seed <= uint64(s.seeds); seed++ {
				for _, plan := range s.schedules(seed) {
					out := perform(reference{}, plan)
					require.Nil(t, out.violation, "seed %d: %+v", seed, out.violation)
					reached |= out.reached
				}
			}
			for _, g := range s.reaches {
				require.NotZero(t, reached&(1<<g), "in none of %d seeds %v", s.seeds, g)
			}
		})
	}
}
