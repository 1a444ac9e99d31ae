package client

import (
	"context"
	"math"
	"sync/atomic"
	"time"

	"github.com/pingcap/errors"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/stats"
)

// dial is the default of Config.Dial.
func dial(addr string) (Conn, error) {
	conn, err := grpc.NewClient(addr,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithStatsHandler(watcher{}),
		grpc.WithConnectParams(grpc.ConnectParams{
			// A store that was restarted is to be found soon.
			Backoff:           backoff.Config{BaseDelay: minPause, Multiplier: 2, Jitter: 0.5, MaxDelay: maxPause},
			MinConnectTimeout: readTimeout,
		}),
		// A machine that lost its power closes no connection.
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 10 * time.Second, Timeout: 5 * time.Second}),
		// Windows of a fixed size: to find out a good one, gRPC would answer
		// every burst of data with a ping.
		grpc.WithInitialWindowSize(1<<20),
		grpc.WithInitialConnWindowSize(4<<20),
		// Whether an answer is too large is for the store to say.
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(math.MaxInt32)),
	)
	if err != nil {
		return nil, errors.Trace(err)
	}
	return &connection{conn}, nil
}

// A connection is a Conn over gRPC.
type connection struct {
	*grpc.ClientConn
}

// Invoke is that of Conn.
func (c *connection) Invoke(ctx context.Context, method string, args, reply any, options ...grpc.CallOption) error {
	w := &watch{}
	err := c.ClientConn.Invoke(context.WithValue(ctx, watchKey{}, w), method, args, reply, options...)
	switch {
	case err == nil:
		return nil
	case w.answered.Load():
		return &CallError{Answered, err}
	case !w.sent.Load():
		return &CallError{Unsent, err}
	default:
		return err
	}
}

// A watch notes what gRPC reports of one call. The attempts that gRPC makes on
// its own share it.
type watch struct {
	sent     atomic.Bool // the request may have left
	answered atomic.Bool // the store's status has arrived
}

// watchKey is where the context of a call has its watch.
type watchKey struct{}

// A watcher is the stats.Handler that keeps the watches of a connection.
type watcher struct{}

func (watcher) HandleRPC(ctx context.Context, event stats.RPCStats) {
	w, ok := ctx.Value(watchKey{}).(*watch)
	if !ok {
		return
	}
	switch event.(type) {
	case *stats.OutPayload:
		w.sent.Store(true)
	case *stats.InTrailer:
		w.answered.Store(true)
	}
}

func (watcher) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context   { return ctx }
func (watcher) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (watcher) HandleConn(context.Context, stats.ConnStats)                       {}
