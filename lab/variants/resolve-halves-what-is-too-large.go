//go:build variant

// KvResolveLock tries to finish all locks with one write, and half as many as long as the
// storage says that the write is too large: a write that was refused has had no effect.
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
	for limit := 1 << 20; ; {
		keys, err := read(ctx, s, req, func(r *transaction.Reader, req *kvrpcpb.ResolveLockRequest) ([][]byte, error) {
			return transaction.LocksOf(r, req.StartVersion, limit)
		})
		if err != nil || len(keys) == 0 {
			return &kvrpcpb.ResolveLockResponse{}, err
		}
		_, err = write(ctx, s, req, keys, func(r *transaction.Reader, req *kvrpcpb.ResolveLockRequest) (*kvrpcpb.ResolveLockResponse, []engine.Op, error) {
			return transaction.ResolveLock(r, req, keys)
		})
		var tooLarge *engine.TooLargeError
		switch {
		case as(err, &tooLarge) && len(keys) > 1:
			limit = len(keys) / 2
		case err != nil:
			return nil, err
		}
	}
}
