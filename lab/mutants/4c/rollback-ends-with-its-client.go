//go:build mutant

// The write of KvBatchRollback ends when its client hangs up, and so do its latches.
// The write is still on its way: the next command reads the state before it.
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
	defer release()
	view, err := s.storage.Reader(ctx, req.GetContext())
	if err != nil {
		return nil, err
	}
	resp, ops, err := transaction.BatchRollback(transaction.NewReader(view), req)
	term := storage.Term(view)
	view.Close()
	if err != nil || len(ops) == 0 {
		return resp, err
	}
	return resp, s.storage.Write(ctx, inTerm(req.GetContext(), term), ops)
}
