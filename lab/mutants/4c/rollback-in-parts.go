//go:build mutant

// KvBatchRollback does its work in parts of a hundred keys, as KvResolveLock may. One of
// the later keys is committed, or another store leads meanwhile: the answer is an error,
// and the keys before it are rolled back.
//
//lab:mutant 4C kv/server
package server

import (
	"context"
	"slices"

	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (s *Server) KvBatchRollback(ctx context.Context, req *kvrpcpb.BatchRollbackRequest) (*kvrpcpb.BatchRollbackResponse, error) {
	if len(req.GetKeys()) == 0 {
		return s.KvBatchRollback_original(ctx, req)
	}
	for keys := range slices.Chunk(req.Keys, 100) {
		part := &kvrpcpb.BatchRollbackRequest{Context: req.Context, StartVersion: req.StartVersion, Keys: keys}
		resp, err := s.KvBatchRollback_original(ctx, part)
		if err != nil || resp.RegionError != nil || resp.Error != nil {
			return resp, err
		}
	}
	return &kvrpcpb.BatchRollbackResponse{}, nil
}
