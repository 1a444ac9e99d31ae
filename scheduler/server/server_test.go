package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pingcap/errors"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/labkv/labkv/kv/engine/memory"
	"github.com/labkv/labkv/kv/server/endpoint"
	"github.com/labkv/labkv/lab/await"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/schedulerpb"
	"github.com/labkv/labkv/scheduler"
	"github.com/labkv/labkv/scheduler/server"
)

const clusterID = 7

var header = &schedulerpb.RequestHeader{ClusterId: clusterID}

// A node is a scheduler on a port, with its state in memory.
type node struct {
	schedulerpb.SchedulerClient
	t        *testing.T
	disk     *memory.Disk
	server   *server.Server
	endpoint *endpoint.Endpoint
	log      *log
	stopped  bool
}

// log is a log that a test reads.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// start serves a scheduler until the test ends.
func start(t *testing.T) *node {
	t.Helper()
	n := &node{t: t, disk: memory.NewDisk(), log: &log{}}
	e, err := n.disk.Open(scheduler.Families...)
	require.NoError(t, err)
	core, err := scheduler.Open(scheduler.Config{ClusterID: clusterID, Engine: e, Now: time.Now})
	require.NoError(t, err)
	logger := slog.New(slog.NewTextHandler(n.log, nil))
	n.server = server.New(server.Config{Scheduler: core, Tick: time.Millisecond, Logger: logger})
	n.endpoint = endpoint.New(endpoint.Config{Unary: n.server.Around, Logger: logger})
	n.server.Register(n.endpoint)
	n.server.Start()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- n.endpoint.Serve(l) }()
	conn, err := grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	n.SchedulerClient = schedulerpb.NewSchedulerClient(conn)
	t.Cleanup(func() {
		n.stop()
		require.NoError(t, await.Receive(t, served, "the end of the endpoint"))
		require.NoError(t, conn.Close())
		if err := e.Close(); n.server.Err() == nil {
			require.NoError(t, err)
		}
	})
	return n
}

// stop ends the server in order. A second call does nothing.
func (n *node) stop() {
	n.t.Helper()
	if n.stopped {
		return
	}
	n.stopped = true
	begin := time.Now()
	require.True(n.t, n.endpoint.Stop(), "nothing holds up the end")
	require.Less(n.t, time.Since(begin), endpoint.DefaultStopTimeout)
	await.Return(n.t, n.server.Stop, "the end of the server")
}

func (n *node) context() context.Context { return await.Context(n.t, "an answer of the scheduler") }

// bootstrap makes a store the first of the cluster, and returns its id.
func (n *node) bootstrap() uint64 {
	n.t.Helper()
	id, err := n.AllocID(n.context(), &schedulerpb.AllocIDRequest{Header: header})
	require.NoError(n.t, err)
	require.Nil(n.t, id.Header.Error)
	r, err := n.Bootstrap(n.context(), &schedulerpb.BootstrapRequest{Header: header, Store: &metapb.Store{Id: id.Id, Address: "a:1"}})
	require.NoError(n.t, err)
	require.Nil(n.t, r.Header.Error)
	return id.Id
}

// Calls reach the scheduler. A refusal is an answer.
func TestCalls(t *testing.T) {
	n := start(t)
	r, err := n.GetStore(n.context(), &schedulerpb.GetStoreRequest{Header: header, StoreId: 1})
	require.NoError(t, err)
	require.Equal(t, schedulerpb.ErrorType_NOT_BOOTSTRAPPED, r.Header.Error.Type)
	store := n.bootstrap()
	r, err = n.GetStore(n.context(), &schedulerpb.GetStoreRequest{Header: header, StoreId: store})
	require.NoError(t, err)
	require.Nil(t, r.Header.Error)
	require.Equal(t, "a:1", r.Store.Address)

	body := n.page("/metrics", http.StatusOK, nil)
	for _, line := range []string{
		`labkv_scheduler_call_seconds_count{method="GetStore",outcome="refused"} 1`,
		`labkv_scheduler_call_seconds_count{method="GetStore",outcome="done"} 1`,
		`labkv_scheduler_call_seconds_count{method="Bootstrap",outcome="done"} 1`,
	} {
		require.Contains(t, body, line+"\n")
	}
}

// page returns what a page says; of the metrics, those of the scheduler.
func (n *node) page(path string, code int, ready error) string {
	n.t.Helper()
	w := httptest.NewRecorder()
	n.server.Pages(func() error { return ready }).ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	require.Equal(n.t, code, w.Code)
	if path != "/metrics" {
		return w.Body.String()
	}
	var own strings.Builder
	for line := range strings.Lines(w.Body.String()) {
		if strings.HasPrefix(line, "labkv_") && !strings.Contains(line, "_bucket{") {
			own.WriteString(line)
		}
	}
	return own.String()
}

func TestTimestamps(t *testing.T) {
	n := start(t)
	var last *schedulerpb.Timestamp
	for range 2 {
		stream, err := n.Tso(n.context())
		require.NoError(t, err)
		for range 10 {
			require.NoError(t, stream.Send(&schedulerpb.TsoRequest{Header: header, Count: 5}))
			r, err := stream.Recv()
			require.NoError(t, err)
			require.Equal(t, uint32(5), r.Count)
			if last != nil {
				first := r.Timestamp.Logical - 4
				require.True(t, r.Timestamp.Physical > last.Physical || r.Timestamp.Physical == last.Physical && first > last.Logical, "%v after %v", r, last)
			}
			last = r.Timestamp
		}
		require.NoError(t, stream.CloseSend())
		_, err = stream.Recv()
		require.Equal(t, io.EOF, err)
	}
	require.Contains(t, n.page("/metrics", http.StatusOK, nil), "labkv_scheduler_timestamps_total 100\n")
}

// region is a region of all keys with one peer on a store, and its leader's report.
func region(id, peer, store uint64) *schedulerpb.RegionHeartbeatRequest {
	p := &metapb.Peer{Id: peer, StoreId: store}
	return &schedulerpb.RegionHeartbeatRequest{
		Header:          header,
		Region:          &metapb.Region{Id: id, RegionEpoch: &metapb.RegionEpoch{ConfVer: 1, Version: 1}, Peers: []*metapb.Peer{p}},
		Leader:          p,
		Term:            5,
		ApproximateSize: 1000,
	}
}

// The scheduler knows what heartbeats have reported, and the pages show it.
func TestHeartbeats(t *testing.T) {
	n := start(t)
	store := n.bootstrap()
	stream, err := n.RegionHeartbeat(n.context())
	require.NoError(t, err)
	h, err := stream.Header()
	require.NoError(t, err)
	require.NotNil(t, h, "before there is an order")

	wrong := region(8, 9, store)
	wrong.Region.RegionEpoch = nil
	require.NoError(t, stream.Send(wrong))
	r, err := stream.Recv()
	require.NoError(t, err)
	require.NotNil(t, r.Header.Error)

	alloc := func() uint64 {
		id, err := n.AllocID(n.context(), &schedulerpb.AllocIDRequest{Header: header})
		require.NoError(t, err)
		return id.Id
	}
	id, peer := alloc(), alloc()
	require.NoError(t, stream.Send(region(id, peer, store)))
	await.Until(t, "the region to be known", func() bool {
		r, err := n.GetRegionByID(n.context(), &schedulerpb.GetRegionByIDRequest{Header: header, RegionId: id})
		require.NoError(t, err)
		return r.Region != nil
	})
	_, err = n.StoreHeartbeat(n.context(), &schedulerpb.StoreHeartbeatRequest{Header: header,
		Stats: &schedulerpb.StoreStats{StoreId: store, Capacity: 1 << 30, Available: 1 << 29}})
	require.NoError(t, err)

	metrics := n.page("/metrics", http.StatusOK, nil)
	require.Contains(t, metrics, `labkv_scheduler_region_heartbeats_total{order="refused"} 1`)
	require.Contains(t, metrics, "labkv_scheduler_streams 1\n")
	require.Contains(t, metrics, "labkv_scheduler_bootstrapped 1\n")
	require.Contains(t, metrics, "labkv_scheduler_regions 1\n")
	require.Contains(t, metrics, "labkv_scheduler_regions_complete 1\n")
	require.Contains(t, metrics, `labkv_scheduler_stores{state="up"} 1`)

	var s struct {
		ClusterID uint64 `json:"cluster_id"`
		Stores    []struct {
			ID        uint64
			Address   string
			State     string
			Available uint64 `json:"available_bytes"`
			Leaders   int
		}
		Regions []struct {
			ID     uint64
			Leader uint64
			Size   uint64 `json:"size_bytes"`
		}
		Operators []any
	}
	require.NoError(t, json.Unmarshal([]byte(n.page("/status", http.StatusOK, nil)), &s))
	require.Equal(t, uint64(clusterID), s.ClusterID)
	require.Len(t, s.Stores, 1)
	require.Equal(t, store, s.Stores[0].ID)
	require.Equal(t, "a:1", s.Stores[0].Address)
	require.Equal(t, "up", s.Stores[0].State)
	require.Equal(t, uint64(1<<29), s.Stores[0].Available)
	require.Equal(t, 1, s.Stores[0].Leaders)
	require.Len(t, s.Regions, 1)
	require.Equal(t, []uint64{id, peer, 1000}, []uint64{s.Regions[0].ID, s.Regions[0].Leader, s.Regions[0].Size})
	require.NotNil(t, s.Operators, "an empty list, not null")
}

func TestPages(t *testing.T) {
	n := start(t)
	require.Equal(t, "alive\n", n.page("/livez", http.StatusOK, nil))
	require.Equal(t, "alive\n", n.page("/healthz", http.StatusOK, nil))
	require.Equal(t, "ready\n", n.page("/readyz", http.StatusOK, nil))
	require.Equal(t, "not yet\n", n.page("/readyz", http.StatusServiceUnavailable, errors.New("not yet")))
	require.Contains(t, n.page("/metrics", http.StatusOK, nil), "labkv_scheduler_bootstrapped 0\n")
	var s map[string]any
	require.NoError(t, json.Unmarshal([]byte(n.page("/status", http.StatusOK, nil)), &s))
	require.Equal(t, []any{}, s["stores"])
}

// Streams end with the server, and so do their users' waits.
func TestStopEndsStreams(t *testing.T) {
	n := start(t)
	heartbeats, err := n.RegionHeartbeat(n.context())
	require.NoError(t, err)
	_, err = heartbeats.Header()
	require.NoError(t, err)
	tso, err := n.Tso(n.context())
	require.NoError(t, err)
	require.NoError(t, tso.Send(&schedulerpb.TsoRequest{Header: header, Count: 1}))
	_, err = tso.Recv()
	require.NoError(t, err)
	n.stop()
	_, err = heartbeats.Recv()
	require.Equal(t, codes.Unavailable, status.Code(err), err)
	_, err = tso.Recv()
	require.Equal(t, codes.Unavailable, status.Code(err), err)
}

// The scheduler's clock goes.
func TestTicks(t *testing.T) {
	n := start(t)
	await.Until(t, "time to pass", func() bool { return n.server.Status().Uptime > 10*time.Millisecond })
	n.stop()
	require.NoError(t, n.server.Err())
}

// A full disk costs the calls that need room, and nothing else.
func TestDiskFull(t *testing.T) {
	n := start(t)
	store := n.bootstrap()
	n.disk.SetCapacity(n.disk.Used())
	for range 2 {
		_, err := n.PutStore(n.context(), &schedulerpb.PutStoreRequest{Header: header, Store: &metapb.Store{Id: store, Address: "b:2"}})
		require.Equal(t, codes.ResourceExhausted, status.Code(err), err)
	}
	require.Equal(t, 1, bytes.Count([]byte(n.log.String()), []byte("the disk is full")), "said once")
	r, err := n.GetStore(n.context(), &schedulerpb.GetStoreRequest{Header: header, StoreId: store})
	require.NoError(t, err)
	require.Equal(t, "a:1", r.Store.Address)
	require.NoError(t, n.server.Err())

	n.disk.SetCapacity(1 << 20)
	_, err = n.PutStore(n.context(), &schedulerpb.PutStoreRequest{Header: header, Store: &metapb.Store{Id: store, Address: "b:2"}})
	require.NoError(t, err)
	require.Contains(t, n.page("/metrics", http.StatusOK, nil), `labkv_scheduler_call_seconds_count{method="PutStore",outcome="failed"} 2`)
}

// After a failed sync nobody knows what is on the disk: the scheduler must not go on.
func TestDiskBroken(t *testing.T) {
	n := start(t)
	n.disk.Inject(func(memory.Write) memory.Fault { return memory.Fault{Kind: memory.FailSync} })
	_, err := n.AllocID(n.context(), &schedulerpb.AllocIDRequest{Header: header})
	require.Equal(t, codes.Unavailable, status.Code(err), err)
	require.ErrorContains(t, err, "the scheduler has failed: ")
	await.Receive(t, n.server.Failed(), "the failure")
	require.ErrorContains(t, n.server.Err(), memory.ErrIO.Error())

	// A stream is told, too.
	stream, err := n.Tso(n.context())
	require.NoError(t, err)
	require.NoError(t, stream.Send(&schedulerpb.TsoRequest{Header: header, Count: 1}))
	_, err = stream.Recv()
	require.Equal(t, codes.Unavailable, status.Code(err), err)
}
