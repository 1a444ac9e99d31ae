//go:build mutant

// The keys of a command that fails stay latched: release is called at the end, and
// not on the way out.
//
//lab:mutant 4B kv/server
package server

import (
	"context"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/storage"
	"github.com/labkv/labkv/kv/transaction"
)

func write[Request txnRequest, Response any](ctx context.Context, s *Server, req Request, keys [][]byte,
	command func(*transaction.Reader, Request) (Response, []engine.Op, error),
) (resp Response, err error) {
	release, err := s.latches.Acquire(ctx, keys)
	if err != nil {
		return resp, err
	}
	view, err := s.storage.Reader(ctx, req.GetContext())
	if err != nil {
		return resp, err
	}
	resp, ops, err := command(transaction.NewReader(view), req)
	term := storage.Term(view)
	view.Close()
	if err != nil {
		return resp, err
	}
	defer release()
	if len(ops) == 0 {
		return resp, nil
	}
	return resp, s.storage.Write(context.WithoutCancel(ctx), inTerm(req.GetContext(), term), ops)
}
