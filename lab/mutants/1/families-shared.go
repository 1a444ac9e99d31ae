//go:build mutant

// Column families are ignored: everything is in the default one.
//
//lab:mutant 1 kv/storage/standalone
package standalone

import (
	"context"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/storage"
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
			b.Delete(engine.CFDefault, m.Key)
		} else {
			b.Put(engine.CFDefault, m.Key, m.Value)
		}
	}
	if b.Len() == 0 {
		return nil
	}
	return e.Write(&b, !s.config.NoSync)
}

func (s *Storage) Reader(ctx context.Context, rc *kvrpcpb.Context) (storage.Reader, error) {
	e, err := s.running(ctx)
	if err != nil {
		return nil, err
	}
	snapshot, err := e.Snapshot()
	if err != nil {
		return nil, err
	}
	return oneFamily{snapshot}, nil
}

type oneFamily struct{ engine.Snapshot }

func (r oneFamily) Get(_ engine.CF, key []byte) ([]byte, bool, error) {
	return r.Snapshot.Get(engine.CFDefault, key)
}

func (r oneFamily) Iterate(_ engine.CF, bounds engine.Range) (engine.Iterator, error) {
	return r.Snapshot.Iterate(engine.CFDefault, bounds)
}
