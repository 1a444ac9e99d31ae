//go:build mutant

// KvTxnHeartBeat is taken for a read: it answers with the new time to live, and does
// not store it.
//
//lab:mutant 4C kv/server
package server

import (
	"context"

	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (s *Server) KvTxnHeartBeat(ctx context.Context, req *kvrpcpb.TxnHeartBeatRequest) (*kvrpcpb.TxnHeartBeatResponse, error) {
	resp, err := read(ctx, s, req, func(r *transaction.Reader, req *kvrpcpb.TxnHeartBeatRequest) (*kvrpcpb.TxnHeartBeatResponse, error) {
		resp, _, err := transaction.TxnHeartBeat(r, req)
		return resp, err
	})
	if err != nil {
		region, err := txnOutcome(err)
		return &kvrpcpb.TxnHeartBeatResponse{RegionError: region}, err
	}
	return resp, nil
}
