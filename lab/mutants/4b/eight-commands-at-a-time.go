//go:build mutant

// At most eight commands write at a time, so that the disk is not flooded. When
// eight writes wait in a region without a majority, no command of any other
// region is served.
//
//lab:mutant 4B kv/server
package server

import (
	"context"
	"sync"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/storage"
	"github.com/labkv/labkv/kv/transaction"
)

var slots sync.Map

func writers(s *Server) chan struct{} {
	slot, _ := slots.LoadOrStore(s, make(chan struct{}, 8))
	return slot.(chan struct{})
}

func write[Request txnRequest, Response any](ctx context.Context, s *Server, req Request, keys [][]byte,
	command func(*transaction.Reader, Request) (Response, []engine.Op, error),
) (resp Response, err error) {
	release, err := s.latches.Acquire(ctx, keys)
	if err != nil {
		return resp, err
	}
	select {
	case writers(s) <- struct{}{}:
	case <-ctx.Done():
		release()
		return resp, ctx.Err()
	}
	defer func() { <-writers(s) }()
	defer release()

	view, err := s.storage.Reader(ctx, req.GetContext())
	if err != nil {
		return resp, err
	}
	resp, ops, err := command(transaction.NewReader(view), req)
	term := storage.Term(view)
	view.Close()
	if err != nil || len(ops) == 0 {
		return resp, err
	}
	return resp, s.storage.Write(context.WithoutCancel(ctx), inTerm(req.GetContext(), term), ops)
}
