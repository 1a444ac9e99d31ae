package client

import (
	"context"
	"time"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/proto/schedulerpb"
)

// streaming is what the log calls the stream of heartbeats.
const streaming = "region heartbeats"

// run keeps a stream for the heartbeats of regions until the client closes.
func (c *StoreClient) run() {
	var wait pauses
	for {
		begin := time.Now()
		err := c.session(c.ctx)
		if c.ctx.Err() != nil {
			return
		}
		c.note(streaming, err)
		if time.Since(begin) > maxPause {
			wait.reset() // it did work for a while
		}
		timer := time.NewTimer(wait.next())
		select {
		case <-timer.C:
		case <-c.ctx.Done():
			timer.Stop()
			return
		}
	}
}

// session opens a stream and sends heartbeats until the stream breaks. It returns
// the reason, never nil.
func (c *StoreClient) session(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stream, err := c.cfg.Scheduler.RegionHeartbeat(ctx)
	if err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		// The scheduler answers at once that there is a stream, and then only when
		// there is something to do.
		if header, err := stream.Header(); err == nil && header != nil {
			c.note(streaming, nil)
		}
		for {
			order, err := stream.Recv()
			if err != nil {
				cancel(errors.Annotate(err, "the stream has ended"))
				return
			}
			c.order(order)
		}
	}()
	defer func() { cancel(nil); <-ended }()
	for {
		h := c.queue.take()
		if h == nil {
			select {
			case <-c.queue.wake:
				continue
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		if err := stream.Send(h); err != nil {
			<-ctx.Done() // the receiving side learns why, and ends ctx
			return context.Cause(ctx)
		}
	}
}

// order hands an order to the store. What is not an order says only that the
// scheduler has the heartbeat, or why it does not take it.
func (c *StoreClient) order(r *schedulerpb.RegionHeartbeatResponse) {
	err := Check(r.Header)
	c.note(streaming, err)
	if err == nil && (r.ChangePeer != nil || r.TransferLeader != nil || r.SplitRegion != nil) {
		c.receiver.Order(r)
	}
}
