//go:build mutant

// RawDelete looks first whether the key is there, and fails if it is not. A
// client that repeats a delete, because it did not hear the answer to the
// first, sees an error.
//
//lab:mutant 1 kv/server
package server

import (
	"context"

	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (s *Server) RawDelete(ctx context.Context, req *kvrpcpb.RawDeleteRequest) (*kvrpcpb.RawDeleteResponse, error) {
	_, found, err := s.rawGet(ctx, &kvrpcpb.RawGetRequest{Context: req.GetContext(), Cf: req.GetCf(), Key: req.GetKey()})
	if err == nil && !found {
		return &kvrpcpb.RawDeleteResponse{Error: "key not found"}, nil
	}
	return s.RawDelete_original(ctx, req)
}
