//go:build variant

// Handlers close their views as soon as a command has decided, and once more at the end. The
// contract of storage.Reader says that a second call does nothing.
//
//lab:variant kv/server 4B 4C
package server

import (
	"context"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/storage"
	"github.com/labkv/labkv/kv/transaction"
)

func read[Request txnRequest, Response any](ctx context.Context, s *Server, req Request,
	command func(*transaction.Reader, Request) (Response, error),
) (resp Response, err error) {
	view, err := s.storage.Reader(ctx, req.GetContext())
	if err != nil {
		return resp, err
	}
	defer view.Close()
	defer view.Close()
	return command(transaction.NewReader(view), req)
}

func write[Request txnRequest, Response any](ctx context.Context, s *Server, req Request, keys [][]byte,
	command func(*transaction.Reader, Request) (Response, []engine.Op, error),
) (resp Response, err error) {
	release, err := s.latches.Acquire(ctx, keys)
	if err != nil {
		return resp, err
	}
	defer release()
	view, err := s.storage.Reader(ctx, req.GetContext())
	if err != nil {
		return resp, err
	}
	defer view.Close()
	resp, ops, err := command(transaction.NewReader(view), req)
	term := storage.Term(view)
	view.Close()
	if err != nil || len(ops) == 0 {
		return resp, err
	}
	return resp, s.storage.Write(context.WithoutCancel(ctx), inTerm(req.GetContext(), term), ops)
}
