//go:build mutant

// Puts first and deletes after them, in two tidy loops. The order of the batch
// is lost: a key that is deleted and then put again ends up deleted.
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
	var b engine.Batch
	for _, m := range batch {
		if !m.Delete {
			b.Put(m.CF, m.Key, m.Value)
		}
	}
	for _, m := range batch {
		if m.Delete {
			b.Delete(m.CF, m.Key)
		}
	}
	if b.Len() == 0 {
		return nil
	}
	return e.Write(&b, !s.config.NoSync)
}
