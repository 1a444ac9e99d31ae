//go:build mutant

// RawPut answers that all is well, whatever the storage said.
//
//lab:mutant 1 kv/server
package server

import (
	"context"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (s *Server) RawPut(ctx context.Context, req *kvrpcpb.RawPutRequest) (*kvrpcpb.RawPutResponse, error) {
	s.storage.Write(ctx, req.GetContext(), []engine.Op{
		{CF: family(req.GetCf()), Key: req.GetKey(), Value: req.GetValue()},
	})
	return &kvrpcpb.RawPutResponse{}, nil
}
