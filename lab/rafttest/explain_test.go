package rafttest

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	pb "github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/raft"
)

// failing returns the first schedule of the test that impl fails.
func failing(t *testing.T, impl Implementation, test string) (schedule, outcome) {
	s := scheduled(t, test)
	for seed := uint64(1); seed <= uint64(s.seeds); seed++ {
		plan := s.schedules(seed)[0]
		if out := perform(impl, plan); out.violation != nil {
			return plan, out
		}
	}
	require.Fail(t, "no seed fails")
	return schedule{}, outcome{}
}

func sectionsOf(f explanation) map[string]string {
	text := map[string]string{}
	for _, s := range f.sections {
		text[s.Name] = s.Text
	}
	return text
}

func TestExplanationIsMinimal(t *testing.T) {
	impl := wrapped{wrap: alterReady(func(n RawNode, rd *raft.Ready) {
		for i, m := range rd.Messages {
			if m.MsgType == pb.MessageType_MsgHeartbeat {
				rd.Messages[i] = copyMessage(m)
				rd.Messages[i].Commit = n.Status().Commit
			}
		}
	})}
	plan, out := failing(t, impl, "RandomSchedulesOfThree2AC")

	smaller, again := minimize(impl, plan, out)
	require.Less(t, len(smaller.faults), len(plan.faults), "faults are taken out")
	require.Equal(t, out.violation.rule, again.violation.rule, "the same rule breaks")
	for i := range smaller.faults {
		less := smaller
		less.faults = append(append([]fault{}, smaller.faults[:i]...), smaller.faults[i+1:]...)
		v := perform(impl, less).violation
		require.True(t, v == nil || v.rule != out.violation.rule, "%v could be taken out too", smaller.faults[i])
	}

	f := explain(impl, plan, out)
	text := sectionsOf(f)
	require.Contains(t, f.message, again.violation.found)
	require.Contains(t, text["broken"], out.violation.rule.claim().Source)
	require.Contains(t, text["fate"], "becomes leader of term")
	require.Contains(t, text["fate"], "MsgHeartbeat")
	require.Contains(t, text["schedule"], "minimized from")
	for _, fault := range smaller.faults {
		require.Contains(t, text["schedule"], fault.String())
	}
	require.NotContains(t, text, "determinism")
}

func TestExplanationOfPanic(t *testing.T) {
	impl := wrapped{wrap: alterStep(func(n RawNode, m *pb.Message) {
		if m.MsgType == pb.MessageType_MsgAppend && m.Term > n.Status().Term {
			panic("cannot happen")
		}
	})}
	plan, out := failing(t, impl, "RandomSchedulesOfThree2AC")
	f := explain(impl, plan, out)
	require.Regexp(t, `^at \d.\d+s, node \d panics in rafttest.TestExplanationOfPanic\S* \(lab/rafttest/explain_test.go:\d+\): cannot happen$`, f.message)
	require.Regexp(t, `^lab/rafttest/explain_test.go:\d+  rafttest.TestExplanationOfPanic`, sectionsOf(f)["stack"], "the stack leads to the function that panicked")
}

// gambling is a Raft that draws its election timeouts from elsewhere, and breaks
// a rule. Its source goes on from run to run, so no two runs are alike; it is seeded,
// so that this test is the same each time, other than what it tests.
type gambling struct {
	reference
	source *rand.Rand
}

func (g gambling) NewRawNode(c *raft.Config) (RawNode, error) {
	own := *c
	own.RandIntN = g.source.IntN
	n, err := raft.NewRawNode(&own)
	if err != nil {
		return nil, err
	}
	return doubling{n}, nil
}

func TestExplanationOfNondeterminism(t *testing.T) {
	impl := gambling{source: rand.New(rand.NewPCG(1, 2))}
	plan, out := failing(t, impl, "RandomSchedulesOfThree2AC")
	text := sectionsOf(explain(impl, plan, out))
	require.Contains(t, text["determinism"], "not deterministic")
	require.Contains(t, text["determinism"], "in the other")
}

// TestFaultsAreReadable prints one fault of each kind.
func TestFaultsAreReadable(t *testing.T) {
	s := schedule{seed: 1, setting: setting{nodes: 3, span: 1_000_000_000}}
	seen := map[string]bool{}
	for kind := lossyNetwork; kind <= nodeRemoved; kind++ {
		f := newFault(uint64(kind)+1, kind, s)
		text := f.what()
		require.NotEmpty(t, text)
		require.False(t, strings.Contains(text, "%!") || strings.HasPrefix(text, "fault "), text)
		require.False(t, seen[text], "two kinds of faults read alike: %s", text)
		seen[text] = true
	}
}

// Of two nodes that say the same to each other forever, one round is shown: where the
// group does not recover because of them, and where they say it more and more often.
func TestExplanationOfEndlessExchange(t *testing.T) {
	for broken, wrong := range map[rule]func(RawNode, *raft.Config) RawNode{
		recovers:    alterReady(rejectEverything),
		comesToRest: func(n RawNode, _ *raft.Config) RawNode { return &echoing{RawNode: n} },
	} {
		impl := wrapped{wrap: wrong}
		plan, out := failing(t, impl, "SteadyGroupKeepsItsLeader2AC")
		require.Equal(t, broken, out.violation.rule, "%s", out.violation.found)
		f := explain(impl, plan, out)
		require.Regexp(t, `since \d+\.\d+s nodes \d and \d have said nothing new to each other, in \d+ messages from \d to \d$`, f.message)
		require.Contains(t, sectionsOf(f)["exchange"], "MsgAppendResponse 3->")
		require.Contains(t, sectionsOf(f)["exchange"], ": MsgAppend ")
		if broken == recovers {
			require.Len(t, strings.Split(sectionsOf(f)["exchange"], "\n"), 2)
		}
	}
}
