//go:build unix

package cluster_test

import (
	"context"
	"fmt"
	"maps"
	"net"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/pelletier/go-toml/v2"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"

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
	if _, err := os.Stat(dir + ".serves"); err == nil {
		serve()
	}
	<-stop
}

// serve says to all who ask that the store serves clients. It has an address, and no more.
func serve() {
	var config struct{ Peers map[string]string }
	argument := func(name string) string { return os.Args[slices.Index(os.Args, name)+1] }
	text, err := os.ReadFile(argument("--config"))
	if err != nil {
		panic(err)
	}
	if err := toml.Unmarshal(text, &config); err != nil {
		panic(err)
	}
	l, err := net.Listen("tcp", config.Peers[argument("--store-id")])
	if err != nil {
		panic(err)
	}
	s := grpc.NewServer()
	grpc_health_v1.RegisterHealthServer(s, health.NewServer())
	go func() { _ = s.Serve(l) }() // until the process ends
}

// A run is a cluster of three such stores under supervision.
type run struct {
	t       *testing.T
	cluster *cluster.Cluster
	*cluster.Supervisor
	pids   map[uint64]int // by store
	events chan cluster.Event
	ended  chan error
	stop   context.CancelFunc
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
	r.Supervisor = c.Supervisor(cluster.Restarts{After: 100 * time.Millisecond, AtMost: 300 * time.Millisecond}, func(e cluster.Event) { r.events <- e })
	go func() {
		defer close(over)
		r.ended <- r.Run(ctx)
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

// A store whose code is not complete is not started again, and the others go on if they
// serve.
func TestUnfinishedStoreStaysDown(t *testing.T) {
	r := startWith(t, ".serves", 1, 3)
	for _, id := range []uint64{1, 3} {
		health := grpc_health_v1.NewHealthClient(dial(t, r.cluster.Stores()[id-1].Addr))
		await.Until(t, "a store to serve", func() bool {
			_, err := health.Check(await.Context(t, "its health"), &grpc_health_v1.HealthCheckRequest{})
			return err == nil
		})
	}
	unfinished := r.cluster.Stores()[1]
	require.NoError(t, os.WriteFile(unfinished.Dir+".unfinished", nil, 0o644))
	require.NoError(t, syscall.Kill(r.pids[2], syscall.SIGKILL))
	require.Equal(t, "signal: killed", r.next().Ended)
	second := r.next().Process
	require.Equal(t, cluster.Event{Member: unfinished, Process: second, Ended: "exit status 3", Missing: "not implemented: raft.New"}, r.next())
	require.NoError(t, syscall.Kill(r.pids[1], syscall.SIGKILL))
	require.Equal(t, r.cluster.Stores()[0], r.next().Member)
	require.Equal(t, r.cluster.Stores()[0], r.next().Member, "that of store 1, whose pause is as long")
	require.Equal(t, "not implemented: raft.New", r.state(2).Reason)
	require.Zero(t, r.state(2).Restart)
	r.end()
	require.Empty(t, r.events)
}

func dial(t *testing.T, addr string) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	return conn
}

// If no other store serves, others may wait for it: it ends all.
func TestUnfinishedStoreEndsAll(t *testing.T) {
	r := startWith(t, ".unfinished", 2)
	err := await.Receive(t, r.ended, "the end of the supervision")
	require.Equal(t, &cluster.UnfinishedError{Missing: "not implemented: raft.New"}, err)
	require.Empty(t, r.events)
}

// state returns the state of a store.
func (r *run) state(id uint64) cluster.Process { return r.Processes()[id-1] }

// do does something to a store.
func (r *run) do(id uint64, a cluster.Action) error {
	return r.Do(await.Context(r.t, "an action"), r.cluster.Stores()[id-1], a)
}

// A store that is killed on request stays down, and comes back on request.
func TestKillOnRequest(t *testing.T) {
	r := start(t)
	require.NoError(t, r.do(1, cluster.Kill))
	store := r.cluster.Stores()[0]
	require.Equal(t, cluster.Event{Member: store, Process: r.pids[1], Ended: "signal: killed", Killed: true}, r.next())
	require.Equal(t, cluster.Ended, r.state(1).State)
	require.Equal(t, "signal: killed, as was asked for", r.state(1).Reason)
	for _, a := range []cluster.Action{cluster.Kill, cluster.Pause, cluster.Resume} {
		var refused *cluster.RefusedError
		require.ErrorAs(t, r.do(1, a), &refused)
		require.ErrorContains(t, refused, "cannot "+string(a)+" store 1: it does not run")
	}
	// Another one that is killed by hand comes back after as long a pause as would bring
	// back the first.
	require.NoError(t, syscall.Kill(r.pids[2], syscall.SIGKILL))
	require.Equal(t, "signal: killed", r.next().Ended)
	require.Equal(t, r.cluster.Stores()[1], r.next().Member)
	require.Equal(t, cluster.Ended, r.state(1).State)

	require.NoError(t, r.do(1, cluster.Restart))
	e := r.next()
	require.Equal(t, cluster.Event{Member: store, Process: e.Process}, e)
	require.Equal(t, cluster.Running, r.state(1).State)
	require.Equal(t, e.Process, r.state(1).ID)
	// It is supervised as before.
	require.NoError(t, syscall.Kill(e.Process, syscall.SIGKILL))
	require.Equal(t, "signal: killed", r.next().Ended)
	require.NotZero(t, r.next().Process)
	r.end()
}

// A store that runs is restarted in order, and one that is paused, too. One that waits to
// be started again is started at once.
func TestRestartOnRequest(t *testing.T) {
	r := start(t)
	require.NoError(t, r.do(1, cluster.Restart))
	second := r.next().Process
	require.NotEqual(t, r.pids[1], second)
	require.NoError(t, r.do(1, cluster.Pause))
	require.Equal(t, cluster.Paused, r.state(1).State)
	require.ErrorContains(t, r.do(1, cluster.Pause), "it is paused already")
	require.NoError(t, r.do(1, cluster.Restart))
	third := r.next().Process
	require.NotEqual(t, second, third)
	require.NoError(t, syscall.Kill(third, syscall.SIGKILL))
	require.Equal(t, "signal: killed", r.next().Ended)
	require.NoError(t, r.do(1, cluster.Restart))
	require.NotEqual(t, third, r.next().Process)
	require.ErrorContains(t, r.do(1, cluster.Resume), "it is not paused")
	r.end()
	require.Empty(t, r.events, "the pause before the restart that was no longer needed")
}

// A store that is paused does nothing until it is resumed.
func TestPauseOnRequest(t *testing.T) {
	r := start(t)
	require.NoError(t, r.do(3, cluster.Pause))
	await.Until(t, "store 3 to be stopped", func() bool {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(r.pids[3], &status, syscall.WUNTRACED|syscall.WNOHANG, nil)
		return err == nil && pid == r.pids[3] && status.Stopped()
	})
	require.NoError(t, syscall.Kill(r.pids[3], syscall.SIGTERM))
	require.NoError(t, syscall.Kill(r.pids[2], syscall.SIGTERM))
	require.Equal(t, r.cluster.Stores()[1], r.next().Member, "the end of store 2, and none of store 3")
	require.Equal(t, r.cluster.Stores()[1], r.next().Member)
	require.Equal(t, cluster.Paused, r.state(3).State)
	require.NoError(t, r.do(3, cluster.Resume))
	e := r.next()
	require.Equal(t, r.pids[3], e.Process, "it has got the signal")
	require.NotEmpty(t, e.Ended)
	r.end()
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
	require.Equal(t, "server-4", fourth.Name)

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
	require.Equal(t, "server-5", next.Name)
}
