//go:build mutant

// The write of KvCheckTxnStatus ends when its client hangs up, and so does its latch,
// while the write may still take effect.
//
//lab:mutant 4C kv/server
package server

import (
	"context"

	"github.com/labkv/labkv/kv/storage"
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
	term := storage.Term(view)
	view.Close()
	if err != nil || len(ops) == 0 {
		return resp, err
	}
	return resp, s.storage.Write(ctx, inTerm(req.GetContext(), term), ops)
}
