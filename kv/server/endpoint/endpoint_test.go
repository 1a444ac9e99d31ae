package endpoint_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/labkv/labkv/kv/server/endpoint"
	"github.com/labkv/labkv/lab/await"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/raftserverpb"
	"github.com/labkv/labkv/proto/tinykvpb"
)

// A service answers RawGet and Raft as its test wants.
type service struct {
	tinykvpb.UnimplementedTinyKvServer
	get  func(ctx context.Context, req *kvrpcpb.RawGetRequest) (*kvrpcpb.RawGetResponse, error)
	raft func() error
}

func (s *service) RawGet(ctx context.Context, req *kvrpcpb.RawGetRequest) (*kvrpcpb.RawGetResponse, error) {
	return s.get(ctx, req)
}

func (s *service) Raft(grpc.ClientStreamingServer[raftserverpb.RaftMessage, raftserverpb.Done]) error {
	return s.raft()
}

// A running endpoint, and a connection to it.
type running struct {
	*endpoint.Endpoint
	conn   *grpc.ClientConn
	client tinykvpb.TinyKvClient
	served chan error // what Serve returned; then closed
}

func run(t *testing.T, config endpoint.Config, s *service) *running {
	t.Helper()
	e := endpoint.New(config)
	tinykvpb.RegisterTinyKvServer(e, s)
	listener := bufconn.Listen(1 << 16)
	r := &running{Endpoint: e, served: make(chan error, 1)}
	go func() {
		defer close(r.served)
		r.served <- e.Serve(listener)
	}()
	conn, err := grpc.NewClient("passthrough:endpoint",
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(1<<30)),
	)
	require.NoError(t, err)
	r.conn, r.client = conn, tinykvpb.NewTinyKvClient(conn)
	t.Cleanup(func() {
		conn.Close()
		stop(t, e)
		await.Receive(t, r.served, "the end of Serve")
	})
	return r
}

// stop stops e, and reports whether that was graceful.
func stop(t *testing.T, e *endpoint.Endpoint) (graceful bool) {
	t.Helper()
	await.Return(t, func() { graceful = e.Stop() }, "the end of Stop")
	return graceful
}

// serve serves on a listener until that ends, and returns the error.
func serve(t *testing.T, e *endpoint.Endpoint, l net.Listener) (err error) {
	t.Helper()
	await.Return(t, func() { err = e.Serve(l) }, "the end of Serve")
	return err
}

func TestHealthAndReflection(t *testing.T) {
	r := run(t, endpoint.Config{}, &service{})
	ctx := await.Context(t, "the answers of the services")
	health := grpc_health_v1.NewHealthClient(r.conn)
	for _, name := range []string{"", "tinykvpb.TinyKv"} {
		resp, err := health.Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: name}, grpc.WaitForReady(true))
		require.NoError(t, err)
		require.Equal(t, grpc_health_v1.HealthCheckResponse_SERVING, resp.Status, "service %q", name)
	}
	for _, ready := range []bool{false, true} {
		r.SetReady(ready)
		for _, name := range []string{"", "tinykvpb.TinyKv"} {
			resp, err := health.Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: name})
			require.NoError(t, err)
			require.Equal(t, ready, resp.Status == grpc_health_v1.HealthCheckResponse_SERVING)
		}
	}
	_, err := health.Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: "nonsense"})
	require.Equal(t, codes.NotFound, status.Code(err))

	stream, err := grpc_reflection_v1.NewServerReflectionClient(r.conn).ServerReflectionInfo(ctx)
	require.NoError(t, err)
	require.NoError(t, stream.Send(&grpc_reflection_v1.ServerReflectionRequest{
		MessageRequest: &grpc_reflection_v1.ServerReflectionRequest_ListServices{},
	}))
	resp, err := stream.Recv()
	require.NoError(t, err)
	var names []string
	for _, s := range resp.GetListServicesResponse().GetService() {
		names = append(names, s.Name)
	}
	require.Contains(t, names, "tinykvpb.TinyKv")
	require.NoError(t, stream.CloseSend())
}

func TestMessageSizeIsLimited(t *testing.T) {
	const limit = 1000
	r := run(t, endpoint.Config{MaxMessageSize: limit}, &service{
		get: func(_ context.Context, req *kvrpcpb.RawGetRequest) (*kvrpcpb.RawGetResponse, error) {
			value := req.Key
			if req.Cf == "double" {
				value = append(value, value...)
			}
			return &kvrpcpb.RawGetResponse{Value: value}, nil
		},
	})
	for _, c := range []struct {
		name string
		size int
		cf   string
		want codes.Code
	}{
		{"fits", limit - 100, "", codes.OK},
		{"request too large", limit + 1, "", codes.ResourceExhausted},
		{"response too large", limit - 100, "double", codes.ResourceExhausted},
	} {
		_, err := r.client.RawGet(await.Context(t, "an answer"), &kvrpcpb.RawGetRequest{Key: make([]byte, c.size), Cf: c.cf})
		require.Equal(t, c.want, status.Code(err), "%s: %v", c.name, err)
	}
}

func TestPanicCostsOneCall(t *testing.T) {
	var log strings.Builder
	calls := 0
	r := run(t, endpoint.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))}, &service{
		get: func(context.Context, *kvrpcpb.RawGetRequest) (*kvrpcpb.RawGetResponse, error) {
			if calls++; calls == 1 {
				panic("the secret invariant is broken")
			}
			return &kvrpcpb.RawGetResponse{}, nil
		},
		raft: func() error { panic("the stream, too") },
	})
	ctx := await.Context(t, "the end of calls that panic")
	_, err := r.client.RawGet(ctx, &kvrpcpb.RawGetRequest{})
	require.Equal(t, codes.Internal, status.Code(err))
	require.NotContains(t, err.Error(), "secret", "clients are not told what is in the process")
	_, err = r.client.RawGet(ctx, &kvrpcpb.RawGetRequest{})
	require.NoError(t, err, "the call after the one that panicked")

	stream, err := r.client.Raft(ctx)
	require.NoError(t, err)
	_, err = stream.CloseAndRecv()
	require.Equal(t, codes.Internal, status.Code(err))

	require.True(t, stop(t, r.Endpoint)) // after which no handler writes to log
	require.Contains(t, log.String(), "the secret invariant is broken")
	require.Contains(t, log.String(), "/tinykvpb.TinyKv/RawGet")
	require.Contains(t, log.String(), "endpoint_test.go", "the stack leads to the panic")
	require.Contains(t, log.String(), "the stream, too")
}

// A panic that a client can do something about is no secret, and no news for the log.
func TestExplainedPanic(t *testing.T) {
	var log strings.Builder
	explain := func(panicked any) error {
		if panicked == "later" {
			return status.Error(codes.Unimplemented, "comes later")
		}
		return nil
	}
	calls := 0
	r := run(t, endpoint.Config{Logger: slog.New(slog.NewTextHandler(&log, nil)), Explain: explain}, &service{
		get: func(context.Context, *kvrpcpb.RawGetRequest) (*kvrpcpb.RawGetResponse, error) {
			if calls++; calls == 1 {
				panic("later")
			}
			panic("another")
		},
	})
	ctx := await.Context(t, "the end of calls that panic")
	_, err := r.client.RawGet(ctx, &kvrpcpb.RawGetRequest{})
	require.Equal(t, codes.Unimplemented, status.Code(err))
	require.ErrorContains(t, err, "comes later")
	_, err = r.client.RawGet(ctx, &kvrpcpb.RawGetRequest{})
	require.Equal(t, codes.Internal, status.Code(err))

	require.True(t, stop(t, r.Endpoint)) // after which no handler writes to log
	require.Equal(t, 1, strings.Count(log.String(), "stack="), "only of the other panic")
}

// TestStopLetsCallsFinish stops while a call is under way, and a stream. The call
// goes on to its end; health says meanwhile that no others should come. The stream
// lasts as long as the call, and holds nothing up.
func TestStopLetsCallsFinish(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	finish := sync.OnceFunc(func() { close(release) })
	defer finish()
	r := run(t, endpoint.Config{StopTimeout: time.Hour}, &service{
		get: func(ctx context.Context, _ *kvrpcpb.RawGetRequest) (*kvrpcpb.RawGetResponse, error) {
			close(entered)
			<-release
			return &kvrpcpb.RawGetResponse{Value: []byte("done")}, ctx.Err()
		},
	})
	ctx := await.Context(t, "the answers of an endpoint that stops")
	watch, err := grpc_health_v1.NewHealthClient(r.conn).Watch(ctx, &grpc_health_v1.HealthCheckRequest{}, grpc.WaitForReady(true))
	require.NoError(t, err)
	for state := grpc_health_v1.HealthCheckResponse_UNKNOWN; state != grpc_health_v1.HealthCheckResponse_SERVING; {
		resp, err := watch.Recv()
		require.NoError(t, err)
		state = resp.Status
	}

	answer := make(chan string, 1)
	go func() {
		resp, err := r.client.RawGet(ctx, &kvrpcpb.RawGetRequest{})
		if err != nil {
			answer <- err.Error()
			return
		}
		answer <- string(resp.Value)
	}()
	await.Receive(t, entered, "a call to begin")
	stopped := make(chan bool, 1)
	go func() { stopped <- r.Stop() }()
	resp, err := watch.Recv()
	require.NoError(t, err)
	require.Equal(t, grpc_health_v1.HealthCheckResponse_NOT_SERVING, resp.Status)
	_, err = r.client.RawGet(ctx, &kvrpcpb.RawGetRequest{})
	require.Equal(t, codes.Unavailable, status.Code(err), "a call that comes too late")
	finish()
	require.Equal(t, "done", await.Receive(t, answer, "the answer to the call under way"))
	require.True(t, await.Receive(t, stopped, "the end of Stop"), "Stop was graceful")
	_, err = watch.Recv()
	require.Error(t, err, "the stream has ended")
	require.NoError(t, await.Receive(t, r.served, "the end of Serve"), "Serve ended by Stop")
	require.True(t, stop(t, r.Endpoint), "a second Stop does nothing")
}

// TestStopIsBounded stops while a call is under way that never ends by itself.
func TestStopIsBounded(t *testing.T) {
	entered := make(chan struct{})
	handler := make(chan error, 1)
	r := run(t, endpoint.Config{StopTimeout: time.Nanosecond}, &service{
		get: func(ctx context.Context, _ *kvrpcpb.RawGetRequest) (*kvrpcpb.RawGetResponse, error) {
			close(entered)
			<-ctx.Done()
			handler <- ctx.Err()
			return nil, ctx.Err()
		},
	})
	ctx := await.Context(t, "the end of a call that is cut off")
	failed := make(chan error, 1)
	go func() {
		_, err := r.client.RawGet(ctx, &kvrpcpb.RawGetRequest{})
		failed <- err
	}()
	await.Receive(t, entered, "a call to begin")
	require.False(t, stop(t, r.Endpoint), "Stop was graceful although a call never ends")
	require.ErrorIs(t, await.Receive(t, handler, "the end of the handler"), context.Canceled)
	require.Error(t, await.Receive(t, failed, "the end of the call"))
	require.NoError(t, await.Receive(t, r.served, "the end of Serve"))
}

func TestStopBeforeServe(t *testing.T) {
	e := endpoint.New(endpoint.Config{})
	require.True(t, stop(t, e))
	require.NoError(t, serve(t, e, bufconn.Listen(1)))
}

// A listener that cannot accept.
type brokenListener struct{ net.Listener }

func (brokenListener) Accept() (net.Conn, error) { return nil, errors.New("too many open files") }

func TestServeReportsFailure(t *testing.T) {
	e := endpoint.New(endpoint.Config{})
	listener := bufconn.Listen(1)
	defer listener.Close()
	require.ErrorContains(t, serve(t, e, brokenListener{listener}), "too many open files")
	require.True(t, stop(t, e))
}
