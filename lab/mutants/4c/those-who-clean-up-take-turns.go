//go:build mutant

// Rollbacks and questions about transactions take one latch more than their keys, which
// is the same for all of them, to be on the safe side. While one of them waits for a
// disk, all others of the store do.
//
//lab:mutant 4C kv/server
package server

import (
	"context"

	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (s *Server) KvBatchRollback(ctx context.Context, req *kvrpcpb.BatchRollbackRequest) (*kvrpcpb.BatchRollbackResponse, error) {
	resp, err := write(ctx, s, req, append([][]byte{nil}, req.GetKeys()...), transaction.BatchRollback)
	if err != nil {
		region, err := txnOutcome(err)
		return &kvrpcpb.BatchRollbackResponse{RegionError: region}, err
	}
	return resp, nil
}

func (s *Server) KvCheckTxnStatus(ctx context.Context, req *kvrpcpb.CheckTxnStatusRequest) (*kvrpcpb.CheckTxnStatusResponse, error) {
	resp, err := write(ctx, s, req, [][]byte{nil, req.GetPrimaryKey()}, transaction.CheckTxnStatus)
	if err != nil {
		region, err := txnOutcome(err)
		return &kvrpcpb.CheckTxnStatusResponse{RegionError: region}, err
	}
	return resp, nil
}
