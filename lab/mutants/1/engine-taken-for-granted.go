//go:build mutant

// Uses the engine without looking whether there is one. Before Start, and after
// Stop, that is a nil pointer.
//
//lab:mutant 1 kv/storage/standalone
package standalone

import (
	"context"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/storage"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (s *Storage) running(ctx context.Context, rc *kvrpcpb.Context) (engine.Engine, error) {
	if rc == nil {
		return nil, storage.ErrNoContext
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return s.engine, nil
}
