//go:build mutant

// Does not look whether the call is over already, and writes for clients that
// were told it failed.
//
//lab:mutant 1 kv/storage/standalone
package standalone

import (
	"context"

	"github.com/labkv/labkv/kv/engine"
)

func (s *Storage) running(ctx context.Context) (engine.Engine, error) {
	return s.running_original(context.WithoutCancel(ctx))
}
