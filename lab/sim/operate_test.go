package sim_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/lab/sim"
)

// A workshop is a system whose operator writes a record to the disk of a machine, at the
// third attempt.
type workshop struct {
	envs     map[uint64]*sim.Env
	disks    map[uint64]engine.Engine
	attempts map[sim.FaultKind][]uint64
	written  []time.Duration
	keeps    bool // no machine may lose its disks
}

func (y *workshop) Boot(env *sim.Env) (sim.Process, error) {
	disk, err := env.Disk("disk", "family")
	y.envs[env.ID], y.disks[env.ID] = env, disk
	return idle{}, err
}
func (*workshop) Watch(uint64, sim.Process) error { return nil }
func (*workshop) Unsettled([]sim.Process) string  { return "" }
func (y *workshop) MayErase(uint64) bool          { return !y.keeps }
func (y *workshop) Operate(f sim.Fault, attempt uint64) (done bool) {
	y.attempts[f.Kind] = append(y.attempts[f.Kind], attempt)
	env := y.envs[uint64(f.Who)]
	if f.Kind != sim.Split || attempt < 3 {
		return false
	}
	env.Command(func() {
		var b engine.Batch
		b.Put("family", []byte("key"), []byte("value"))
		_ = y.disks[env.ID].Write(&b, true)
		y.written = append(y.written, env.Now())
	})
	return true
}

func operate(t *testing.T, y *workshop, faults ...sim.Fault) *sim.Outcome {
	t.Helper()
	y.envs, y.disks, y.attempts = map[uint64]*sim.Env{}, map[uint64]engine.Engine{}, map[sim.FaultKind][]uint64{}
	for i := range faults {
		faults[i].ID = i + 1
	}
	s := sim.Schedule{Seed: 1, Faults: faults, Setting: sim.Setting{
		Stores: 2, Tick: 100 * time.Millisecond, LatencyMin: time.Millisecond, LatencyMax: time.Millisecond, Span: 2 * time.Second,
	}}
	out := sim.Run(t, &sim.Scenario{System: func(*sim.World) sim.System { return y }, Stores: 2, For: 2 * time.Second}, s, false)
	require.Nil(t, out.Failure, "%v", out.Failure)
	return out
}

const tenth = 100 * time.Millisecond

// An operator tries once a tick, until there is nothing left to do or its time is over.
func TestOperator(t *testing.T) {
	y := &workshop{}
	operate(t, y,
		sim.Fault{Kind: sim.Split, Who: 1, Region: 1, From: 5 * tenth, Until: 15 * tenth},
		sim.Fault{Kind: sim.Drain, Who: 2, From: 5 * tenth, Until: 10 * tenth},
	)
	require.Equal(t, []uint64{1, 2, 3}, y.attempts[sim.Split])
	require.Equal(t, []uint64{1, 2, 3, 4, 5}, y.attempts[sim.Drain])
	require.Equal(t, []time.Duration{7 * tenth}, y.written)
}

// What an operator wants of a process waits until it attends, and is gone with it.
func TestCommandsWait(t *testing.T) {
	split := sim.Fault{Kind: sim.Split, Who: 1, Region: 1, From: 5 * tenth, Until: 15 * tenth}
	y := &workshop{}
	operate(t, y, split, sim.Fault{Kind: sim.Pause, Who: 1, From: 6 * tenth, Until: 12 * tenth})
	require.Equal(t, []time.Duration{12 * tenth}, y.written)

	y = &workshop{}
	operate(t, y, split, sim.Fault{Kind: sim.Pause, Who: 1, From: 6 * tenth, Until: 12 * tenth},
		sim.Fault{Kind: sim.Crash, Who: 1, From: 11 * tenth, Until: 13 * tenth})
	require.Empty(t, y.written)
}

// A machine that is erased comes back with empty disks, unless the system cannot do
// without it.
func TestErase(t *testing.T) {
	for _, keeps := range []bool{false, true} {
		y := &workshop{keeps: keeps}
		out := operate(t, y,
			sim.Fault{Kind: sim.Split, Who: 1, Region: 1, From: 0, Until: 10 * tenth},
			sim.Fault{Kind: sim.Erase, Who: 1, From: 10 * tenth, Until: 12 * tenth},
			sim.Fault{Kind: sim.Crash, Who: 1, From: 15 * tenth, Until: 16 * tenth},
		)
		require.Len(t, y.written, 1)
		env := y.envs[1]
		require.Equal(t, keeps, env.Erased == 0)
		require.Equal(t, keeps, !out.Reached[sim.Erased])
		require.Equal(t, map[bool]uint64{false: 3, true: 2}[keeps], env.Incarnation)
		if !keeps {
			require.Greater(t, len(y.attempts[sim.Erase]), 5, "the operator has not put it right yet")
		}
	}
}
