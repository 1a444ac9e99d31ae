//go:build mutant

// KvCheckTxnStatus writes with the Context of the request, without the term in which it
// has read: another leader may have committed the transaction in between.
//
//lab:mutant 4C kv/server
package server

import (
	"context"

	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (s *Server) KvCheckTxnStatus(ctx context.Context, req *kvrpcpb.CheckTxnStatusRequest) (*kvrpcpb.CheckTxnStatusResponse, error) {
	resp, err := step(ctx, s, req)
	if err != nil {
		region, err := txnOutcome(err)
		return &kvrpcpb.CheckTxnStatusResponse{RegionError: region}, err
	}
	return resp, nil
}

func step(ctx context.Context, s *Server, req *kvrpcpb.CheckTxnStatusRequest) (*kvrpcpb.CheckTxnStatusResponse, error) {
	release, err := s.latches.Acquire(ctx, [][]byte{req.GetPrimaryKey()})
	if err != nil {
		return nil, err
	}
	defer release()
	view, err := s.storage.Reader(ctx, req.GetContext())
	if err != nil {
		return nil, err
	}
	resp, ops, err := transaction.CheckTxnStatus(transaction.NewReader(view), req)
	view.Close()
	if err != nil || len(ops) == 0 {
		return resp, err
	}
	return resp, s.storage.Write(context.WithoutCancel(ctx), req.GetContext(), ops)
}
