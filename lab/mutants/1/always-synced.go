//go:build mutant

// Ignores Config.NoSync: a server that asked for speed does not get it.
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
		if m.Delete {
			b.Delete(m.CF, m.Key)
		} else {
			b.Put(m.CF, m.Key, m.Value)
		}
	}
	if b.Len() == 0 {
		return nil
	}
	return e.Write(&b, true)
}
