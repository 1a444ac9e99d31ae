//go:build mutant

// Every error of KvScan ends with status Unknown: a client cannot tell a request that
// makes no sense from a store that is busy.
//
//lab:mutant 4C kv/server
package server

import (
	"context"

	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (s *Server) KvScan(ctx context.Context, req *kvrpcpb.ScanRequest) (*kvrpcpb.ScanResponse, error) {
	return read(ctx, s, req, transaction.Scan)
}
