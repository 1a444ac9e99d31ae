//go:build mutant

// One engine batch for each family, since families look like separate stores. A
// crash, or a reader, can come between two of them.
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
	for _, cf := range engine.Families {
		var b engine.Batch
		for _, m := range batch {
			switch {
			case m.CF != cf:
			case m.Delete:
				b.Delete(m.CF, m.Key)
			default:
				b.Put(m.CF, m.Key, m.Value)
			}
		}
		if b.Len() == 0 {
			continue
		}
		if err := e.Write(&b, !s.config.NoSync); err != nil {
			return err
		}
	}
	return nil
}
