package client_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/labkv/labkv/kv/client"
	"github.com/labkv/labkv/kv/engine"
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
		f.server.Stop()
		require.NoError(t, <-served)
	})
	return f
}

func good(context.Context, int) (*errorpb.Error, string, error) { return nil, "", nil }

func regionError(e *errorpb.Error) func(context.Context, int) (*errorpb.Error, string, error) {
	return func(context.Context, int) (*errorpb.Error, string, error) { return e, "", nil }
}

func failure(code codes.Code) func(context.Context, int) (*errorpb.Error, string, error) {
	return func(context.Context, int) (*errorpb.Error, string, error) {
		return nil, "", status.Error(code, "reason")
	}
}

// nobody returns an address at which nobody listens.
func nobody(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

func newRaw(t *testing.T, addrs ...string) *client.Raw {
	t.Helper()
	c, err := client.NewRaw(client.Config{Addrs: addrs})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

func TestAllCommands(t *testing.T) {
	f := serve(t, good)
	c := newRaw(t, f.addr)
	value, found, err := c.Get(t.Context(), engine.CFDefault, []byte("a"))
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, "value of a", string(value))
	require.NoError(t, c.Put(t.Context(), engine.CFDefault, []byte("a"), nil))
	require.NoError(t, c.Delete(t.Context(), engine.CFDefault, []byte("a")))
	pairs, more, err := c.Scan(t.Context(), engine.CFDefault, []byte("a"), 1)
	require.NoError(t, err)
	require.Len(t, pairs, 1)
	require.True(t, more)
}

// Whoever cannot have done anything with a request does not keep it from the
// leader, be it a read or a write; and the leader is asked first from then on.
func TestLeaderIsFound(t *testing.T) {
	for name, answer := range map[string]func(context.Context, int) (*errorpb.Error, string, error){
		"not leader":       regionError(&errorpb.Error{NotLeader: &errorpb.NotLeader{RegionId: 1}}),
		"stale command":    regionError(&errorpb.Error{StaleCommand: &errorpb.StaleCommand{}}),
		"region not found": regionError(&errorpb.Error{RegionNotFound: &errorpb.RegionNotFound{RegionId: 1}}),
		"stopping":         failure(codes.Unavailable),
		"down":             nil,
	} {
		t.Run(name, func(t *testing.T) {
			first := nobody(t)
			var other *fake
			if answer != nil {
				other = serve(t, answer)
				first = other.addr
			}
			leader := serve(t, good)
			c := newRaw(t, first, leader.addr)
			require.NoError(t, c.Put(t.Context(), engine.CFDefault, []byte("a"), nil))
			require.NoError(t, c.Put(t.Context(), engine.CFDefault, []byte("a"), nil))
			_, _, err := c.Get(t.Context(), engine.CFDefault, []byte("a"))
			require.NoError(t, err)
			require.Equal(t, int32(3), leader.calls.Load())
			if other != nil {
				require.Equal(t, int32(1), other.calls.Load())
			}
			_, _, err = newRaw(t, first, leader.addr).Get(t.Context(), engine.CFDefault, []byte("a"))
			require.NoError(t, err, "a read that begins at the wrong place")
		})
	}
}

// While nobody leads, everybody is asked again and again.
func TestElectionIsAwaited(t *testing.T) {
	notLeader := &errorpb.Error{Message: "nobody leads", NotLeader: &errorpb.NotLeader{RegionId: 1}}
	soon := func(_ context.Context, n int) (*errorpb.Error, string, error) {
		if n < 4 {
			return notLeader, "", nil
		}
		return nil, "", nil
	}
	a, b := serve(t, soon), serve(t, regionError(notLeader))
	require.NoError(t, newRaw(t, a.addr, b.addr).Put(t.Context(), engine.CFDefault, []byte("a"), nil))
	require.Equal(t, int32(3), b.calls.Load())

	// Time may be up while a store has the request: then nobody knows. Or before any
	// store has answered.
	for range 20 {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		err := newRaw(t, b.addr, b.addr).Put(ctx, engine.CFDefault, []byte("a"), nil)
		cancel()
		var unknown *client.OutcomeUnknownError
		if errors.As(err, &unknown) {
			continue
		}
		var refused *client.RefusedError
		require.ErrorAs(t, err, &refused)
		if !strings.Contains(err.Error(), "nobody leads") {
			require.Equal(t, codes.DeadlineExceeded, status.Code(err))
			continue
		}
		return
	}
	t.Fatal("time is never up between two requests")
}

// A write that a store may have got is not sent again, whatever became of the
// call. A read is.
func TestUnknownOutcome(t *testing.T) {
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
			err := newRaw(t, a.addr, b.addr).Put(t.Context(), engine.CFDefault, []byte("a"), nil)
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
	_, _, err := newRaw(t, a.addr, b.addr).Get(t.Context(), engine.CFDefault, []byte("a"))
	require.NoError(t, err)
}

// Some errors are the same everywhere.
func TestFinalErrors(t *testing.T) {
	for says, answer := range map[string]func(context.Context, int) (*errorpb.Error, string, error){
		"key is empty": func(context.Context, int) (*errorpb.Error, string, error) {
			return nil, "", status.Error(codes.InvalidArgument, "key is empty")
		},
		"no space left": func(context.Context, int) (*errorpb.Error, string, error) { return nil, "no space left", nil },
		"region error: key is not in region": regionError(&errorpb.Error{
			Message: "key is not in region", KeyNotInRegion: &errorpb.KeyNotInRegion{},
		}),
	} {
		a, b := serve(t, answer), serve(t, good)
		c := newRaw(t, a.addr, b.addr)
		err := c.Put(t.Context(), engine.CFDefault, []byte("a"), nil)
		require.ErrorContains(t, err, says)
		var unknown *client.OutcomeUnknownError
		require.NotErrorAs(t, err, &unknown)
		_, _, err = c.Get(t.Context(), engine.CFDefault, []byte("a"))
		require.ErrorContains(t, err, says)
		require.Zero(t, b.calls.Load())
	}
}

// The deadline of the call holds, whatever the stores do.
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
	require.Equal(t, codes.DeadlineExceeded, status.Code(err))
	var unknown *client.OutcomeUnknownError
	require.NotErrorAs(t, c.Put(ctx, engine.CFDefault, []byte("a"), nil), &unknown, "nothing was sent")
	ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.ErrorAs(t, c.Put(ctx, engine.CFDefault, []byte("a"), nil), &unknown)
}

func TestOnlyStoreIsDown(t *testing.T) {
	var refused *client.RefusedError
	require.ErrorAs(t, newRaw(t, nobody(t)).Put(t.Context(), engine.CFDefault, []byte("a"), nil), &refused)
	_, err := client.NewRaw(client.Config{})
	require.ErrorContains(t, err, "no addresses")
}
