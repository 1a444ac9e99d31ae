//go:build mutant

// KvCommit returns the errors of the storage as they are. gRPC makes them the status
// Unknown, and a client cannot find the leader.
//
//lab:mutant 4B kv/server
package server

import (
	"context"

	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (s *Server) KvCommit(ctx context.Context, req *kvrpcpb.CommitRequest) (*kvrpcpb.CommitResponse, error) {
	return write(ctx, s, req, req.GetKeys(), transaction.Commit)
}
