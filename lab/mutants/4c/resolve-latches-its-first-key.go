//go:build mutant

// KvResolveLock latches the first one of the keys that it has found.
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
			keys, err = transaction.LocksOf(r, req.StartVersion, 64)
			return none, err
		})
		if err != nil {
			return nil, err
		}
		if len(keys) == 0 {
			return &kvrpcpb.ResolveLockResponse{}, nil
		}
		resp, err := write(ctx, s, req, keys[:1], func(r *transaction.Reader, req *kvrpcpb.ResolveLockRequest) (*kvrpcpb.ResolveLockResponse, []engine.Op, error) {
			return transaction.ResolveLock(r, req, keys)
		})
		if err != nil {
			return resp, err
		}
	}
}
