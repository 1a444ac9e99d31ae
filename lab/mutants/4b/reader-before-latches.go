//go:build mutant

// A command opens its reader before it waits for its keys. It decides on the state
// from before the command that it has waited for.
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
	view, err := s.storage.Reader(ctx, req.GetContext())
	if err != nil {
		return resp, err
	}
	release, err := s.latches.Acquire(ctx, keys)
	if err != nil {
		view.Close()
		return resp, err
	}
	defer release()
	resp, ops, err := command(transaction.NewReader(view), req)
	term := storage.Term(view)
	view.Close()
	if err != nil || len(ops) == 0 {
		return resp, err
	}
	return resp, s.storage.Write(context.WithoutCancel(ctx), inTerm(req.GetContext(), term), ops)
}
