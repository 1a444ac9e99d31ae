package client

import (
	"context"
	"io"
	"sync"

	"github.com/pingcap/errors"
	"google.golang.org/grpc/status"

	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/proto/schedulerpb"
)

// timestamps hands out timestamps of the scheduler. Callers that come while a request
// is under way share the next one: a timestamp must be above all that were handed out
// before its caller asked for it, and that request has not left yet.
type timestamps struct {
	cluster *cluster

	mu   sync.Mutex
	busy bool   // a request is under way, or the batch has its turn
	open *batch // of the callers that wait for their turn; nil: there are none
}

// A batch is the callers that share a request.
type batch struct {
	n    uint32
	turn chan struct{} // has an element once one of the callers is to ask for all
	done chan struct{} // closed once these are set:
	last uint64        // timestamp of the batch; the others are just below
	err  error
}

// next returns a timestamp above all that were handed out before the call. The error is
// a *RefusedError.
func (t *timestamps) next(ctx context.Context) (ts uint64, err error) {
	p := pace{pause: minPause}
	_, err = persist(ctx, true, func() error {
		var err error
		ts, err = t.once(ctx)
		return err
	}, func(*RefusedError) error {
		if p.rest(ctx, &t.cluster.cfg) != nil {
			return errNoTime
		}
		return nil
	})
	return ts, err
}

// once returns a timestamp of the request after the present one.
func (t *timestamps) once(ctx context.Context) (uint64, error) {
	if err := ctx.Err(); err != nil {
		return 0, refusedBy(status.FromContextError(err).Err())
	}
	t.mu.Lock()
	if t.open == nil {
		t.open = &batch{turn: make(chan struct{}, 1), done: make(chan struct{})}
	}
	b := t.open
	below := b.n
	b.n++
	if !t.busy {
		t.busy = true
		b.turn <- struct{}{}
	}
	t.mu.Unlock()

	select {
	case <-b.turn:
		t.serve(ctx, b)
	case <-b.done:
	case <-ctx.Done():
		// If its turn comes and all of its callers have left, the batch waits for
		// another one.
		return 0, refusedBy(status.FromContextError(ctx.Err()).Err())
	}
	return b.last - uint64(below), b.err
}

// serve asks for the timestamps of b, whose turn it is, and gives the turn to the next
// batch.
func (t *timestamps) serve(ctx context.Context, b *batch) {
	t.mu.Lock()
	t.open = nil // it is complete
	t.mu.Unlock()
	b.last, b.err = t.cluster.scheduler.timestamps(ctx, b.n)
	close(b.done)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.busy = t.open != nil
	if t.busy {
		t.open.turn <- struct{}{}
	}
}

// timestamps returns the last of n timestamps; the others are just below. Each request
// has a stream of its own, which costs no more than a call, ends with the request's
// context, and need not be repaired.
func (s *scheduler) timestamps(ctx context.Context, n uint32) (last uint64, err error) {
	var resp *schedulerpb.TsoResponse
	err = s.ask(ctx, answerTimeout, func(ctx context.Context, h *schedulerpb.RequestHeader) (*schedulerpb.ResponseHeader, error) {
		stream, err := s.stub.Tso(ctx)
		if err != nil {
			return nil, err
		}
		err = stream.Send(&schedulerpb.TsoRequest{Header: h, Count: n})
		if err == nil {
			err = stream.CloseSend()
		}
		if err != nil && err != io.EOF { // that means that Recv has the error
			return nil, err
		}
		if resp, err = stream.Recv(); err == nil {
			_, _ = stream.Recv() // to its end: then it need not be broken off
		}
		return resp.GetHeader(), err
	})
	switch ts := resp.GetTimestamp(); {
	case err != nil:
		return 0, err
	case resp.Count != n || ts.GetPhysical() <= 0 || ts.GetLogical() < int64(n)-1:
		return 0, refusedBy(errors.Errorf("it was asked for %d timestamps and answers %v", n, resp))
	default:
		return transaction.Timestamp(ts.Physical, ts.Logical), nil
	}
}
