package rafttest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/trace"
	pb "github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/raft/note"
)

// A run is the same whether its log is kept or not, and so is its log each time.
func TestRecordingChangesNothing(t *testing.T) {
	for _, name := range []string{"RandomSchedulesOfFive2AC", "CrashesAnywhere2AC", "RandomSchedulesWithEverything3A"} {
		for seed := uint64(1); seed <= 3; seed++ {
			plan := scheduled(t, name).schedules(seed)[0]
			plain := perform(reference{}, plan)
			out, events := record(reference{}, plan, 0)
			require.Equal(t, plain.digest, out.digest, "%s, seed %d", name, seed)
			require.Equal(t, plain.events, out.events)
			_, again := record(reference{}, plan, 0)
			require.Equal(t, events, again)
		}
	}
}

// What a log tells of a replica fits together: its log consists of what it was told to be
// appended, cut and compacted; each message that arrives was sent; no vote leaves before
// it is durable.
func TestRecordingFitsTogether(t *testing.T) {
	kinds := map[trace.Kind]int{}
	for _, name := range []string{"RandomSchedulesOfFive2AC", "CrashesAnywhere2AC", "RandomSchedulesWithEverything3A"} {
		for seed := uint64(1); seed <= 5; seed++ {
			plan := scheduled(t, name).schedules(seed)[0]
			_, events := record(reference{}, plan, 0)
			type packet struct {
				from, to, n uint64
				copy        bool
			}
			sent := map[packet]bool{}
			ends, synced := map[uint64][2]uint64{}, map[uint64]trace.Event{}
			for i, e := range events {
				kinds[e.Kind]++
				where := fmt.Sprintf("%s, seed %d, event %d: %s", name, seed, i, e.String())
				if i > 0 {
					require.GreaterOrEqual(t, e.At, events[i-1].At, where)
				}
				first, last := ends[e.Store][0], ends[e.Store][1]
				switch e.Kind {
				case trace.Start:
					delete(ends, e.Store) // the first state says what has survived
				case trace.Install:
					ends[e.Store] = [2]uint64{e.Index + 1, e.Index}
				case trace.LogChange:
					switch e.Fate {
					case "appends":
						require.Equal(t, last+1, e.First, where)
						ends[e.Store] = [2]uint64{first, e.Last}
					case "cuts":
						require.Equal(t, last, e.Last, where)
						ends[e.Store] = [2]uint64{first, e.First - 1}
					case "compacts":
						require.Equal(t, first, e.First, where)
						ends[e.Store] = [2]uint64{e.Last + 1, last}
					}
				case trace.State:
					if e.Fate == "" {
						if _, known := ends[e.Store]; known {
							require.Equal(t, [2]uint64{first, last}, [2]uint64{e.First, e.Last}, where)
						}
						ends[e.Store] = [2]uint64{e.First, e.Last}
					}
				case trace.Sync:
					synced[e.Store] = e
				case trace.Message:
					p := packet{e.From, e.To, e.N, e.Copy}
					switch e.Fate {
					case "sent":
						sent[p] = true
					case "arrives":
						require.True(t, sent[p], where)
					}
					if e.Fate != "arrives" && e.Type == pb.MessageType_MsgRequestVoteResponse.String() && e.Text == "granted" {
						s := synced[e.From]
						require.True(t, s.Term > e.Term || s.Term == e.Term && s.Vote == e.To, "%s: durable is %s", where, s.String())
					}
				}
			}
		}
	}
	for _, k := range []trace.Kind{
		trace.Message, trace.State, trace.LogChange, trace.Sync, trace.Propose, trace.Apply, trace.Install,
		trace.Start, trace.Crash, trace.FaultBegins, trace.FaultEnds, trace.Heal,
	} {
		require.NotZero(t, kinds[k], "no log tells a %s", k)
	}
}

// The log of a run that fails ends with what broke, and has the remarks of the code.
func TestRecordingOfFailure(t *testing.T) {
	impl := wrapped{wrap: alterStep(func(n RawNode, m *pb.Message) {
		if m.MsgType == pb.MessageType_MsgAppend && m.Term > n.Status().Term {
			note.Printf("node %d is about to panic", n.Status().ID)
			panic("cannot happen")
		}
	})}
	plan, out := failing(t, impl, "RandomSchedulesOfThree2AC")
	f := explain(impl, plan, out)
	again, events := record(impl, f.plan, f.until)
	require.NotNil(t, again.violation)
	last, before := events[len(events)-1], events[len(events)-2]
	require.Equal(t, trace.Violation, last.Kind)
	require.Equal(t, again.violation.found, last.Text)
	require.Equal(t, again.violation.node, last.Store)
	require.Equal(t, trace.Note, before.Kind)
	require.Equal(t, fmt.Sprintf("node %d is about to panic", last.Store), before.Text)
	require.Equal(t, last.Store, before.Store)

	log := logOf("TestX", f.plan, again, events)
	require.Equal(t, f.message, log.Header.Found)
	require.Len(t, log.Header.Machines, f.plan.setting.nodes)
	require.Equal(t, sectionsOf(f)["fate"], strings.Join(log.Header.Fate, "\n"))
}
