//go:build mutant

// The store remembers which prewrites it has carried out, and answers one that
// comes again without looking. Meanwhile the transaction was rolled back, and its
// client is told that the key is locked. And the memory is never given back.
//
//lab:mutant 4B kv/server
package server

import (
	"context"
	"fmt"
	"sync"

	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (s *Server) KvPrewrite(ctx context.Context, req *kvrpcpb.PrewriteRequest) (*kvrpcpb.PrewriteResponse, error) {
	var keys [][]byte
	for _, m := range req.GetMutations() {
		keys = append(keys, m.GetKey())
	}
	mark := prewritten{s, fmt.Sprint(req.GetStartVersion(), keys)}
	if _, ok := done.Load(mark); ok {
		return &kvrpcpb.PrewriteResponse{}, nil
	}
	resp, err := write(ctx, s, req, keys, transaction.Prewrite)
	if err == nil && len(resp.Errors) == 0 {
		done.Store(mark, true)
	}
	if err != nil {
		region, err := txnOutcome(err)
		return &kvrpcpb.PrewriteResponse{RegionError: region}, err
	}
	return resp, nil
}

type prewritten struct {
	s       *Server
	request string
}

var done sync.Map
