package endpoint

import (
	"context"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// A drain counts the calls under way, so that streams, which calls may depend on,
// end after them.
type drain struct {
	mu       sync.Mutex
	calls    int  // under way, streams aside
	stopping bool // no call is let in

	// streams is done when streams are to end.
	streams    context.Context
	endStreams context.CancelFunc
}

func newDrain() *drain {
	d := &drain{}
	d.streams, d.endStreams = context.WithCancel(context.Background())
	return d
}

// begin lets no more calls in, and ends the streams after the last one.
func (d *drain) begin() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stopping = true
	if d.calls == 0 {
		d.endStreams()
	}
}

func (d *drain) unary(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	d.mu.Lock()
	if d.stopping {
		d.mu.Unlock()
		return nil, status.Error(codes.Unavailable, "this server is stopping")
	}
	d.calls++
	d.mu.Unlock()
	defer func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.calls--; d.calls == 0 && d.stopping {
			d.endStreams()
		}
	}()
	return handle(ctx, req)
}

func (d *drain) stream(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handle grpc.StreamHandler) error {
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	defer context.AfterFunc(d.streams, cancel)()
	return handle(srv, &endingStream{stream, ctx})
}

// An endingStream has a context that also ends when the endpoint wants it to.
type endingStream struct {
	grpc.ServerStream
	ctx context.Context
}

func (s *endingStream) Context() context.Context { return s.ctx }
