//go:build mutant

// KvBatchRollback gets its reader, and then the latches: it decides on a state from
// before its turn.
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
	view, err := s.storage.Reader(ctx, req.GetContext())
	if err != nil {
		return nil, err
	}
	defer view.Close()
	release, err := s.latches.Acquire(ctx, req.GetKeys())
	if err != nil {
		return nil, err
	}
	defer release()
	resp, ops, err := transaction.BatchRollback(transaction.NewReader(view), req)
	if err != nil || len(ops) == 0 {
		return resp, err
	}
	return resp, s.storage.Write(context.WithoutCancel(ctx), inTerm(req.GetContext(), storage.Term(view)), ops)
}
