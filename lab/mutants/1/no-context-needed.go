//go:build mutant

// Accepts requests without a context: a standalone storage has no use for one.
// The clients that were written against it fail on the day the storage is
// replicated.
//
//lab:mutant 1 kv/storage/standalone
package standalone

import (
	"context"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (s *Storage) running(ctx context.Context, rc *kvrpcpb.Context) (engine.Engine, error) {
	return s.running_original(ctx, &kvrpcpb.Context{})
}
