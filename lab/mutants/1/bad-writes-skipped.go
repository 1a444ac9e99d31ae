//go:build mutant

// A write that the engine would refuse is left out of the batch, so that the
// others go through. The client hears that all of it was done.
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
		if len(m.Key) == 0 || engine.FamilyIndex(engine.Families, m.CF) < 0 {
			continue
		}
		if m.Delete {
			b.Delete(m.CF, m.Key)
		} else {
			b.Put(m.CF, m.Key, m.Value)
		}
	}
	if b.Len() == 0 {
		return nil
	}
	return e.Write(&b, !s.config.NoSync)
}
