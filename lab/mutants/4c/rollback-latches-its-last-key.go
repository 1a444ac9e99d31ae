//go:build mutant

// KvBatchRollback latches the last one of its keys only.
//
//lab:mutant 4C kv/server
package server

import (
	"context"

	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (s *Server) KvBatchRollback(ctx context.Context, req *kvrpcpb.BatchRollbackRequest) (*kvrpcpb.BatchRollbackResponse, error) {
	keys := req.GetKeys()
	resp, err := write(ctx, s, req, keys[max(len(keys)-1, 0):], transaction.BatchRollback)
	if err != nil {
		region, err := txnOutcome(err)
		return &kvrpcpb.BatchRollbackResponse{RegionError: region}, err
	}
	return resp, nil
}
