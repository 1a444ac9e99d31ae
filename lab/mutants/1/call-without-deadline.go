//go:build mutant

// RawDelete calls the storage with context.Background(). The client's deadline is
// lost, and the work goes on after the client has given up.
//
//lab:mutant 1 kv/server
package server

import (
	"context"

	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (s *Server) RawDelete(_ context.Context, req *kvrpcpb.RawDeleteRequest) (*kvrpcpb.RawDeleteResponse, error) {
	return s.RawDelete_original(context.Background(), req)
}
