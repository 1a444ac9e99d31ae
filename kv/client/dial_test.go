package client_test

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/labkv/labkv/kv/client"
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/lab/await"
	"github.com/labkv/labkv/proto/errorpb"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/tinykvpb"
)

// A fake is a store that answers as its test wants.
type fake struct {
	tinykvpb.UnimplementedTinyKvServer
	addr   string
	server *grpc.Server
	calls  atomic.Int32
	// answer is called for each request, with its number from 1 on.
	answer func(ctx context.Context, n int) (*errorpb.Error, string, error)
}

func (f *fake) outcome(ctx context.Context) (*errorpb.Error, string, error) {
	return f.answer(ctx, int(f.calls.Add(1)))
}

func (f *fake) RawGet(ctx context.Context, req *kvrpcpb.RawGetRequest) (*kvrpcpb.RawGetResponse, error) {
	region, message, err := f.outcome(ctx)
	return &kvrpcpb.RawGetResponse{RegionError: region, Error: message, Value: append([]byte("value of "), req.Key...)}, err
}

func (f *fake) RawPut(ctx context.Context, _ *kvrpcpb.RawPutRequest) (*kvrpcpb.RawPutResponse, error) {
	region, message, err := f.outcome(ctx)
	return &kvrpcpb.RawPutResponse{RegionError: region, Error: message}, err
}

func (f *fake) RawDelete(ctx context.Context, _ *kvrpcpb.RawDeleteRequest) (*kvrpcpb.RawDeleteResponse, error) {
	region, message, err := f.outcome(ctx)
	return &kvrpcpb.RawDeleteResponse{RegionError: region, Error: message}, err
}

func (f *fake) RawScan(ctx context.Context, req *kvrpcpb.RawScanRequest) (*kvrpcpb.RawScanResponse, error) {
	region, message, err := f.outcome(ctx)
	return &kvrpcpb.RawScanResponse{RegionError: region, Error: message, More: true, Kvs: []*kvrpcpb.KvPair{{Key: req.StartKey}}}, err
}

func serve(t *testing.T, answer func(ctx context.Context, n int) (*errorpb.Error, string, error)) *fake {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	f := &fake{addr: l.Addr().String(), server: grpc.NewServer(), answer: answer}
	tinykvpb.RegisterTinyKvServer(f.server, f)
	served := make(chan error, 1)
	go func() { served <- f.server.Serve(l) }()
	t.Cleanup(func() {
		await.Return(t, f.server.Stop, "the server to stop")
		require.NoError(t, await.Receive(t, served, "the end of the server"))
	})
	return f
}

func good(context.Context, int) (*errorpb.Error, string, error) { return nil, "", nil }

func failure(code codes.Code) func(context.Context, int) (*errorpb.Error, string, error) {
	return func(context.Context, int) (*errorpb.Error, string, error) {
		return nil, "", status.Error(code, "reason")
	}
}

// unused returns an address without a listener.
func unused(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

func newRaw(t *testing.T, addrs ...string) *client.Raw {
	t.Helper()
	c, err := client.NewRaw(client.Config{Stores: client.At(addrs...)})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

func TestAllCommands(t *testing.T) {
	f := serve(t, good)
	c := newRaw(t, f.addr)
	ctx := await.Context(t, "the answers of a store")
	value, found, err := c.Get(ctx, engine.CFDefault, []byte("a"))
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, "value of a", string(value))
	require.NoError(t, c.Put(ctx, engine.CFDefault, []byte("a"), nil))
	require.NoError(t, c.Delete(ctx, engine.CFDefault, []byte("a")))
	pairs, more, err := c.Scan(ctx, engine.CFDefault, []byte("a"), 1)
	require.NoError(t, err)
	require.Len(t, pairs, 1)
	require.True(t, more)
}

// gRPC tells the client how far a call got: a write that a store may have is not
// sent again, a read is.
func TestUnknownOutcomesOverGRPC(t *testing.T) {
	for name, answer := range map[string]func(context.Context, int) (*errorpb.Error, string, error){
		"lost track": failure(codes.Unknown),
		"panicked":   failure(codes.Internal),
		"too late":   failure(codes.DeadlineExceeded),
		"connection breaks": func(ctx context.Context, _ int) (*errorpb.Error, string, error) {
			panic("replaced below")
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := serve(t, answer)
			if name == "connection breaks" {
				a.answer = func(ctx context.Context, _ int) (*errorpb.Error, string, error) {
					go a.server.Stop()
					<-ctx.Done()
					return nil, "", ctx.Err()
				}
			}
			b := serve(t, good)
			err := newRaw(t, a.addr, b.addr).Put(await.Context(t, "the outcome of a put"), engine.CFDefault, []byte("a"), nil)
			var unknown *client.OutcomeUnknownError
			require.ErrorAs(t, err, &unknown)
			require.Equal(t, a.addr, unknown.Addr)
			require.Zero(t, b.calls.Load())
		})
	}

	a := serve(t, nil)
	a.answer = func(ctx context.Context, _ int) (*errorpb.Error, string, error) {
		go a.server.Stop()
		<-ctx.Done()
		return nil, "", ctx.Err()
	}
	b := serve(t, good)
	_, _, err := newRaw(t, a.addr, b.addr).Get(await.Context(t, "the answer to a get"), engine.CFDefault, []byte("a"))
	require.NoError(t, err)
}

// The deadline of a call holds, whatever the stores do. A write that was not sent
// before it is known to have no effect.
func TestDeadline(t *testing.T) {
	silent := func(ctx context.Context, _ int) (*errorpb.Error, string, error) {
		<-ctx.Done()
		return nil, "", ctx.Err()
	}
	a, b := serve(t, silent), serve(t, silent)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	c := newRaw(t, a.addr, b.addr)
	_, _, err := c.Get(ctx, engine.CFDefault, []byte("a"))
	require.Equal(t, codes.DeadlineExceeded, status.Code(errors.Unwrap(err)))
	var refused *client.RefusedError
	require.ErrorAs(t, c.Put(ctx, engine.CFDefault, []byte("a"), nil), &refused, "nothing was sent")
	ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	var unknown *client.OutcomeUnknownError
	require.ErrorAs(t, c.Put(ctx, engine.CFDefault, []byte("a"), nil), &unknown)
}

// A request that no store is there to take is refused, and what cannot be sent is,
// too. A store that says no is believed.
func TestNothingIsSent(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	var refused *client.RefusedError
	require.ErrorAs(t, newRaw(t, unused(t)).Put(ctx, engine.CFDefault, []byte("a"), nil), &refused)
	require.Equal(t, codes.Unavailable, status.Code(refused.Err), "the error is the connection's, not that time is up")

	a := serve(t, good)
	require.ErrorAs(t, newRaw(t, a.addr).Put(await.Context(t, "the outcome of a put"), "\xff", []byte("a"), nil), &refused, "a family that is not text")
	require.Zero(t, a.calls.Load())

	for _, code := range []codes.Code{codes.InvalidArgument, codes.Unimplemented} {
		a := serve(t, failure(code))
		require.ErrorAs(t, newRaw(t, a.addr).Put(await.Context(t, "the outcome of a put"), engine.CFDefault, []byte("a"), nil), &refused)
		require.Equal(t, code, status.Code(refused.Err))
		require.Equal(t, int32(1), a.calls.Load())
	}

	// The first is stopping; the second takes the write.
	a, b := serve(t, failure(codes.Unavailable)), serve(t, good)
	require.NoError(t, newRaw(t, a.addr, b.addr).Put(await.Context(t, "the outcome of a put"), engine.CFDefault, []byte("a"), nil))

	_, err := client.NewRaw(client.Config{})
	require.ErrorContains(t, err, "no addresses")
}
