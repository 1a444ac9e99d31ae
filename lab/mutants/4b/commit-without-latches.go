//go:build mutant

// A commit takes no latches: it has the locks of its keys, and another transaction
// cannot have them. But another commit of the same transaction can come, or a
// rollback.
//
//lab:mutant 4B kv/server
package server

import (
	"context"

	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (s *Server) KvCommit(ctx context.Context, req *kvrpcpb.CommitRequest) (*kvrpcpb.CommitResponse, error) {
	resp, err := write(ctx, s, req, nil, transaction.Commit)
	if err != nil {
		region, err := txnOutcome(err)
		return &kvrpcpb.CommitResponse{RegionError: region}, err
	}
	return resp, nil
}
