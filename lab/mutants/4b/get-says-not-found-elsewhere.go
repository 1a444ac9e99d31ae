//go:build mutant

// The response of KvGet says "not found" beside a region error: a client that does
// not look takes the key for absent.
//
//lab:mutant 4B kv/server
package server

import (
	"context"

	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (s *Server) KvGet(ctx context.Context, req *kvrpcpb.GetRequest) (*kvrpcpb.GetResponse, error) {
	resp, err := s.KvGet_original(ctx, req)
	if resp.GetRegionError() != nil {
		resp.NotFound = true
	}
	return resp, err
}
