//go:build mutant

// RawPut makes up a Context for the storage instead of handing on the
// request's. A standalone storage does not mind; a replicated one would write
// to region 0.
//
//lab:mutant 1 kv/server
package server

import (
	"context"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (s *Server) RawPut(ctx context.Context, req *kvrpcpb.RawPutRequest) (*kvrpcpb.RawPutResponse, error) {
	err := s.storage.Write(ctx, &kvrpcpb.Context{}, []engine.Op{
		{CF: family(req.GetCf()), Key: req.GetKey(), Value: req.GetValue()},
	})
	region, message, err := outcome(err)
	return &kvrpcpb.RawPutResponse{RegionError: region, Error: message}, err
}
