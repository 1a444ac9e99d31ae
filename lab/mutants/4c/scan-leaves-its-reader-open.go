//go:build mutant

// KvScan does not close its reader.
//
//lab:mutant 4C kv/server
package server

import (
	"context"

	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (s *Server) KvScan(ctx context.Context, req *kvrpcpb.ScanRequest) (*kvrpcpb.ScanResponse, error) {
	view, err := s.storage.Reader(ctx, req.GetContext())
	if err == nil {
		var resp *kvrpcpb.ScanResponse
		if resp, err = transaction.Scan(transaction.NewReader(view), req); err == nil {
			return resp, nil
		}
		view.Close()
	}
	region, err := txnOutcome(err)
	return &kvrpcpb.ScanResponse{RegionError: region}, err
}
