//go:build mutant

// KvTxnHeartBeat holds no latches. A lock that is being committed or rolled back comes
// back with a longer life.
//
//lab:mutant 4C kv/server
package server

import (
	"context"

	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (s *Server) KvTxnHeartBeat(ctx context.Context, req *kvrpcpb.TxnHeartBeatRequest) (*kvrpcpb.TxnHeartBeatResponse, error) {
	resp, err := write(ctx, s, req, nil, transaction.TxnHeartBeat)
	if err != nil {
		region, err := txnOutcome(err)
		return &kvrpcpb.TxnHeartBeatResponse{RegionError: region}, err
	}
	return resp, nil
}
