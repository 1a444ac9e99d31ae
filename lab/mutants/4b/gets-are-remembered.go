//go:build mutant

// A snapshot never changes, so KvGet remembers what it has found for a key and a
// timestamp. But a reader may name a timestamp that was not handed out yet, and a
// store that has lost its region goes on to answer. And the memory is never given
// back.
//
//lab:mutant 4B kv/server
package server

import (
	"context"
	"sync"

	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (s *Server) KvGet(ctx context.Context, req *kvrpcpb.GetRequest) (*kvrpcpb.GetResponse, error) {
	at := got{s, string(transaction.VersionKey(req.GetKey(), req.GetVersion()))}
	if resp, ok := answers.Load(at); ok {
		return resp.(*kvrpcpb.GetResponse), nil
	}
	resp, err := read(ctx, s, req, transaction.Get)
	if err == nil && resp.Error == nil {
		answers.Store(at, resp)
	}
	if err != nil {
		region, err := txnOutcome(err)
		return &kvrpcpb.GetResponse{RegionError: region}, err
	}
	return resp, nil
}

type got struct {
	s  *Server
	at string
}

var answers sync.Map
