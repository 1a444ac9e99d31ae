//go:build variant

// KvResolveLock finishes the locks in portions. If one fails it goes on with the others, and
// reports the first error in the end, with what it was about. The comment on KvResolveLock has
// it report why it has not finished all, and leaves open what else it has finished.
//
//lab:variant kv/server 4C
package server

import (
	"context"
	"fmt"
	"slices"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (s *Server) resolve(ctx context.Context, req *kvrpcpb.ResolveLockRequest) (*kvrpcpb.ResolveLockResponse, error) {
	if err := transaction.CheckResolve(req); err != nil {
		return nil, err
	}
	all, err := read(ctx, s, req, func(r *transaction.Reader, req *kvrpcpb.ResolveLockRequest) ([][]byte, error) {
		return transaction.LocksOf(r, req.StartVersion, 1<<30)
	})
	if err != nil {
		return nil, fmt.Errorf("looking for locks: %w", err)
	}
	var first error
	for keys := range slices.Chunk(all, locksAtOnce) {
		_, err := write(ctx, s, req, keys, func(r *transaction.Reader, req *kvrpcpb.ResolveLockRequest) (*kvrpcpb.ResolveLockResponse, []engine.Op, error) {
			return transaction.ResolveLock(r, req, keys)
		})
		if first == nil && err != nil {
			first = fmt.Errorf("%d locks: %w", len(keys), errors.Annotate(err, "from the first of them on"))
		}
	}
	return &kvrpcpb.ResolveLockResponse{}, first
}
