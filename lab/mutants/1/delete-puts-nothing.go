//go:build mutant

// RawDelete sets the key to an empty value. RawGet shows nothing there, and
// says that it found it.
//
//lab:mutant 1 kv/server
package server

import (
	"context"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (s *Server) RawDelete(ctx context.Context, req *kvrpcpb.RawDeleteRequest) (*kvrpcpb.RawDeleteResponse, error) {
	err := s.storage.Write(ctx, req.GetContext(), []engine.Op{
		{CF: family(req.GetCf()), Key: req.GetKey()},
	})
	region, message, err := outcome(err)
	return &kvrpcpb.RawDeleteResponse{RegionError: region, Error: message}, err
}
