//go:build mutant

// A command takes the writes that it has decided on a draft to the present term: it asks
// for a confirmed view, and writes in the term of that one. The storage does not refuse
// them, although another store has led between the two terms.
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
	draft, err := storage.Draft(ctx, s.storage, req.GetContext())
	if err != nil {
		return resp, err
	}
	resp, ops, _, err := decide(draft, req, command)
	view, readerErr := s.storage.Reader(ctx, req.GetContext())
	if readerErr != nil {
		return resp, readerErr
	}
	if err != nil || len(ops) == 0 {
		resp, ops, _, err = decide(view, req, command)
	}
	term := storage.Term(view)
	view.Close()
	if err != nil || len(ops) == 0 {
		return resp, err
	}
	return resp, s.storage.Write(context.WithoutCancel(ctx), inTerm(req.GetContext(), term), ops)
}
