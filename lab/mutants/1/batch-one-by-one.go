//go:build mutant

// Each write of a batch goes to the engine by itself. All of them arrive, unless
// one fails, or the machine does, and a reader may come in between.
//
//lab:mutant 1 kv/storage/standalone
package standalone

import (
	"context"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (s *Storage) Write(ctx context.Context, rc *kvrpcpb.Context, batch []engine.Op) error {
	e, err := s.running(ctx)
	if err != nil {
		return err
	}
	for _, m := range batch {
		var b engine.Batch
		if m.Delete {
			b.Delete(m.CF, m.Key)
		} else {
			b.Put(m.CF, m.Key, m.Value)
		}
		if err := e.Write(&b, !s.config.NoSync); err != nil {
			return err
		}
	}
	return nil
}
