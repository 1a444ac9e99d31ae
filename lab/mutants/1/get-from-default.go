//go:build mutant

// RawGet always reads the default family.
//
//lab:mutant 1 kv/server
package server

import (
	"context"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (s *Server) rawGet(ctx context.Context, req *kvrpcpb.RawGetRequest) (value []byte, found bool, err error) {
	r, err := s.storage.Reader(ctx, req.GetContext())
	if err != nil {
		return nil, false, err
	}
	defer r.Close()
	return r.Get(engine.CFDefault, req.GetKey())
}
