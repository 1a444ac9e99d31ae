//go:build variant

// A handler answers a client that has hung up at once. The command itself runs on in
// a goroutine, and holds its latches until its write is known to be applied or lost.
//
//lab:variant kv/server 4B
package server

import (
	"context"

	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (s *Server) KvPrewrite(ctx context.Context, req *kvrpcpb.PrewriteRequest) (*kvrpcpb.PrewriteResponse, error) {
	return untilGone(ctx, func() (*kvrpcpb.PrewriteResponse, error) { return s.KvPrewrite_original(ctx, req) })
}

func (s *Server) KvCommit(ctx context.Context, req *kvrpcpb.CommitRequest) (*kvrpcpb.CommitResponse, error) {
	return untilGone(ctx, func() (*kvrpcpb.CommitResponse, error) { return s.KvCommit_original(ctx, req) })
}

func untilGone[Response any](ctx context.Context, handle func() (Response, error)) (resp Response, err error) {
	done := make(chan struct{})
	var answer Response
	var failure error
	go func() {
		defer close(done)
		answer, failure = handle()
	}()
	select {
	case <-done:
		return answer, failure
	case <-ctx.Done():
		return resp, ctx.Err()
	}
}
