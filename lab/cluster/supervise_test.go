//go:build unix

package cluster_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/await"
	"github.com/labkv/labkv/lab/cluster"
	"github.com/labkv/labkv/lab/todo"
)

// TestMain is a store if a cluster starts it as one: it runs until SIGTERM, or ends at
// once if there is a file that says so.
func TestMain(m *testing.M) {
	if i := slices.Index(os.Args, "--path"); i > 0 {
		store(os.Args[i+1])
		return
	}
	os.Exit(m.Run())
}

func store(dir string) {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	if _, err := os.Stat(dir + ".broken"); err == nil {
		fmt.Fprintln(os.Stderr, "my disk is broken")
		os.Exit(1)
	}
	if _, err := os.Stat(dir + ".unfinished"); err == nil {
		fmt.Fprintln(os.Stderr, "store: not implemented: raft.New")
		os.Exit(todo.ExitCode)
	}
	<-stop
}

// A run is a cluster of three such stores under supervision.
type run struct {
	t       *testing.T
	cluster *cluster.Cluster
	pids    map[uint64]int // by store
	events  chan cluster.Event
	ended   chan error
	stop    context.CancelFunc
}

func start(t *testing.T, broken ...uint64) *run {
	t.Helper()
	return startWith(t, ".broken", broken...)
}

// startWith starts the stores, some of them with a mark that says how they end.
func startWith(t *testing.T, mark string, marked ...uint64) *run {
	t.Helper()
	c, err := cluster.New(cluster.Config{Server: os.Args[0], Dir: t.TempDir(), Stores: 3})
	require.NoError(t, err)
	for _, id := range marked {
		require.NoError(t, os.WriteFile(c.Stores()[id-1].Dir+mark, nil, 0o644))
	}
	t.Cleanup(func() { c.Stop(await.Limit) })
	require.NoError(t, c.Start())
	ctx, cancel := context.WithCancel(t.Context())
	r := &run{t: t, cluster: c, pids: map[uint64]int{}, stop: cancel, events: make(chan cluster.Event, 100), ended: make(chan error, 1)}
	for _, s := range c.Stores() {
		r.pids[s.ID] = s.Process()
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		r.ended <- c.Supervise(ctx, cluster.Restarts{After: 100 * time.Millisecond, AtMost: 300 * time.Millisecond}, func(e cluster.Event) { r.events <- e })
	}()
	t.Cleanup(func() {
		cancel()
		await.Receive(t, over, "the end of the supervision")
	})
	return r
}

// end ends the supervision.
func (r *run) end() {
	r.t.Helper()
	r.stop()
	require.NoError(r.t, await.Receive(r.t, r.ended, "the end of the supervision"))
}

func (r *run) next() cluster.Event {
	r.t.Helper()
	return await.Receive(r.t, r.events, "an event")
}

// A store that is killed is reported and started again. The others are left alone.
// That holds for one, two and all of them.
func TestKilledStoresComeBack(t *testing.T) {
	r := start(t)
	for n := 1; n <= 3; n++ {
		before := maps.Clone(r.pids)
		for id := 1; id <= n; id++ {
			require.NoError(t, syscall.Kill(r.pids[uint64(id)], syscall.SIGKILL))
		}
		killed := map[int]bool{}
		for range 2 * n {
			e := r.next()
			if e.Ended == "" {
				r.pids[e.Member.ID] = e.Process
				continue
			}
			require.Equal(t, "signal: killed", e.Ended)
			require.True(t, e.Killed)
			killed[e.Process] = true
		}
		for id, pid := range before {
			require.Equal(t, int(id) <= n, killed[pid], "store %d", id)
			require.Equal(t, int(id) <= n, r.pids[id] != pid, "store %d", id)
		}
	}
	r.end()
}

// A store that cannot start is tried again, beside those that run.
func TestBrokenStoreIsTriedAgain(t *testing.T) {
	r := start(t, 3)
	broken := r.cluster.Stores()[2]
	for range 3 {
		e := r.next()
		require.Equal(t, cluster.Event{Member: broken, Process: e.Process, Ended: "exit status 1", Pause: e.Pause}, e)
		e = r.next()
		require.Equal(t, cluster.Event{Member: broken, Process: e.Process}, e)
	}
	require.True(t, r.cluster.Stores()[0].Running())
	require.True(t, r.cluster.Stores()[1].Running())
	r.end()
}

// When no store can start, there is no use in going on.
func TestAllStoresBroken(t *testing.T) {
	r := start(t, 1, 2, 3)
	require.ErrorContains(t, await.Receive(t, r.ended, "the end of the supervision"), ".log are: my disk is broken")
}

// A store whose code is not complete is not started again, whatever the others do.
func TestUnfinishedStoreEndsAll(t *testing.T) {
	r := startWith(t, ".unfinished", 2)
	err := await.Receive(t, r.ended, "the end of the supervision")
	require.Equal(t, &cluster.UnfinishedError{Missing: "not implemented: raft.New"}, err)
	require.Empty(t, r.events)
}

// A store that was stopped with SIGSTOP stops in order.
func TestStopReachesAPausedStore(t *testing.T) {
	r := start(t)
	require.NoError(t, syscall.Kill(r.pids[1], syscall.SIGSTOP))
	r.end()
	r.cluster.Stop(await.Limit)
	require.NotEqual(t, "signal: killed", r.cluster.Stores()[0].Exit())
}

// A cluster with a scheduler may gain and lose stores, and remembers it. The number of a
// store that was removed is not used again: its files are there.
func TestStoresComeAndGo(t *testing.T) {
	config := cluster.Config{Server: os.Args[0], Scheduler: os.Args[0], Dir: t.TempDir(), Stores: 2}
	places := func(c *cluster.Cluster) (all []string) {
		for _, s := range c.Stores() {
			all = append(all, s.Name+" at "+s.Addr+" in "+s.Dir)
		}
		return all
	}
	c, err := cluster.New(config)
	require.NoError(t, err)
	third, err := c.Add()
	require.NoError(t, err)
	require.NoError(t, c.Remove(third))
	fourth, err := c.Add()
	require.NoError(t, err)
	require.NoError(t, c.Remove(c.Stores()[0]))
	require.Equal(t, []*cluster.Member{c.Stores()[0], fourth}, c.Stores())
	require.Equal(t, []string{c.Stores()[0].Addr, fourth.Addr}, c.Addrs())
	require.Equal(t, "store-4", fourth.Name)

	again, err := cluster.New(config)
	require.NoError(t, err)
	require.Equal(t, places(c), places(again))
	require.Equal(t, c.Scheduler().Addr, again.Scheduler().Addr)
	t.Cleanup(func() { again.Stop(await.Limit) })
	require.NoError(t, again.Start())
	for _, s := range again.Stores() {
		require.True(t, s.Running())
	}
	next, err := again.Add()
	require.NoError(t, err)
	require.Equal(t, "store-5", next.Name)
}
