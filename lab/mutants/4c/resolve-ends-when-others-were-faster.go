//go:build mutant

// KvResolveLock takes a part in which it has nothing to write for the end.
// Another client has finished just these locks between the search and the
// latches. The locks behind them stay, and the answer is that all is done.
//
//lab:mutant 4C kv/server
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
	for {
		var keys [][]byte
		_, err := read(ctx, s, req, func(r *transaction.Reader, req *kvrpcpb.ResolveLockRequest) (none struct{}, err error) {
			keys, err = transaction.LocksOf(r, req.StartVersion, locksAtOnce)
			return none, err
		})
		if err != nil {
			return nil, err
		}
		if len(keys) == 0 {
			return &kvrpcpb.ResolveLockResponse{}, nil
		}
		beaten := false
		resp, err := write(ctx, s, req, keys, func(r *transaction.Reader, req *kvrpcpb.ResolveLockRequest) (*kvrpcpb.ResolveLockResponse, []engine.Op, error) {
			resp, ops, err := transaction.ResolveLock(r, req, keys)
			beaten = len(ops) == 0
			return resp, ops, err
		})
		if err != nil || beaten || len(keys) < locksAtOnce {
			return resp, err
		}
	}
}
