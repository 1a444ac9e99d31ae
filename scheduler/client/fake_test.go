package client_test

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/labkv/labkv/lab/await"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/schedulerpb"
	"github.com/labkv/labkv/scheduler/client"
)

const clusterID = 7

// A fake is a scheduler whose answers a test decides on. Its process can end and
// begin again at the same address.
type fake struct {
	schedulerpb.UnimplementedSchedulerServer
	t    *testing.T
	addr string

	server *grpc.Server // nil while there is none
	served chan error

	mu sync.Mutex
	// ask answers the calls.
	ask func(ctx context.Context, request any) (any, error)
	// stream serves the streams of heartbeats.
	stream func(schedulerpb.Scheduler_RegionHeartbeatServer) error
	calls  int
}

// newFake returns a scheduler that does not run, at an address of its own.
func newFake(t *testing.T) *fake {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	f := &fake{t: t, addr: l.Addr().String()}
	t.Cleanup(f.end)
	return f
}

// begin starts the process.
func (f *fake) begin() *fake {
	f.t.Helper()
	l, err := net.Listen("tcp", f.addr)
	require.NoError(f.t, err)
	server := grpc.NewServer()
	schedulerpb.RegisterSchedulerServer(server, f)
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	f.server, f.served = server, served
	return f
}

// end kills the process, if it runs.
func (f *fake) end() {
	f.t.Helper()
	if f.server != nil {
		f.server.Stop()
		require.NoError(f.t, await.Receive(f.t, f.served, "the end of the scheduler"))
		f.server = nil
	}
}

func (f *fake) answers(ask func(ctx context.Context, request any) (any, error)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ask = ask
}

func (f *fake) streams(stream func(schedulerpb.Scheduler_RegionHeartbeatServer) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stream = stream
}

// asked returns the number of calls that have come.
func (f *fake) asked() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls
}

func call[Response any](f *fake, ctx context.Context, request any) (Response, error) {
	f.mu.Lock()
	f.calls++
	ask := f.ask
	f.mu.Unlock()
	var none Response
	r, err := ask(ctx, request)
	if err != nil {
		return none, err
	}
	return r.(Response), nil
}

func (f *fake) GetStore(ctx context.Context, r *schedulerpb.GetStoreRequest) (*schedulerpb.GetStoreResponse, error) {
	return call[*schedulerpb.GetStoreResponse](f, ctx, r)
}

func (f *fake) StoreHeartbeat(ctx context.Context, r *schedulerpb.StoreHeartbeatRequest) (*schedulerpb.StoreHeartbeatResponse, error) {
	return call[*schedulerpb.StoreHeartbeatResponse](f, ctx, r)
}

func (f *fake) AskSplit(ctx context.Context, r *schedulerpb.AskSplitRequest) (*schedulerpb.AskSplitResponse, error) {
	return call[*schedulerpb.AskSplitResponse](f, ctx, r)
}

func (f *fake) GetRegionByID(ctx context.Context, r *schedulerpb.GetRegionByIDRequest) (*schedulerpb.GetRegionResponse, error) {
	return call[*schedulerpb.GetRegionResponse](f, ctx, r)
}

func (f *fake) RegionHeartbeat(s schedulerpb.Scheduler_RegionHeartbeatServer) error {
	if err := s.SendHeader(metadata.MD{}); err != nil {
		return err
	}
	f.mu.Lock()
	stream := f.stream
	f.mu.Unlock()
	return stream(s)
}

// A receiver is a store that notes what it gets.
type receiver struct {
	orders chan *schedulerpb.RegionHeartbeatResponse
	ids    chan *schedulerpb.AskSplitResponse
	split  chan *metapb.Region // that the ids are for
	found  chan *metapb.Region
}

func (r *receiver) Order(o *schedulerpb.RegionHeartbeatResponse) { r.orders <- o }
func (r *receiver) Found(region *metapb.Region)                  { r.found <- region }
func (r *receiver) SplitIDs(asked *metapb.Region, ids *schedulerpb.AskSplitResponse) {
	r.split <- asked
	r.ids <- ids
}

// dial returns a stub for f.
func (f *fake) dial() schedulerpb.SchedulerClient {
	f.t.Helper()
	conn, err := client.Dial(f.addr)
	require.NoError(f.t, err)
	f.t.Cleanup(func() { require.NoError(f.t, conn.Close()) })
	return schedulerpb.NewSchedulerClient(conn)
}

// store returns the client of a store, with the store.
func (f *fake) store(change ...func(*client.StoreConfig)) (*client.StoreClient, *receiver) {
	f.t.Helper()
	cfg := client.StoreConfig{ClusterID: clusterID, Scheduler: f.dial(), Logger: slog.New(slog.DiscardHandler)}
	for _, c := range change {
		c(&cfg)
	}
	c := client.NewStoreClient(cfg)
	r := &receiver{
		orders: make(chan *schedulerpb.RegionHeartbeatResponse, 1000),
		ids:    make(chan *schedulerpb.AskSplitResponse, 1000),
		split:  make(chan *metapb.Region, 1000),
		found:  make(chan *metapb.Region, 1000),
	}
	c.Start(r)
	f.t.Cleanup(func() { await.Return(f.t, c.Close, "the end of the client") })
	return c, r
}
