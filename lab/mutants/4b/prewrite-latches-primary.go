//go:build mutant

// A prewrite latches its primary key, by which all commands of the transaction meet.
// Others have other primary keys.
//
//lab:mutant 4B kv/server
package server

import (
	"context"

	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (s *Server) KvPrewrite(ctx context.Context, req *kvrpcpb.PrewriteRequest) (*kvrpcpb.PrewriteResponse, error) {
	resp, err := write(ctx, s, req, [][]byte{req.GetPrimaryLock()}, transaction.Prewrite)
	if err != nil {
		region, err := txnOutcome(err)
		return &kvrpcpb.PrewriteResponse{RegionError: region}, err
	}
	return resp, nil
}
