//go:build mutant

// A command waits for its keys although its client has gone, and is carried out then.
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
	release, err := s.latches.Acquire(context.WithoutCancel(ctx), keys)
	if err != nil {
		return resp, err
	}
	defer release()
	view, err := s.storage.Reader(context.WithoutCancel(ctx), req.GetContext())
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
