//go:build variant

// KvResolveLock looks for all locks at once, and then finishes each with a write of its
// own. The comment on KvResolveLock leaves open how many locks are finished at once.
//
//lab:variant kv/server 4C
package server

import (
	"context"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (s *Server) resolve(ctx context.Context, req *kvrpcpb.ResolveLockRequest) (*kvrpcpb.ResolveLockResponse, error) {
	if err := transaction.CheckResolve(req); err != nil {
		return nil, err
	}
	keys, err := locksOf(ctx, s, req)
	if err != nil {
		return nil, err
	}
	for _, key := range keys {
		one := [][]byte{key}
		if _, err := write(ctx, s, req, one, func(r *transaction.Reader, req *kvrpcpb.ResolveLockRequest) (*kvrpcpb.ResolveLockResponse, []engine.Op, error) {
			return transaction.ResolveLock(r, req, one)
		}); err != nil {
			return nil, err
		}
	}
	return &kvrpcpb.ResolveLockResponse{}, nil
}

func locksOf(ctx context.Context, s *Server, req *kvrpcpb.ResolveLockRequest) ([][]byte, error) {
	view, err := s.storage.Reader(ctx, req.GetContext())
	if err != nil {
		return nil, err
	}
	defer view.Close()
	return transaction.LocksOf(transaction.NewReader(view), req.StartVersion, 1<<20)
}
