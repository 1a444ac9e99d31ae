//go:build mutant

// KvPrewrite drops the message that outcome returns for an error of the disk, as a
// transactional response has no place for it. The client is told that its keys are
// locked.
//
//lab:mutant 4B kv/server
package server

import (
	"context"

	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (s *Server) KvPrewrite(ctx context.Context, req *kvrpcpb.PrewriteRequest) (*kvrpcpb.PrewriteResponse, error) {
	var keys [][]byte
	for _, m := range req.GetMutations() {
		keys = append(keys, m.GetKey())
	}
	resp, err := write(ctx, s, req, keys, transaction.Prewrite)
	if err != nil {
		region, _, err := outcome(err)
		return &kvrpcpb.PrewriteResponse{RegionError: region}, err
	}
	return resp, nil
}
