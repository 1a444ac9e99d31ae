//go:build mutant

// The store remembers which transactions it has resolved in a region, and does
// not look again. A late prewrite of such a transaction has locked another key
// since: it stays locked, and each client that meets it is told that all is done.
//
//lab:mutant 4C kv/server
package server

import (
	"context"
	"sync"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (s *Server) resolve(ctx context.Context, req *kvrpcpb.ResolveLockRequest) (_ *kvrpcpb.ResolveLockResponse, err error) {
	if err := transaction.CheckResolve(req); err != nil {
		return nil, err
	}
	mark := finished{s, req.GetContext().GetRegionId(), req.StartVersion}
	if _, ok := all.Load(mark); ok {
		return &kvrpcpb.ResolveLockResponse{}, nil
	}
	defer func() {
		if err == nil {
			all.Store(mark, true)
		}
	}()
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
		// The keys were read without their latches, so ResolveLock looks at each again.
		resp, err := write(ctx, s, req, keys, func(r *transaction.Reader, req *kvrpcpb.ResolveLockRequest) (*kvrpcpb.ResolveLockResponse, []engine.Op, error) {
			return transaction.ResolveLock(r, req, keys)
		})
		if err != nil || len(keys) < locksAtOnce {
			return resp, err
		}
	}
}

type finished struct {
	s               *Server
	region, startTS uint64
}

var all sync.Map
