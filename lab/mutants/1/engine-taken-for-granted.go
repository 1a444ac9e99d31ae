//go:build mutant

// Uses the engine without looking whether there is one. Before Start, and after
// Stop, that is a nil pointer.
//
//lab:mutant 1 kv/storage/standalone
package standalone

import (
	"context"

	"github.com/labkv/labkv/kv/engine"
)

func (s *Storage) running(ctx context.Context) (engine.Engine, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return s.engine, nil
}
