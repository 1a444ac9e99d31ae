package sim_test

import (
	"io"
	"io/fs"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/lab/sim"
)

// A writer is a system of one store whose n-th incarnation runs the n-th of some
// functions.
type writer struct {
	lives []func(env *sim.Env, f *sim.Files)
}

func (w *writer) Boot(env *sim.Env) (sim.Process, error) {
	if n := env.Incarnation; n <= uint64(len(w.lives)) {
		w.lives[n-1](env, env.Files())
	}
	return idle{}, nil
}
func (*writer) Watch(uint64, sim.Process) error { return nil }
func (*writer) Unsettled([]sim.Process) string  { return "" }

type idle struct{}

func (idle) Tick()               {}
func (idle) Receive(*sim.Packet) {}
func (idle) Pass() bool          { return false }
func (idle) Close()              {}

// live runs incarnations of a store, with a crash between each two.
func live(t *testing.T, seed uint64, lives ...func(env *sim.Env, f *sim.Files)) {
	t.Helper()
	s := sim.Schedule{Seed: seed, Setting: sim.Setting{Stores: 1, Tick: time.Second, SlowWork: time.Second, Span: time.Duration(len(lives)) * time.Second}}
	for i := range len(lives) - 1 {
		at := time.Duration(i+1) * time.Second
		s.Faults = append(s.Faults, sim.Fault{Kind: sim.Crash, Who: 1, From: at, Until: at + time.Millisecond, ID: i + 1})
	}
	out := sim.Run(t, &sim.Scenario{System: func(*sim.World) sim.System { return &writer{lives} }}, s, false)
	require.Nil(t, out.Failure, "%v", out.Failure)
}

func write(t *testing.T, f *sim.Files, name, data string, sync bool) *sim.File {
	file, err := f.Create(name)
	require.NoError(t, err)
	_, err = file.Write([]byte(data))
	require.NoError(t, err)
	if sync {
		require.NoError(t, file.Sync())
	}
	return file
}

func read(t *testing.T, f *sim.Files, name string) string {
	file, err := f.Open(name)
	require.NoError(t, err)
	data, err := io.ReadAll(file)
	require.NoError(t, err)
	require.EqualValues(t, len(data), file.Size())
	require.NoError(t, file.Close())
	return string(data)
}

// What was synced survives every crash; of the rest, every prefix is what some
// crash leaves.
func TestFilesAfterCrash(t *testing.T) {
	tails, names := map[string]int{}, map[string]int{}
	for seed := uint64(1); seed <= 60; seed++ {
		live(t, seed, func(_ *sim.Env, f *sim.Files) {
			a := write(t, f, "a", "synced", true)
			_, err := a.Write([]byte("xyz"))
			require.NoError(t, err)
			write(t, f, "b", "", false)
			require.NoError(t, f.Rename("a", "c"))
			require.Equal(t, "syncedxyz", read(t, f, "c"))
			list, err := f.List()
			require.NoError(t, err)
			require.Equal(t, []string{"b", "c"}, list)
		}, func(_ *sim.Env, f *sim.Files) {
			list, err := f.List()
			require.NoError(t, err)
			names[list[len(list)-1]]++
			tails[read(t, f, map[int]string{1: "a", 2: list[0]}[len(list)])]++
			switch {
			case len(list) == 1:
				require.Equal(t, []string{"a"}, list)
			default:
				require.Equal(t, "b", list[(len(list)-1)-boolInt(list[1] == "c")])
			}
		})
	}
	for _, want := range []string{"synced", "syncedx", "syncedxy", "syncedxyz"} {
		require.Positive(t, tails[want]+tails[""], want)
	}
	require.Positive(t, names["a"])
	require.Positive(t, names["b"])
	require.Positive(t, names["c"])
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// An incarnation that has crashed no longer reaches anything.
func TestFilesAreFenced(t *testing.T) {
	var old *sim.Files
	var open *sim.File
	live(t, 1, func(env *sim.Env, f *sim.Files) {
		old, open = f, write(t, f, "a", "1", true)
		_, err := f.Open("none")
		require.ErrorIs(t, err, fs.ErrNotExist)
		require.ErrorIs(t, f.Remove("none"), fs.ErrNotExist)
	}, func(env *sim.Env, f *sim.Files) {
		_, err := open.Write([]byte("2"))
		require.ErrorIs(t, err, engine.ErrClosed)
		require.ErrorIs(t, open.Sync(), engine.ErrClosed)
		_, err = old.Create("b")
		require.ErrorIs(t, err, engine.ErrClosed)
		_, err = old.Open("a")
		require.ErrorIs(t, err, engine.ErrClosed)
		_, err = old.List()
		require.ErrorIs(t, err, engine.ErrClosed)
		require.ErrorIs(t, old.Rename("a", "b"), engine.ErrClosed)
		require.Equal(t, "1", read(t, f, "a"))
		require.NoError(t, f.Remove("a"))
	})
}
