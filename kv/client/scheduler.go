package client

import (
	"bytes"
	"cmp"
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pingcap/errors"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/schedulerpb"
)

const (
	// schedulerName is the Addr of a RefusedError that the scheduler is the reason of.
	schedulerName = "the scheduler"
	// answerTimeout is how long the scheduler may take to answer before it is asked
	// again. newsTimeout is the same if the client can go on without the answer.
	answerTimeout = 2 * time.Second
	newsTimeout   = 500 * time.Millisecond
)

// A scheduler answers questions about the cluster. What it says is as old as the
// last heartbeats that it got. Errors are *RefusedErrors: no request that waits for
// an answer was sent.
type scheduler struct {
	stub schedulerpb.SchedulerClient
	// cluster is the header of every question; nil until the scheduler has told the
	// cluster's id.
	cluster atomic.Pointer[schedulerpb.RequestHeader]

	// Questions that are on their way, so that none is asked twice at once.
	regions questions[string]
	stores  questions[uint64]
}

// ask carries out a call within a time, and returns the error of its response.
func (s *scheduler) ask(ctx context.Context, within time.Duration, call func(context.Context, *schedulerpb.RequestHeader) (*schedulerpb.ResponseHeader, error)) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	if s.cluster.Load() == nil {
		// GetMembers is the one call that needs no id.
		r, err := s.stub.GetMembers(ctx, &schedulerpb.GetMembersRequest{Header: &schedulerpb.RequestHeader{}})
		if err := answered(r.GetHeader(), err); err != nil {
			return err
		}
		s.cluster.Store(&schedulerpb.RequestHeader{ClusterId: r.GetHeader().GetClusterId()})
	}
	return answered(call(ctx, s.cluster.Load()))
}

// answered returns nil if a call was answered without an error. Otherwise the
// scheduler may answer soon, unless what was asked is another service.
func answered(header *schedulerpb.ResponseHeader, err error) error {
	if err != nil {
		refusal := refusedBy(err)
		refusal.final = status.Code(err) == codes.Unimplemented
		return refusal
	}
	if e := header.GetError(); e.GetType() != schedulerpb.ErrorType_OK {
		return refusedBy(errors.New(cmp.Or(e.Message, e.Type.String())))
	}
	return nil
}

func refusedBy(reason error) *RefusedError { return &RefusedError{Addr: schedulerName, Err: reason} }

// region returns the region of key, and its leader if that is known.
func (s *scheduler) region(ctx context.Context, within time.Duration, key []byte) (r *metapb.Region, leader *metapb.Peer, err error) {
	var resp *schedulerpb.GetRegionResponse
	err = s.ask(ctx, within, func(ctx context.Context, h *schedulerpb.RequestHeader) (*schedulerpb.ResponseHeader, error) {
		var err error
		resp, err = s.stub.GetRegion(ctx, &schedulerpb.GetRegionRequest{Header: h, RegionKey: bytes.Clone(key)})
		return resp.GetHeader(), err
	})
	return resp.GetRegion(), resp.GetLeader(), err
}

// store returns a store that is not gone.
func (s *scheduler) store(ctx context.Context, id uint64) (*metapb.Store, error) {
	var resp *schedulerpb.GetStoreResponse
	err := s.ask(ctx, answerTimeout, func(ctx context.Context, h *schedulerpb.RequestHeader) (*schedulerpb.ResponseHeader, error) {
		var err error
		resp, err = s.stub.GetStore(ctx, &schedulerpb.GetStoreRequest{Header: h, StoreId: id})
		return resp.GetHeader(), err
	})
	switch st := resp.GetStore(); {
	case err != nil:
		return nil, err
	case st == nil || st.Id != id:
		return nil, refusedBy(errors.Errorf("store %d is not known", id))
	case st.State == metapb.StoreState_Tombstone:
		return nil, refusedBy(errors.Errorf("store %d is gone for good", id))
	default:
		return st, nil
	}
}

// all returns all stores, also those that are gone.
func (s *scheduler) all(ctx context.Context) ([]*metapb.Store, error) {
	var resp *schedulerpb.GetAllStoresResponse
	err := s.ask(ctx, newsTimeout, func(ctx context.Context, h *schedulerpb.RequestHeader) (*schedulerpb.ResponseHeader, error) {
		var err error
		resp, err = s.stub.GetAllStores(ctx, &schedulerpb.GetAllStoresRequest{Header: h})
		return resp.GetHeader(), err
	})
	return resp.GetStores(), err
}

// questions are those under way, by what they are about. The zero questions are
// ready for use.
type questions[K comparable] struct {
	mu   sync.Mutex
	open map[K]*question
}

type question struct {
	answered chan struct{} // closed at the end
	err      error
}

// do calls ask, on this goroutine, or waits for the call that is under way for the
// same thing, whose context may be another one. It returns the error of that call;
// if ctx ends first, a *RefusedError with its error.
func (qs *questions[K]) do(ctx context.Context, about K, ask func() error) error {
	qs.mu.Lock()
	if q := qs.open[about]; q != nil {
		qs.mu.Unlock()
		select {
		case <-q.answered:
			return q.err
		case <-ctx.Done():
			return refusedBy(status.FromContextError(ctx.Err()).Err())
		}
	}
	q := &question{answered: make(chan struct{}), err: refusedBy(errors.New("the question was given up"))}
	if qs.open == nil {
		qs.open = map[K]*question{}
	}
	qs.open[about] = q
	qs.mu.Unlock()
	defer func() {
		qs.mu.Lock()
		delete(qs.open, about)
		qs.mu.Unlock()
		close(q.answered)
	}()
	q.err = ask()
	return q.err
}
