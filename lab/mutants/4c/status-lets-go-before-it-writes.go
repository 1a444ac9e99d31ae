//go:build mutant

// KvCheckTxnStatus gives the latch back when it has decided, before its write.
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
	view, err := s.storage.Reader(ctx, req.GetContext())
	if err != nil {
		release()
		return nil, err
	}
	resp, ops, err := transaction.CheckTxnStatus(transaction.NewReader(view), req)
	term := storage.Term(view)
	view.Close()
	release()
	if err != nil || len(ops) == 0 {
		return resp, err
	}
	return resp, s.storage.Write(context.WithoutCancel(ctx), inTerm(req.GetContext(), term), ops)
}
