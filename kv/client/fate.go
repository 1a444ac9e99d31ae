package client

import (
	"context"
	"sync/atomic"

	"google.golang.org/grpc/stats"
)

// A fate is how far a call got. Its status alone does not say: a call that never
// left, one that was refused, and one whose connection broke while the store was
// at work all end as Unavailable.
type fate struct {
	sent     atomic.Bool // the request may have reached the store
	answered atomic.Bool // the store has ended the call
}

// fateKey is where the context of a call has its fate.
type fateKey struct{}

// delivery notes the fates of all calls of a connection.
type delivery struct{}

func (delivery) HandleRPC(ctx context.Context, event stats.RPCStats) {
	f, ok := ctx.Value(fateKey{}).(*fate)
	if !ok {
		return
	}
	switch event.(type) {
	case *stats.OutPayload:
		f.sent.Store(true)
	case *stats.InTrailer:
		f.answered.Store(true)
	}
}

func (delivery) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context   { return ctx }
func (delivery) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (delivery) HandleConn(context.Context, stats.ConnStats)                       {}
