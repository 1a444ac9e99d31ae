//go:build mutant

// KvCommit reports an error of the disk as one of the key, which may be tried again
// from its start. But the transaction may be committed already.
//
//lab:mutant 4B kv/server
package server

import (
	"context"

	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (s *Server) KvCommit(ctx context.Context, req *kvrpcpb.CommitRequest) (*kvrpcpb.CommitResponse, error) {
	resp, err := write(ctx, s, req, req.GetKeys(), transaction.Commit)
	if err != nil {
		region, message, err := outcome(err)
		resp = &kvrpcpb.CommitResponse{RegionError: region}
		if message != "" {
			resp.Error = &kvrpcpb.KeyError{Retryable: message}
		}
		return resp, err
	}
	return resp, nil
}
