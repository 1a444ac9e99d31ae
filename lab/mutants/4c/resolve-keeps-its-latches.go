//go:build mutant

// KvResolveLock keeps the latches of the locks that it has finished until it
// ends. A commit of a key that comes later and of one that was finished has the
// latch of the former and waits for that of the latter; KvResolveLock has the
// latter and waits for the former. Neither ever ends.
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
	held := map[string]bool{}
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
		var fresh [][]byte
		for _, key := range keys {
			if !held[string(key)] {
				held[string(key)] = true
				fresh = append(fresh, key)
			}
		}
		release, err := s.latches.Acquire(ctx, fresh)
		if err != nil {
			return nil, err
		}
		defer release()
		// The keys were read without their latches, so ResolveLock looks at each again.
		resp, err := write(ctx, s, req, nil, func(r *transaction.Reader, req *kvrpcpb.ResolveLockRequest) (*kvrpcpb.ResolveLockResponse, []engine.Op, error) {
			return transaction.ResolveLock(r, req, keys)
		})
		if err != nil || len(keys) < locksAtOnce {
			return resp, err
		}
	}
}
