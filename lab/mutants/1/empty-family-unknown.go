//go:build mutant

// RawPut takes the family from the request as it is. Clients that leave it
// empty, meaning the default, are refused.
//
//lab:mutant 1 kv/server
package server

import (
	"context"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (s *Server) RawPut(ctx context.Context, req *kvrpcpb.RawPutRequest) (*kvrpcpb.RawPutResponse, error) {
	err := s.storage.Write(ctx, req.GetContext(), []engine.Op{
		{CF: req.GetCf(), Key: req.GetKey(), Value: req.GetValue()},
	})
	region, message, err := outcome(err)
	return &kvrpcpb.RawPutResponse{RegionError: region, Error: message}, err
}
