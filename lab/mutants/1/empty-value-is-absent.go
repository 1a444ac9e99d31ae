//go:build mutant

// RawGet takes a value without bytes for a key that is not there.
//
//lab:mutant 1 kv/server
package server

import (
	"context"

	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (s *Server) RawGet(ctx context.Context, req *kvrpcpb.RawGetRequest) (*kvrpcpb.RawGetResponse, error) {
	value, _, err := s.rawGet(ctx, req)
	if err != nil {
		region, message, err := outcome(err)
		return &kvrpcpb.RawGetResponse{RegionError: region, Error: message}, err
	}
	return &kvrpcpb.RawGetResponse{Value: value, NotFound: len(value) == 0}, nil
}
