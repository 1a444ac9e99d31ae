//go:build mutant

// The write of KvResolveLock ends when its client hangs up, and so do its latches,
// while the write is still on its way.
//
//lab:mutant 4C kv/server
package server

import (
	"context"

	"github.com/labkv/labkv/kv/storage"
	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (s *Server) resolve(ctx context.Context, req *kvrpcpb.ResolveLockRequest) (*kvrpcpb.ResolveLockResponse, error) {
	if err := transaction.CheckResolve(req); err != nil {
		return nil, err
	}
	for {
		more, err := resolveSome(ctx, s, req)
		if err != nil || !more {
			return &kvrpcpb.ResolveLockResponse{}, err
		}
	}
}

func resolveSome(ctx context.Context, s *Server, req *kvrpcpb.ResolveLockRequest) (more bool, err error) {
	view, err := s.storage.Reader(ctx, req.GetContext())
	if err != nil {
		return false, err
	}
	keys, err := transaction.LocksOf(transaction.NewReader(view), req.StartVersion, 64)
	view.Close()
	if err != nil || len(keys) == 0 {
		return false, err
	}
	release, err := s.latches.Acquire(ctx, keys)
	if err != nil {
		return false, err
	}
	defer release()
	if view, err = s.storage.Reader(ctx, req.GetContext()); err != nil {
		return false, err
	}
	defer view.Close()
	_, ops, err := transaction.ResolveLock(transaction.NewReader(view), req, keys)
	if err != nil || len(ops) == 0 {
		return true, err
	}
	return true, s.storage.Write(ctx, inTerm(req.GetContext(), storage.Term(view)), ops)
}
