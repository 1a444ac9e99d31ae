//go:build mutant

// KvBatchRollback decides and writes without latches.
//
//lab:mutant 4C kv/server
package server

import (
	"context"

	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (s *Server) KvBatchRollback(ctx context.Context, req *kvrpcpb.BatchRollbackRequest) (*kvrpcpb.BatchRollbackResponse, error) {
	resp, err := write(ctx, s, req, nil, transaction.BatchRollback)
	if err != nil {
		region, err := txnOutcome(err)
		return &kvrpcpb.BatchRollbackResponse{RegionError: region}, err
	}
	return resp, nil
}
