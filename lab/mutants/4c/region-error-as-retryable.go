//go:build mutant

// A region error is told as the error of a key. The client begins its transaction
// again, and asks the same store.
//
//lab:mutant 4C kv/server
package server

import (
	"context"

	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (s *Server) KvBatchRollback(ctx context.Context, req *kvrpcpb.BatchRollbackRequest) (*kvrpcpb.BatchRollbackResponse, error) {
	resp, err := s.KvBatchRollback_original(ctx, req)
	if region := resp.GetRegionError(); region != nil {
		resp = &kvrpcpb.BatchRollbackResponse{Error: &kvrpcpb.KeyError{Retryable: region.Message}}
	}
	return resp, err
}
