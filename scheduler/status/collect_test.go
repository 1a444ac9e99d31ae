package status_test

import (
	"context"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"github.com/labkv/labkv/lab/await"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/raftserverpb"
	"github.com/labkv/labkv/proto/schedulerpb"
	"github.com/labkv/labkv/scheduler/status"
)

const clusterID = 7

// A store answers what a test says.
type store struct {
	raftserverpb.UnimplementedInspectServer
	addr   string
	server *grpc.Server

	mu     sync.Mutex
	answer *raftserverpb.StoreStatus
	hangs  bool
	asked  int
}

func newStore(t *testing.T, id uint64, addr string, peers ...*raftserverpb.PeerStatus) *store {
	t.Helper()
	s := &store{server: grpc.NewServer(), answer: &raftserverpb.StoreStatus{
		ClusterId: clusterID, StoreId: id, Peers: peers,
		Load: &raftserverpb.Load{Started: 1000, Capacity: 100, Available: 60, Reads: &raftserverpb.Requests{}, Writes: &raftserverpb.Requests{}},
	}}
	raftserverpb.RegisterInspectServer(s.server, s)
	l, err := net.Listen("tcp", addr)
	require.NoError(t, err)
	s.addr = l.Addr().String()
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = s.server.Serve(l)
	}()
	t.Cleanup(func() {
		s.server.Stop()
		await.Receive(t, served, "the end of a store")
	})
	return s
}

func (s *store) Status(ctx context.Context, _ *raftserverpb.StatusRequest) (*raftserverpb.StoreStatus, error) {
	s.mu.Lock()
	answer, hangs := s.answer, s.hangs
	s.asked++
	s.mu.Unlock()
	if hangs {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return answer, nil
}

// overview is a scheduler.
type overview struct {
	mu     sync.Mutex
	stores []*metapb.Store
	panics any
	header *schedulerpb.ResponseHeader
	// run and ended are its operators.
	run, ended []*schedulerpb.Operator
}

func (o *overview) GetAllStores(_ context.Context, r *schedulerpb.GetAllStoresRequest) (*schedulerpb.GetAllStoresResponse, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.panics != nil {
		panic(o.panics)
	}
	if r.Header.ClusterId != clusterID {
		panic("the request is for another cluster")
	}
	return &schedulerpb.GetAllStoresResponse{Header: o.header, Stores: o.stores}, nil
}

func (o *overview) ScanRegions(context.Context, *schedulerpb.ScanRegionsRequest) (*schedulerpb.ScanRegionsResponse, error) {
	return &schedulerpb.ScanRegionsResponse{}, nil
}

func (o *overview) ListOperators(context.Context, *schedulerpb.ListOperatorsRequest) (*schedulerpb.ListOperatorsResponse, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return &schedulerpb.ListOperatorsResponse{Running: o.run, History: o.ended}, nil
}

func (o *overview) change(how func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	how()
}

// collect collects until the test ends. The feed counts as watched.
func collect(t *testing.T, c status.Config) *status.Feed {
	t.Helper()
	c.ClusterID, c.Feed = clusterID, status.NewFeed()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		status.NewCollector(c).Run(ctx)
	}()
	t.Cleanup(func() {
		stop()
		await.Receive(t, ended, "the end of the collector")
	})
	return c.Feed
}

// reach waits for a report, reading as a page does.
func reach(t *testing.T, f *status.Feed, what string, is func(r *status.Report) bool) *status.Report {
	t.Helper()
	s := &site{t: t, feed: f, actions: &actions{}}
	s.serve()
	events := s.events()
	for {
		events.must()
		if r, _ := f.Latest(); r.At > 0 && is(r) { // 0 is before the first report
			return r
		}
		require.NoError(t, context.Cause(await.Context(t, what)))
	}
}

func peer(role raftserverpb.PeerStatus_Role) *raftserverpb.PeerStatus {
	r := &metapb.Region{Id: 1, RegionEpoch: &metapb.RegionEpoch{Version: 1, ConfVer: 2}, Peers: []*metapb.Peer{{Id: 11, StoreId: 1}, {Id: 12, StoreId: 2}}}
	id := uint64(12)
	if role == raftserverpb.PeerStatus_LEADER {
		id = 11
	}
	return &raftserverpb.PeerStatus{Region: r, PeerId: id, Role: role, Term: 5, Applied: 9, ApproximateSize: 1000}
}

// Without a scheduler, the page shows what stores say, and that they say nothing.
func TestStoresAlone(t *testing.T) {
	one := newStore(t, 1, "127.0.0.1:0", peer(raftserverpb.PeerStatus_LEADER))
	two := newStore(t, 2, "127.0.0.1:0", peer(raftserverpb.PeerStatus_FOLLOWER))
	f := collect(t, status.Config{Stores: []string{one.addr, two.addr}})
	up := func(r *status.Report) bool {
		return len(r.Stores) == 2 && r.Stores[0].State == status.Up && r.Stores[1].State == status.Up
	}
	r := reach(t, f, "both stores", up)
	require.Nil(t, r.Scheduler)
	s := r.Stores[0]
	require.Equal(t, []any{uint64(1), one.addr, int64(1000), 1, 1, uint64(1000), uint64(100), uint64(60)},
		[]any{s.ID, s.Addr, s.Since, s.Peers, s.Leaders, s.Size, s.Capacity, s.Available})
	require.Equal(t, 0, r.Stores[1].Leaders)
	require.Equal(t, []status.Region{{ID: 1, ConfVer: 2, Version: 1, Term: 5, Leader: 1, Size: 1000,
		Peers: []status.Peer{{ID: 11, Store: 1, State: status.PeerOK}, {ID: 12, Store: 2, State: status.PeerOK}}}}, r.Regions)

	// Store 1 hangs, and then it is gone.
	one.mu.Lock()
	one.hangs = true
	one.mu.Unlock()
	r = reach(t, f, "the silence of store 1", func(r *status.Report) bool { return r.Stores[0].State == status.Silent })
	require.Equal(t, "it does not answer within 1.5s", r.Stores[0].Reason)
	require.Zero(t, r.Regions[0].Leader)
	require.Equal(t, status.PeerDown, r.Regions[0].Peers[0].State)
	one.server.Stop()
	r = reach(t, f, "the end of store 1", func(r *status.Report) bool {
		return r.Stores[0].State == status.Down && r.Stores[0].Reason == "connection refused"
	})
	require.NotZero(t, r.Stores[0].Heard)
	require.Equal(t, uint64(1), r.Stores[0].ID, "it is known still")

	newStore(t, 1, one.addr, peer(raftserverpb.PeerStatus_LEADER))
	reach(t, f, "store 1 again", up)
}

// A store of another cluster at the address is no store of this one.
func TestStoreOfAnotherCluster(t *testing.T) {
	s := newStore(t, 1, "127.0.0.1:0", peer(raftserverpb.PeerStatus_LEADER))
	s.answer.ClusterId = 8
	f := collect(t, status.Config{Stores: []string{s.addr}})
	r := reach(t, f, "the answer", func(r *status.Report) bool { return r.Stores[0].State == status.Silent })
	require.Equal(t, "it is a store of cluster 8", r.Stores[0].Reason)
	require.Empty(t, r.Regions)
}

// The scheduler says which stores there are, and what it does.
func TestScheduler(t *testing.T) {
	one := newStore(t, 1, "127.0.0.1:0", peer(raftserverpb.PeerStatus_LEADER))
	o := &overview{header: &schedulerpb.ResponseHeader{Error: &schedulerpb.Error{Type: schedulerpb.ErrorType_NOT_BOOTSTRAPPED}}}
	f := collect(t, status.Config{Scheduler: o, SchedulerAddr: "a:1"})
	r := reach(t, f, "the scheduler", func(r *status.Report) bool { return r.Scheduler.State == status.Up })
	require.Empty(t, r.Stores)

	o.change(func() {
		o.header = nil
		o.stores = []*metapb.Store{{Id: 1, Address: one.addr}, {Id: 3, Address: "gone:1", State: metapb.StoreState_Tombstone}}
		o.run = []*schedulerpb.Operator{{RegionId: 1, Kind: "replica", Desc: "why", Status: schedulerpb.OperatorStatus_RUNNING, Steps: []string{"a", "b"}, Done: 1, Created: 5}}
		for i := range 100 {
			o.ended = append(o.ended, &schedulerpb.Operator{RegionId: uint64(i), Status: schedulerpb.OperatorStatus_TIMEOUT, Ended: 9, Reason: "late"})
		}
	})
	r = reach(t, f, "store 1", func(r *status.Report) bool { return len(r.Stores) == 2 && r.Stores[0].State == status.Up })
	require.Equal(t, status.Removed, r.Stores[1].State)
	require.Equal(t, status.Operator{Region: 1, Kind: "replica", Desc: "why", Status: "running", Steps: []string{"a", "b"}, Done: 1, Created: 5}, r.Operators[0])
	require.Equal(t, status.Operator{Region: 0, Status: "timeout", Ended: 9, Reason: "late"}, r.Operators[1])
	require.Len(t, r.Operators, 21, "some of those that have ended")

	o.change(func() { o.stores[0].State = metapb.StoreState_Offline })
	reach(t, f, "store 1 to be emptied", func(r *status.Report) bool { return r.Stores[0].Offline && r.Stores[0].State == status.Up })

	// A function of the scheduler that is not written yet takes nothing else down.
	o.change(func() { o.panics = "TODO(3C): implement (*Scheduler).learn" })
	r = reach(t, f, "the panic", func(r *status.Report) bool { return r.Scheduler.State != status.Up })
	require.Equal(t, status.Silent, r.Scheduler.State)
	require.Equal(t, "TODO(3C): implement (*Scheduler).learn", r.Scheduler.Reason)
	require.Equal(t, status.Up, r.Stores[0].State)
	o.change(func() { o.panics = nil })
	reach(t, f, "the scheduler again", func(r *status.Report) bool { return r.Scheduler.State == status.Up })
}

// processes are those that a test says.
type processes struct {
	mu   sync.Mutex
	list []status.Process
}

func (p *processes) List() []status.Process {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]status.Process(nil), p.list...)
}

func (p *processes) Do(context.Context, string, string) error { panic("it only lists") }

// Of processes that run here it is known at once what has become of them, whatever the
// last answer was.
func TestProcesses(t *testing.T) {
	s := newStore(t, 1, "127.0.0.1:0", peer(raftserverpb.PeerStatus_LEADER))
	p := &processes{list: []status.Process{{Name: "server-1", Addr: s.addr, State: status.ProcessRunning, Since: 5}}}
	f := collect(t, status.Config{Stores: []string{s.addr}, Processes: p})
	become := func(state string, process status.Process) status.Store {
		t.Helper()
		p.mu.Lock()
		process.Name, process.Addr = "server-1", s.addr
		p.list[0] = process
		p.mu.Unlock()
		return reach(t, f, state, func(r *status.Report) bool { return r.Stores[0].State == state }).Stores[0]
	}
	require.Equal(t, "server-1", become(status.Up, status.Process{State: status.ProcessRunning, Since: 5}).Process.Name)
	got := become(status.Down, status.Process{State: status.ProcessEnded, Since: 77, Reason: "exit status 3"})
	require.Equal(t, []any{int64(77), "exit status 3"}, []any{got.Since, got.Reason})
	become(status.Paused, status.Process{State: status.ProcessPaused, Since: 78})
	// It has been started just now, so an answer that came before is none of it.
	future := time.Now().Add(time.Hour).UnixMilli()
	become(status.Starting, status.Process{State: status.ProcessRunning, Since: future})
	become(status.Up, status.Process{State: status.ProcessRunning, Since: 79})
}

// A reader that comes does not wait for the slow pace that is enough without one.
func TestIdle(t *testing.T) {
	s := newStore(t, 1, "127.0.0.1:0")
	f := collect(t, status.Config{Stores: []string{s.addr}})
	asked := func() int {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.asked
	}
	await.Until(t, "a question", func() bool { return asked() > 0 })
	begin := time.Now()
	reach(t, f, "an answer", func(r *status.Report) bool { return len(r.Stores) == 1 && r.Stores[0].State == status.Up })
	require.Less(t, time.Since(begin), 4*time.Second)
	at := asked()
	reach(t, f, "more questions", func(*status.Report) bool { return asked() >= at+3 })
}

// Rates are what has come between two answers, a second.
func TestRates(t *testing.T) {
	s := newStore(t, 1, "127.0.0.1:0")
	f := collect(t, status.Config{Stores: []string{s.addr}})
	reach(t, f, "the store", func(r *status.Report) bool { return len(r.Stores) == 1 && r.Stores[0].State == status.Up })
	stop := make(chan struct{})
	var counting sync.WaitGroup
	counting.Go(func() {
		for n := uint64(1); ; n++ {
			s.mu.Lock()
			s.answer = &raftserverpb.StoreStatus{ClusterId: clusterID, StoreId: 1, Load: &raftserverpb.Load{Started: 1000,
				Reads:  &raftserverpb.Requests{Bounds: []float64{0.001, 0.002}, Counts: []uint64{0, n * 10, 0}},
				Writes: &raftserverpb.Requests{Bounds: []float64{0.001, 0.002}, Counts: []uint64{0, 0, 0}}}}
			s.mu.Unlock()
			select {
			case <-time.After(20 * time.Millisecond):
			case <-stop:
				return
			}
		}
	})
	defer counting.Wait()
	defer close(stop)
	r := reach(t, f, "a rate", func(r *status.Report) bool { return len(r.Stores) == 1 && r.Stores[0].Load.Reads > 0 })
	require.Zero(t, r.Stores[0].Load.Writes)
	require.Nil(t, r.Stores[0].Load.Write)
	require.InDelta(t, 1.5, r.Stores[0].Load.Read.P50, 0.01)
	last := r.Samples[len(r.Samples)-1]
	require.Equal(t, r.Stores[0].Load, last.Load)
	require.Equal(t, map[uint64]float64{1: last.Reads}, last.Stores)
	require.Less(t, last.Reads, 2000.0, fmt.Sprint(last))
}
