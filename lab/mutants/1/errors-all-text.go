//go:build mutant

// Every error becomes text in the response. A client cannot tell a request that
// it must not repeat from one that it should send elsewhere.
//
//lab:mutant 1 kv/server
package server

import (
	"context"

	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (s *Server) RawGet(ctx context.Context, req *kvrpcpb.RawGetRequest) (*kvrpcpb.RawGetResponse, error) {
	value, found, err := s.rawGet(ctx, req)
	if err != nil {
		return &kvrpcpb.RawGetResponse{Error: err.Error()}, nil
	}
	return &kvrpcpb.RawGetResponse{Value: value, NotFound: !found}, nil
}
