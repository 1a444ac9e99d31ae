//go:build mutant

// RawGet closes its reader only if it found something. The early returns leave
// it open.
//
//lab:mutant 1 kv/server
package server

import (
	"context"

	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (s *Server) rawGet(ctx context.Context, req *kvrpcpb.RawGetRequest) (value []byte, found bool, err error) {
	r, err := s.storage.Reader(ctx, req.GetContext())
	if err != nil {
		return nil, false, err
	}
	value, found, err = r.Get(family(req.GetCf()), req.GetKey())
	if err != nil || !found {
		return nil, false, err
	}
	return value, true, r.Close()
}
