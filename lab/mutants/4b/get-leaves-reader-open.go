//go:build mutant

// KvGet closes its reader only when it has found a value.
//
//lab:mutant 4B kv/server
package server

import (
	"context"

	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (s *Server) KvGet(ctx context.Context, req *kvrpcpb.GetRequest) (*kvrpcpb.GetResponse, error) {
	view, err := s.storage.Reader(ctx, req.GetContext())
	if err == nil {
		var resp *kvrpcpb.GetResponse
		if resp, err = transaction.Get(transaction.NewReader(view), req); err == nil {
			if len(resp.Value) > 0 {
				view.Close()
			}
			return resp, nil
		}
	}
	region, err := txnOutcome(err)
	return &kvrpcpb.GetResponse{RegionError: region}, err
}
