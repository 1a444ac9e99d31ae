//go:build mutant

// KvBatchRollback gives its latches back after success only. After a request that was
// refused, its keys are blocked until the store is started again.
//
//lab:mutant 4C kv/server
package server

import (
	"context"

	"github.com/labkv/labkv/kv/storage"
	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (s *Server) KvBatchRollback(ctx context.Context, req *kvrpcpb.BatchRollbackRequest) (*kvrpcpb.BatchRollbackResponse, error) {
	resp, err := step(ctx, s, req)
	if err != nil {
		region, err := txnOutcome(err)
		return &kvrpcpb.BatchRollbackResponse{RegionError: region}, err
	}
	return resp, nil
}

func step(ctx context.Context, s *Server, req *kvrpcpb.BatchRollbackRequest) (*kvrpcpb.BatchRollbackResponse, error) {
	release, err := s.latches.Acquire(ctx, req.GetKeys())
	if err != nil {
		return nil, err
	}

	view, err := s.storage.Reader(ctx, req.GetContext())
	if err != nil {
		return nil, err
	}
	resp, ops, err := transaction.BatchRollback(transaction.NewReader(view), req)
	term := storage.Term(view)
	view.Close()
	if err != nil {
		return nil, err
	}
	if len(ops) == 0 {
		release()
		return resp, nil
	}
	if err = s.storage.Write(context.WithoutCancel(ctx), inTerm(req.GetContext(), term), ops); err == nil {
		release()
	}
	return resp, err
}
