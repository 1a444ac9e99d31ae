//go:build mutant

// Syncs only batches that put something: what is there to lose in a delete? The
// key that comes back after a crash.
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
	sync := false
	for _, m := range batch {
		if m.Delete {
			b.Delete(m.CF, m.Key)
		} else {
			b.Put(m.CF, m.Key, m.Value)
			sync = true
		}
	}
	if b.Len() == 0 {
		return nil
	}
	return e.Write(&b, sync && !s.config.NoSync)
}
