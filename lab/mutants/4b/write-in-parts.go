//go:build mutant

// A large write is handed to the storage in parts of a hundred operations. If one
// of them is refused, those before it have taken place: the client is told that
// nothing was done, and some of the keys are locked, or committed.
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
	for len(ops) > 0 {
		n := min(len(ops), 100)
		if err := s.storage.Write(context.WithoutCancel(ctx), inTerm(req.GetContext(), term), ops[:n]); err != nil {
			return resp, err
		}
		ops = ops[n:]
	}
	return resp, nil
}
