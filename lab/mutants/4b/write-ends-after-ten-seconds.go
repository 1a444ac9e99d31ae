//go:build mutant

// A handler waits for its write, whether its client does or not, but for ten
// seconds at most. A write that takes longer is still on its way through the log
// when its latches are free, and the next command decides on the state before it.
//
//lab:mutant 4B kv/server
package server

import (
	"context"
	"time"

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
	waiting, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return resp, s.storage.Write(waiting, inTerm(req.GetContext(), term), ops)
}
