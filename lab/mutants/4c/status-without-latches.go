//go:build mutant

// KvCheckTxnStatus is taken for a read: no latches are held while it decides that a
// transaction is over. Its commit may be on its way.
//
//lab:mutant 4C kv/server
package server

import (
	"context"

	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (s *Server) KvCheckTxnStatus(ctx context.Context, req *kvrpcpb.CheckTxnStatusRequest) (*kvrpcpb.CheckTxnStatusResponse, error) {
	resp, err := write(ctx, s, req, nil, transaction.CheckTxnStatus)
	if err != nil {
		region, err := txnOutcome(err)
		return &kvrpcpb.CheckTxnStatusResponse{RegionError: region}, err
	}
	return resp, nil
}
