//go:build mutant

// RawGet reports a key that is not there as an error. To a client, that is a
// store which does not work.
//
//lab:mutant 1 kv/server
package server

import (
	"context"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (s *Server) rawGet(ctx context.Context, req *kvrpcpb.RawGetRequest) (value []byte, found bool, err error) {
	value, found, err = s.rawGet_original(ctx, req)
	if err == nil && !found {
		err = errors.New("key not found")
	}
	return value, found, err
}
