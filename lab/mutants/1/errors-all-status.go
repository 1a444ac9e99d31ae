//go:build mutant

// RawScan returns the storage's error as it is. gRPC makes a status of code
// Unknown out of it, and a region error loses everything it says about the
// region.
//
//lab:mutant 1 kv/server
package server

import (
	"context"

	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (s *Server) RawScan(ctx context.Context, req *kvrpcpb.RawScanRequest) (*kvrpcpb.RawScanResponse, error) {
	pairs, more, err := s.rawScan(ctx, req)
	if err != nil {
		return nil, err
	}
	return &kvrpcpb.RawScanResponse{Kvs: pairs, More: more}, nil
}
