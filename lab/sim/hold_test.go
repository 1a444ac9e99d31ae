package sim_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/lab/sim"
	"github.com/labkv/labkv/proto/metapb"
)

// A diarist is a system of two machines. At its first tick, machine 1 sends a packet,
// syncs a write, and sends another one. Machine 2 keeps when what arrives.
type diarist struct {
	env      *sim.Env
	disk     engine.Engine
	begun    time.Duration
	arrivals map[uint64]time.Duration
	ticks    []time.Duration
}

type diary struct{ all map[uint64]*diarist }

func (d *diary) Boot(env *sim.Env) (sim.Process, error) {
	disk, err := env.Disk("disk", "family")
	p := &diarist{env: env, disk: disk, arrivals: map[uint64]time.Duration{}}
	d.all[env.ID] = p
	return p, err
}
func (d *diary) Watch(uint64, sim.Process) error { return nil }
func (d *diary) Unsettled([]sim.Process) string  { return "" }

func (p *diarist) Tick() {
	p.ticks = append(p.ticks, p.env.Now())
	if p.env.ID != 1 || p.begun > 0 {
		return
	}
	p.begun = p.env.Now()
	p.env.Send(&sim.Packet{To: 2, Body: &metapb.Peer{Id: 1}})
	var b engine.Batch
	b.Put("family", []byte("key"), []byte("value"))
	if p.disk.Write(&b, true) == nil {
		p.env.Send(&sim.Packet{To: 2, Body: &metapb.Peer{Id: 2}})
	}
}
func (p *diarist) Receive(packet *sim.Packet) {
	p.arrivals[packet.Body.(*metapb.Peer).Id] = p.env.Now()
}
func (p *diarist) Pass() bool { return false }
func (p *diarist) Close()     {}

func keepDiary(t *testing.T, faults ...sim.Fault) map[uint64]*diarist {
	t.Helper()
	d := &diary{all: map[uint64]*diarist{}}
	s := sim.Schedule{Seed: 1, Faults: faults, Setting: sim.Setting{
		Stores: 2, Tick: 100 * time.Millisecond, LatencyMin: time.Millisecond, LatencyMax: time.Millisecond,
		Disk: 40 * time.Millisecond, Span: time.Second,
	}}
	out := sim.Run(t, &sim.Scenario{System: func(*sim.World) sim.System { return d }}, s, false)
	require.Nil(t, out.Failure, "%v", out.Failure)
	return d.all
}

// A sync takes time: what was sent before it leaves before, and what was sent after it
// leaves after. If the machine crashes in between, the latter never leaves.
func TestSyncTakesTime(t *testing.T) {
	all := keepDiary(t)
	begun, got := all[1].begun, all[2].arrivals
	require.Equal(t, begun+time.Millisecond, got[1])
	require.GreaterOrEqual(t, got[2], begun+11*time.Millisecond)
	require.LessOrEqual(t, got[2], begun+41*time.Millisecond)

	all = keepDiary(t, sim.Fault{Kind: sim.Crash, Who: 1, From: begun + 2*time.Millisecond, Until: time.Second, ID: 1})
	require.Contains(t, all[2].arrivals, uint64(1))
	require.NotContains(t, all[2].arrivals, uint64(2))
}

// A process that is paused does nothing. Then it finds what has come meanwhile, and
// one of the ticks.
func TestPause(t *testing.T) {
	from := keepDiary(t)[1].begun - time.Millisecond
	all := keepDiary(t, sim.Fault{Kind: sim.Pause, Who: 2, From: from, Until: 900 * time.Millisecond, ID: 1})
	require.Equal(t, 900*time.Millisecond, all[2].arrivals[1])
	require.Equal(t, 900*time.Millisecond, all[2].arrivals[2])
	ticked := 0
	for _, at := range all[2].ticks {
		if at >= from && at <= 900*time.Millisecond {
			require.Equal(t, 900*time.Millisecond, at)
			ticked++
		}
	}
	require.Equal(t, 1, ticked)

	// What it was about to send stays with it, too.
	all = keepDiary(t, sim.Fault{Kind: sim.Pause, Who: 1, From: from + 2*time.Millisecond, Until: 900 * time.Millisecond, ID: 1})
	require.Less(t, all[2].arrivals[1], 900*time.Millisecond)
	require.Equal(t, 901*time.Millisecond, all[2].arrivals[2])
}
