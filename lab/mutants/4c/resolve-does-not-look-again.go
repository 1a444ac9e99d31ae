//go:build mutant

// KvResolveLock decides on what it has read before it had the latches of the keys: a
// lock that another client has finished meanwhile is finished once more, in another
// way.
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
	defer view.Close()
	r := transaction.NewReader(view)
	keys, err := transaction.LocksOf(r, req.StartVersion, 64)
	if err != nil || len(keys) == 0 {
		return false, err
	}
	release, err := s.latches.Acquire(ctx, keys)
	if err != nil {
		return false, err
	}
	defer release()
	_, ops, err := transaction.ResolveLock(r, req, keys)
	if err != nil || len(ops) == 0 {
		return true, err
	}
	return true, s.storage.Write(context.WithoutCancel(ctx), inTerm(req.GetContext(), storage.Term(view)), ops)
}
